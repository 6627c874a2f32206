"""A torch checkpoint in, its tensors as arrays out: no torch, and nothing in the file can be called.

Reads the form torch wrote before 1.6: three small pickles (magic number, protocol, byte order), one of the names and
shapes, one of the storages' keys, then every storage as its length and its numbers. The pickles are read by an
unpickler that knows the four names such a file may hold and refuses every other (Python documentation, "Restricting
Globals"); none of the four does anything but note what it was given.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.errors import ArtifactError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


@dataclass(frozen=True, slots=True)
class _View:
    """One tensor: where its numbers lie in which storage."""

    key: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _view(storage: tuple[Any, ...], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _View:
    return _View(storage[2], storage[1], offset, shape, strides)


_KNOWN: Mapping[tuple[str, str], Any] = MappingProxyType(
    {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _view,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }
)


class _Reader(pickle.Unpickler):
    """Gives plain values and ``_View``s; a name that is not in ``_KNOWN`` ends the reading."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place among tensors")
        return _KNOWN[module_name, global_name]

    def persistent_load(self, pid: Any, /) -> Any:
        return pid


def read_tensors(content: bytes, where: str) -> dict[str, NDArray[Any]]:
    """Every tensor by its name, as an array over ``content`` that cannot be written to.

    Raises ArtifactError, naming ``where`` the bytes came from, when they are no such file, are cut off, or hold
    anything but tensors of float32 and int64.
    """
    file = io.BytesIO(content)
    try:
        magic, protocol, system = (_Reader(file).load() for _ in range(3))
        if (magic, protocol, system["little_endian"]) != (_MAGIC, _PROTOCOL, True):
            raise ValueError("not the form that torch wrote before 1.6")
        named: dict[str, _View] = _Reader(file).load()
        starts = _starts(file, _Reader(file).load(), {view.key: view.dtype for view in named.values()})
        return {name: _array(content, view, starts[view.key]) for name, view in named.items()}
    except Exception as error:  # an unpickler may raise anything at all on damaged bytes
        raise ArtifactError(f"the weights cannot be read: {error}", where=where) from error


def _starts(file: io.BytesIO, keys: list[str], dtypes: Mapping[str, str]) -> dict[str, int]:
    """The position of each storage's first number; ``file`` stands before the first storage."""
    starts: dict[str, int] = {}
    for key in keys:
        head = file.read(8)
        starts[key] = file.tell()
        end = starts[key] + int.from_bytes(head, "little") * np.dtype(dtypes[key]).itemsize
        if len(head) < 8 or end > len(file.getbuffer()):
            raise ValueError(f"storage {key} is cut off")
        file.seek(end)
    return starts


def _array(content: bytes, view: _View, start: int) -> NDArray[Any]:
    """The numbers of ``view`` where they lie; numpy refuses a shape or strides that leave ``content``."""
    size = np.dtype(view.dtype).itemsize
    strides = tuple(step * size for step in view.strides)
    return np.ndarray(view.shape, view.dtype, buffer=content, offset=start + view.offset * size, strides=strides)
