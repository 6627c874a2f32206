"""An encoder's folder and some texts in, a graph in int8 with fixed scales out: by ``nncf``, for both runtimes.

What a layer sees is measured once on the texts ("static"), outliers are moved into the weights before that
(SmoothQuant: Xiao et al. 2023), and the mean error is put into the biases. ONNX Runtime's own static quantisation has
neither: cosine .94 to float32 where this has .997 (bench/results/compress.md).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mercato.errors import ArtifactError, BackendError
from mercato.models.onnx_graph import publish, quantise_rows
from mercato.models.small import standard

_HINT = "pip install 'mercato[tune]'"


class _Tables(standard.StandardGraph):
    """Tables of words and positions are int8 by row, as in ``bert_onnx``: with a scale for the whole of it the runtime
    would unpack all of it for every text."""

    def lookup(self, table: NDArray[np.float32], ids: str) -> str:
        quantised, scales = quantise_rows(table)
        rows = self.node("Cast", self.node("Gather", self.constant(quantised), ids), to=onnx.TensorProto.FLOAT)
        return self.node("Mul", rows, self.node("Gather", self.constant(scales[:, None]), ids))


def static(folder: Path, target: Path, ids: Sequence[Sequence[int]]) -> None:
    """Write the encoder in ``folder`` to ``target`` as a standard ONNX graph that multiplies matrices in int8, with
    scales that fit the texts with the tokens ``ids``. Raises BackendError without nncf, ArtifactError where it cannot.
    """
    try:
        import nncf
    except ImportError as error:
        raise BackendError("static int8 needs nncf", where="int8-static", hint=_HINT) from error
    nncf.set_log_level(logging.ERROR)

    def feeds(tokens: Sequence[int]) -> dict[str, Any]:
        given = np.array([tokens], np.int64)
        return {"input_ids": given, "attention_mask": np.ones_like(given)}

    with TemporaryDirectory() as place:
        path = Path(place) / "model.onnx"
        standard.build(folder, path, _Tables())
        model = onnx.load(path)
    try:
        with redirect_stdout(io.StringIO()):  # its progress bars
            made = nncf.quantize(
                model,
                nncf.Dataset(list(ids), feeds),
                subset_size=len(ids),
                model_type=nncf.ModelType.TRANSFORMER,
                ignored_scope=nncf.IgnoredScope(types=["Gather", "Mul"], validate=False),
            )
    except Exception as error:  # what it and ONNX Runtime raise shares no base class
        raise ArtifactError(f"the encoder cannot be quantised: {error}", where=str(folder)) from error
    publish(target, made.SerializeToString())
