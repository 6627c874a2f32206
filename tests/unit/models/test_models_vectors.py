"""The cache against the encoder itself: same vectors, each text encoded once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercato.errors import ArtifactError
from mercato.models import vectors as vectors_module
from mercato.models.hashed import HashEncoder
from mercato.models.vectors import VectorCache


@dataclass
class Counted:
    """An encoder that remembers what it was asked."""

    inner: HashEncoder = field(default_factory=lambda: HashEncoder(64))
    asked: list[str] = field(default_factory=list)

    @property
    def dimension(self) -> int:
        return self.inner.dimension

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return self.inner.encode(texts)

    def knows(self, word: str) -> bool:
        return self.inner.knows(word)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.text(max_size=8), max_size=12), max_size=4))
def test_vectors_are_the_encoders_and_each_text_is_encoded_once(rounds: list[list[str]]) -> None:
    encoder, seen = Counted(), set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for texts in rounds:
            vectors = VectorCache(Path(folder)).encode(encoder, texts)
            assert vectors.shape == (len(texts), 64)
            assert vectors.dtype == np.float32
            np.testing.assert_allclose(vectors, encoder.inner.encode(texts), atol=1e-3)
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
            seen |= set(texts)
            assert sorted(encoder.asked) == sorted(seen)


def test_kept_and_new_vectors_are_the_same_bits(tmp_path: Path) -> None:
    texts = [f"tin {number}" for number in range(50)]
    fresh = VectorCache(tmp_path).encode(HashEncoder(), texts)
    np.testing.assert_array_equal(VectorCache(tmp_path).encode(HashEncoder(), texts[::-1])[::-1], fresh)


def test_damaged_segments_are_encoded_again(tmp_path: Path) -> None:
    cache, encoder = VectorCache(tmp_path), Counted()
    expected = cache.encode(encoder, ["soup", "sofa"])
    (segment,) = tmp_path.rglob("*.npz")
    whole = segment.read_bytes()
    for damage in (
        b"",
        whole[:100],
        whole[:-300] + bytes(300),
        whole.replace(whole[160:176], bytes(16)),
        b"PK" + whole,
    ):
        segment.write_bytes(damage)
        encoder.asked.clear()
        np.testing.assert_array_equal(cache.encode(encoder, ["soup", "sofa"]), expected)
        assert sorted(encoder.asked) in (["sofa", "soup"], [])
        assert len(list(tmp_path.rglob("*.npz"))) == 1


def test_another_encoder_has_its_own_vectors(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path)
    assert cache.encode(HashEncoder(16), ["soup"]).shape == (1, 16)
    assert cache.encode(HashEncoder(32), ["soup"]).shape == (1, 32)


def test_segment_of_another_shape_is_not_there(tmp_path: Path) -> None:
    encoder = HashEncoder(16)
    place = tmp_path / encoder.fingerprint
    place.mkdir()
    np.savez(place / "wrong.npz", keys=np.zeros((2, 16), np.uint8), vectors=np.zeros((2, 8), np.float16))
    np.savez(place / "empty.npz", other=np.zeros(1))
    np.testing.assert_allclose(VectorCache(tmp_path).encode(encoder, ["soup"]), encoder.encode(["soup"]), atol=1e-3)


def test_progress_counts_new_texts_and_an_interruption_keeps_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_module, "_SEGMENT", 4)
    cache, encoder, heard = VectorCache(tmp_path), Counted(), list[tuple[int, int]]()
    cache.encode(encoder, ["a", "bb"])
    texts = ["a", "bb", *(f"text {number}" for number in range(9))]

    def interrupt(done: int, total: int) -> None:
        heard.append((done, total))
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.encode(encoder, texts, interrupt)
    assert heard == [(4, 9), (8, 9)]
    encoder.asked.clear()
    cache.encode(encoder, texts, interrupt)
    assert len(encoder.asked) == 1
    assert heard[-1] == (1, 1)


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError, match="cannot be kept"):
        VectorCache(tmp_path / "file").encode(HashEncoder(8), ["soup"])
