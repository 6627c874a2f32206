"""A checkpoint is read as torch would read it; nothing in one is ever called."""

from __future__ import annotations

import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.errors import ArtifactError
from mercato.models.torch_file import read_tensors

MAGIC, PROTOCOL, SYSTEM = 0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}


def head(magic: int = MAGIC, protocol: int = PROTOCOL, system: Any = SYSTEM) -> bytes:
    return b"".join(pickle.dumps(part, 2) for part in (magic, protocol, system))


@pytest.fixture(scope="module")
def checkpoint() -> tuple[bytes, dict[str, np.ndarray]]:
    """What torch itself writes: a transposed tensor, two views of one storage, a scalar, whole numbers."""
    torch = pytest.importorskip("torch")
    base = torch.arange(24, dtype=torch.float32)
    state = {
        "plain": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
        "turned": base.reshape(4, 6).T,
        "part": base[5:11].reshape(2, 3),
        "count": torch.tensor(7),
        "none": torch.zeros(0, 3),
    }
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=False)
    return file.getvalue(), {name: tensor.numpy() for name, tensor in state.items()}


def test_tensors_are_those_torch_wrote(checkpoint: tuple[bytes, dict[str, np.ndarray]]) -> None:
    content, wanted = checkpoint
    found = read_tensors(content, "here")
    assert list(found) == list(wanted)
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found[name], tensor)
        assert not found[name].flags.writeable


@given(st.data())
def test_a_cut_file_is_refused(checkpoint: tuple[bytes, dict[str, np.ndarray]], data: st.DataObject) -> None:
    content, _ = checkpoint
    length = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ArtifactError, match=r"cannot be read.*\[here\]"):
        read_tensors(content[:length], "here")


@given(st.data())
def test_a_damaged_file_is_refused_or_gives_arrays(
    checkpoint: tuple[bytes, dict[str, np.ndarray]], data: st.DataObject
) -> None:
    content = bytearray(checkpoint[0])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_tensors(bytes(content), "here")
    except ArtifactError:
        return
    assert all(isinstance(tensor, np.ndarray) for tensor in found.values())


class Calls:
    """Pickled as a call of ``os.mkdir``."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("place", ["magic", "system", "names"])
def test_a_pickle_that_calls_something_is_refused(tmp_path: Path, place: str) -> None:
    trap = Calls(tmp_path / "made")
    content = {
        "magic": pickle.dumps(trap, 2),
        "system": head(system=trap),
        "names": head() + pickle.dumps({"weight": trap}, 2),
    }[place]
    with pytest.raises(ArtifactError, match=r"mkdir has no place among tensors"):
        read_tensors(content, "here")
    assert not (tmp_path / "made").exists()


def test_names_that_only_look_allowed_are_refused() -> None:
    for text in (
        b"ctorch\nload\n.",
        b"ctorch._utils\n_rebuild_tensor_v3\n.",
        b"cbuiltins\neval\n.",
        b"cbuiltins\ngetattr\n.",
    ):
        with pytest.raises(ArtifactError, match="no place among tensors"):
            read_tensors(head() + text, "here")


def test_a_view_beyond_the_file_is_refused() -> None:
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(4)}, file, _use_new_zipfile_serialization=False)
    content = file.getvalue()
    assert content.endswith(struct.pack("<q", 4) + bytes(16))
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_tensors(content[:-20], "here")


@pytest.mark.parametrize(
    "content", [head(magic=1), head(protocol=1000), head(system={"little_endian": False}), b"PK\3\4"]
)
def test_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_tensors(content, "here")
