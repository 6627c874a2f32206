"""An encoder's folder and some texts in, what its layers see of them out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import TensorProto, helper

from mercato.models import bert_onnx, onnx_session
from mercato.models.onnx_graph import FUSED
from mercato.models.small.surgery import Moments

_READ = {"MultiHeadAttention": "attention.output.dense", "BiasGelu": "output.dense"}


def moments(folder: Path, ids: Sequence[Sequence[int]], threads: int = 1) -> dict[str, Moments]:
    """Of what each layer's attention and feed-forward block put out over the tokens ``ids`` of some texts, by the name
    of the linear layer that reads it."""
    with TemporaryDirectory() as place:
        target = Path(place) / "model.onnx"
        bert_onnx.build(folder, target, int8=False)
        model = onnx.load(target)
    names = {}
    count = dict.fromkeys(_READ, 0)
    for node in model.graph.node:
        if node.op_type in _READ and node.domain == FUSED:
            names[f"encoder.layer.{count[node.op_type]}.{_READ[node.op_type]}"] = node.output[0]
            count[node.op_type] += 1
            model.graph.output.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None))
    session = onnx_session.session(model.SerializeToString(), threads, str(folder))
    many, total, square = 0, dict[str, np.ndarray](), dict[str, np.ndarray]()
    for one in ids:
        tokens = np.array([one], np.int64)
        seen = session.run(list(names.values()), {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})
        many += len(one)
        for name, rows in zip(names, (found[0].astype(np.float64) for found in seen), strict=True):
            total[name] = total.get(name, 0.0) + rows.sum(axis=0)
            square[name] = square.get(name, 0.0) + rows.T @ rows
    means = {name: part / many for name, part in total.items()}
    return {name: Moments(mean, square[name] / many - np.outer(mean, mean)) for name, mean in means.items()}
