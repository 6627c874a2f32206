"""Every tier of an encoder is a folder that ``TextEncoder`` serves: the port's law holds, and it means the same."""

import logging
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from mercato.errors import ArtifactError, BackendError, SettingsError
from mercato.models import onnx_session
from mercato.models.small.form import FORM, Form, longest
from mercato.models.small.tiers import TIERS, Making, make
from mercato.models.text import LoadedTextEncoder, TextEncoder
from small_bert import COLOURS, THINGS, WIDTH, small_bert

TEXTS = tuple(f"{colour} {thing} {other}" for colour in COLOURS for thing in THINGS for other in ("case", "lamp"))
NEAR = {
    "float32": 0.99999, "int8": 0.995, "int8-static": 0.9, "openvino-float32": 0.99999, "openvino-int8": 0.9,
    "pruned": 0.97,
}  # fmt: skip
"""The mean cosine to the encoder itself that a random network keeps at least."""


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory) -> Making:
    place = tmp_path_factory.mktemp("making")
    source = str(small_bert(place / "bert"))
    return Making(
        source, TEXTS, place / "cache", place / "work", max_length=24, calibrated=8, dimension=16, table=24, steps=3
    )


@pytest.fixture(scope="module")
def whole(making: Making) -> np.ndarray:
    return TextEncoder(making.source, int8=False, max_length=24).load(making.cache).encode(TEXTS)


def served(name: str, making: Making, place: Path) -> LoadedTextEncoder:
    make(name, making, place, lambda _: None)
    return TextEncoder(str(place), max_length=24).load(place / "cache")


def lawful(encoder: LoadedTextEncoder, rough: float = 1e-5) -> None:
    """The law of ``ports.Encoder``, over strange texts too."""
    texts = ["red sofa", "", "blue lamp", "sofa", "nothing that it knows", "\ud800", "red sofa", "green table case"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[6])
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=rough)


@pytest.mark.parametrize("name", NEAR)
def test_a_tier_means_what_the_encoder_means(name: str, making: Making, whole: np.ndarray, tmp_path: Path) -> None:
    encoder = served(name, making, tmp_path / "tier")
    assert (encoder.encode(TEXTS) * whole).sum(axis=1).mean() > NEAR[name]
    lawful(encoder)


def test_short_vectors_keep_who_is_near_whom(making: Making, whole: np.ndarray, tmp_path: Path) -> None:
    encoder = served("short", making, tmp_path / "tier")
    assert encoder.dimension == 16
    vectors = encoder.encode(TEXTS)
    assert np.abs(vectors @ vectors.T - whole @ whole.T).mean() < 0.05
    lawful(encoder)


def test_static_gives_the_shops_texts_their_vectors(making: Making, whole: np.ndarray, tmp_path: Path) -> None:
    encoder = served("static", making, tmp_path / "tier")
    assert encoder.dimension == 24
    vectors = encoder.encode(TEXTS)
    assert (
        np.corrcoef((vectors @ vectors.T).ravel(), (whole @ whole.T).ravel())[0, 1] > 0.6
    )  # a random network is no bag of words
    assert longest(tmp_path / "tier") == 512
    lawful(encoder)


def test_model2vec_reads_a_static_encoder_as_we_do(making: Making, tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    encoder = served("static", making, tmp_path / "tier")
    theirs = model2vec.StaticModel.from_pretrained(str(tmp_path / "tier"))
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs.encode(list(TEXTS)), atol=1e-3)


@pytest.mark.train
@pytest.mark.parametrize("name", ["student", "small-student"])
def test_a_student_is_distilled_and_served(name: str, making: Making, tmp_path: Path) -> None:
    encoder = served(name, making, tmp_path / "tier")
    assert encoder.dimension == WIDTH
    lawful(encoder)


def test_fingerprints_tell_tiers_apart(making: Making, tmp_path: Path) -> None:
    names = ("float32", "int8", "openvino-float32")
    found = {name: served(name, making, tmp_path / name).fingerprint for name in names}
    assert len(set(found.values())) == len(names)


def test_a_tier_without_its_graph_is_refused(making: Making, tmp_path: Path) -> None:
    make("int8", making, tmp_path / "tier", lambda _: None)
    (tmp_path / "tier" / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match="incomplete"):
        TextEncoder(str(tmp_path / "tier"), max_length=24).load(tmp_path / "cache")


def test_an_unknown_form_is_refused(making: Making, tmp_path: Path) -> None:
    make("int8", making, tmp_path / "tier", lambda _: None)
    Form("abacus", graph=True).write(tmp_path / "tier")
    with pytest.raises(ArtifactError, match="abacus"):
        TextEncoder(str(tmp_path / "tier"), max_length=24).load(tmp_path / "cache")
    (tmp_path / "tier" / FORM).write_text("[")
    with pytest.raises(ArtifactError, match="cannot be read"):
        Form.read(tmp_path / "tier")


def test_a_damaged_table_is_refused(making: Making, tmp_path: Path) -> None:
    make("static", making, tmp_path / "tier", lambda _: None)
    weights = tmp_path / "tier" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ArtifactError, match="table of words"):
        TextEncoder(str(tmp_path / "tier"), max_length=24).load(tmp_path / "cache")


def test_without_openvino_the_reason_is_said(making: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("openvino-float32", making, tmp_path / "tier", lambda _: None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ArtifactError, match="OpenVINO"):
        TextEncoder(str(tmp_path / "tier"), max_length=24).load(tmp_path / "cache")
    with pytest.raises(BackendError, match="OpenVINO"):
        make("openvino-float32", making, tmp_path / "other", lambda _: None)


def test_every_tier_is_tried_somewhere() -> None:
    assert set(TIERS) == {*NEAR, "short", "static", "student", "small-student", "openvino-bfloat16"}


def test_bfloat16_is_for_cpus_that_have_it(making: Making, whole: np.ndarray, tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        encoder = served("openvino-bfloat16", making, tmp_path / "tier")
        assert (encoder.encode(TEXTS) * whole).sum(axis=1).mean() > 0.99
    else:
        with pytest.raises(BackendError, match="bfloat16"):
            make("openvino-bfloat16", making, tmp_path / "tier", lambda _: None)


def test_a_device_that_is_not_there_is_the_cpu(making: Making, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SettingsError, match="device"):
        TextEncoder(device="abacus")
    for device, provider in (("cuda", "CUDAExecutionProvider"), ("tensorrt", "TensorrtExecutionProvider")):
        if provider in ort.get_available_providers():
            continue
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="mercato"):  # quantising libraries turn the root's level up
            assert onnx_session.found(device) == "cpu"
        assert "on the CPU" in caplog.text
        plain = TextEncoder(making.source, max_length=24).load(making.cache)
        assert (
            TextEncoder(making.source, max_length=24, device=device).load(making.cache).fingerprint == plain.fingerprint
        )
    assert onnx_session.found("auto") in ("cpu", "cuda")


@pytest.mark.parametrize(
    ("device", "provider"), [("cuda", "CUDAExecutionProvider"), ("tensorrt", "TensorrtExecutionProvider")]
)
def test_a_gpu_makes_the_same_vectors(device: str, provider: str, making: Making, whole: np.ndarray) -> None:
    if provider not in ort.get_available_providers():
        pytest.skip(f"this ONNX Runtime has no {provider}: install onnxruntime-gpu on a machine with a GPU")
    encoder = TextEncoder(making.source, max_length=24, device=device).load(making.cache)
    assert (encoder.encode(TEXTS) * whole).sum(axis=1).min() > 0.999
