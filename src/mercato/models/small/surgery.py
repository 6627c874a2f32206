"""A BERT's tensors in, fewer of them out: layers dropped, heads and feed-forward neurons cut, vectors shortened.

``transformers`` cannot cut heads any more, so this is done on the tensors themselves. A layer's width stays; heads and
neurons may be another number in every layer, as ``bert_onnx`` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.errors import ArtifactError

Tensors = Mapping[str, NDArray[np.float32]]
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")
_RIDGE = 1e-3
_STEPS = 24
"""How often costs are computed anew while one layer is cut."""


@dataclass(frozen=True)
class Moments:
    """What was seen of the inputs (n,) of one linear layer: their ``mean`` and ``covariance`` (n, n), float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def layers_of(tensors: Tensors) -> int:
    """How many layers there are."""
    return 1 + max((int(found[1]) for name in tensors if (found := _LAYER.match(name))), default=-1)


def kept_layers(tensors: Tensors, count: int) -> dict[str, NDArray[np.float32]]:
    """``count`` layers, evenly spaced, the last one among them (DistilBERT: Sanh et al. 2019), numbered from 0."""
    has = layers_of(tensors)
    kept = [(place + 1) * has // count - 1 for place in range(count)]
    number = {old: new for new, old in enumerate(kept)}
    found = {}
    for name, tensor in tensors.items():
        layer = _LAYER.match(name)
        if layer is None:
            found[name] = tensor
        elif int(layer[1]) in number:
            found[f"encoder.layer.{number[int(layer[1])]}.{name[layer.end() :]}"] = tensor
    return found


def pruned(
    tensors: Tensors, heads: int, moments: Mapping[str, Moments], share_heads: float, share_neurons: float
) -> dict[str, NDArray[np.float32]]:
    """Without the ``share_heads`` of each layer's ``heads`` and the ``share_neurons`` of its feed-forward neurons that
    cost least; what stays makes up for them as well as a linear map can (see ``fewer``). ``moments``: by the name of
    the linear layer that reads what is cut (see ``calibrate``)."""
    plain(tensors)
    found = dict(tensors)
    for layer in range(layers_of(tensors)):
        name = f"encoder.layer.{layer}"
        size = len(found[f"{name}.attention.self.value.bias"]) // heads
        into = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        _cut(found, f"{name}.attention.output.dense", into, moments, size, share_heads)
        _cut(found, f"{name}.output.dense", [f"{name}.intermediate.dense"], moments, 1, share_neurons)
    return found


def _cut(
    found: dict[str, NDArray[np.float32]],
    reader: str,
    into: list[str],
    moments: Mapping[str, Moments],
    size: int,
    share: float,
) -> None:
    """Cut groups of ``size`` inputs of the linear layer ``reader``, and the outputs of those ``into`` them."""
    weight, seen = found[f"{reader}.weight"], moments[reader]
    many = weight.shape[1] // size
    keep = max(1, round(many * (1 - share)))
    kept, smaller = fewer(weight, seen.covariance, size, keep)
    spread = np.zeros_like(weight)
    spread[:, kept] = smaller
    found[f"{reader}.weight"] = smaller
    found[f"{reader}.bias"] = (found[f"{reader}.bias"] + (weight - spread) @ seen.mean).astype(np.float32)
    for name in into:
        found[f"{name}.weight"], found[f"{name}.bias"] = found[f"{name}.weight"][kept], found[f"{name}.bias"][kept]


def fewer(
    weight: NDArray[np.float32], covariance: NDArray[np.float64], size: int, keep: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The columns of ``weight`` (m, n) of the ``keep`` groups (of ``size`` columns each) that do best together, and
    their new weights: m outputs change least, in the mean square over inputs with that ``covariance`` (n, n).

    Optimal Brain Surgeon (Hassibi & Stork 1993) by groups, as ZipLM (Kurtic et al. 2023): a group costs
    tr(W_g (H⁻¹_gg)⁻¹ W_gᵀ), and the others take over what W_g (H⁻¹_gg)⁻¹ H⁻¹_g: says.
    """
    n = weight.shape[1]
    ridge = _RIDGE * float(np.trace(covariance)) / n + 1e-12
    inverse = np.linalg.inv(covariance + ridge * np.eye(n))
    own, columns = weight.astype(np.float64), np.arange(n)
    step = max(1, -(-(n // size - keep) // _STEPS))
    while (left := len(columns) // size) > keep:
        groups = np.arange(len(columns)).reshape(left, size)
        blocks = np.linalg.inv(inverse[groups[:, :, None], groups[:, None, :]])
        parts = own[:, groups]  # (m, left, size)
        costs = np.einsum("mgs,gst,mgt->g", parts, blocks, parts, optimize=True)
        gone = np.sort(np.argsort(costs, kind="stable")[: min(step, left - keep)])
        out = groups[gone].ravel()
        rest = np.setdiff1d(np.arange(len(columns)), out)
        over = np.linalg.solve(inverse[np.ix_(out, out)], inverse[out])
        own = (own - own[:, out] @ over)[:, rest]
        inverse = (inverse - inverse[:, out] @ over)[np.ix_(rest, rest)]
        columns = columns[rest]
    return columns, own.astype(np.float32)


def widened(tensors: Tensors, like: Tensors) -> dict[str, NDArray[np.float32]]:
    """A pruned BERT with as many heads and neurons as ``like`` again, the new ones all zero, so that libraries read it.

    Of a head or neuron that is zero on both sides every gradient is zero: training leaves it so, and ``narrowed`` takes
    it out again.
    """
    found = {}
    for name, tensor in tensors.items():
        wide = like[name].shape if name in like else tensor.shape
        found[name] = np.zeros(wide, np.float32)
        found[name][tuple(slice(0, size) for size in tensor.shape)] = tensor
    return found


def narrowed(tensors: Tensors, heads: int) -> dict[str, NDArray[np.float32]]:
    """Without the heads and neurons that are zero."""
    plain(tensors)
    found = dict(tensors)
    for layer in range(layers_of(tensors)):
        name = f"encoder.layer.{layer}"
        size = len(found[f"{name}.attention.self.value.bias"]) // heads
        into = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        for reader, sources, group in (
            (f"{name}.attention.output.dense", into, size),
            (f"{name}.output.dense", [f"{name}.intermediate.dense"], 1),
        ):
            heaviest = np.abs(found[f"{reader}.weight"]).max(axis=0).reshape(-1, group).max(axis=1)
            live = heaviest > 0 if heaviest.any() else np.arange(len(heaviest)) == 0  # one at least
            kept = np.flatnonzero(np.repeat(live, group))
            found[f"{reader}.weight"] = found[f"{reader}.weight"][:, kept]
            for one in sources:
                found[f"{one}.weight"], found[f"{one}.bias"] = found[f"{one}.weight"][kept], found[f"{one}.bias"][kept]
    return found


def sparse(tensors: Tensors, share: float) -> dict[str, NDArray[np.float32]]:
    """The ``share`` of each linear layer's weights that is nearest to 0 made 0 (magnitude pruning: Han et al. 2015).

    No smaller and no faster where matrices are kept and multiplied as dense ones, which is how CPUs do it here.
    """
    found = dict(tensors)
    for name, tensor in tensors.items():
        if _LAYER.match(name) and tensor.ndim == 2:
            bound = np.quantile(np.abs(tensor), share)
            found[name] = np.where(np.abs(tensor) <= bound, np.float32(0), tensor)
    return found


def shortened(tensors: Tensors, turn: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Vectors shortened by the linear map ``turn`` (k, dimension), made unit length again by whoever serves them."""
    if "projection.weight" in tensors:
        bias = turn @ tensors["projection.bias"]
        turn = turn @ tensors["projection.weight"]
    else:
        bias = np.zeros(len(turn), np.float32)
    return {**tensors, "projection.weight": np.ascontiguousarray(turn, np.float32), "projection.bias": bias}


def principal(vectors: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(k, d): the directions that keep the inner products of ``vectors`` (n, d) best (truncated SVD: Eckart & Young
    1936)."""
    _, _, rows = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    return np.ascontiguousarray(rows[:k], np.float32)


def leading(dimension: int, k: int) -> NDArray[np.float32]:
    """(k, dimension): the first ``k`` numbers alone, for an encoder that was tuned so that they do (Matryoshka:
    Kusupati et al. 2022)."""
    return np.eye(k, dimension, dtype=np.float32)


def plain(tensors: Tensors) -> None:
    """Raises ArtifactError where a tuned encoder has parts inside its layers that cannot be cut with them."""
    extra = [name for name in tensors if ".adapter." in name or name.startswith(("prefix.", "prompt"))]
    if extra:
        what = f"an encoder with {extra[0]} cannot be cut"
        raise ArtifactError(what, hint="tune with a method that is merged: full, lora, adalora or head")
