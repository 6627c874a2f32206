"""An encoder's folder and a shop's texts in, a table with one vector for each word out: the fastest tier.

As model2vec distils (Tulkens & van Dongen 2024) the encoder reads every word of its vocabulary by itself; a word counts
the less, the more often the shop says it (SIF: Arora et al. 2017). Then the words move as little as they must for the
shop's texts to get the vectors that the encoder gives them (what model2vec's Tokenlearn trains; here in closed form).
The files are laid out as model2vec's own; its library is not used, because its distillation wants a transformers older
than the one that tunes, and knows nothing of a shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.linalg import cho_factor, cho_solve
from tokenizers import Tokenizer

from mercato.models import bert_onnx, onnx_session
from mercato.models.small.networks import OnnxNetwork
from mercato.models.small.surgery import principal
from mercato.models.text import same_length

_SIF = 1e-3
_RIDGE = 0.1
"""Both by validation on two catalogues (bench/compress.py): .03 to .3 and 1e-3 to 1e-2 are within .02 of each other."""
_BATCH = 64


def distil(
    folder: Path, target: Path, texts: Sequence[str], wanted: NDArray[np.float32], tokenizer: Tokenizer, dimension: int
) -> None:
    """Write config.json, model.safetensors and tokenizer.json into ``target``, as ``networks.TableNetwork`` reads them,
    with vectors of at most ``dimension`` numbers. ``wanted`` (n, d): what the encoder in ``folder`` makes of ``texts``.

    Takes n² · 8 bytes. Raises ArtifactError where there is no such encoder.
    """
    target.mkdir(parents=True, exist_ok=True)
    begin, *_, end = tokenizer.encode("").ids
    words = _read(folder, [[begin, number, end] for number in range(tokenizer.get_vocab_size())], wanted.shape[1])
    table = fitted(words, _counts(tokenizer, texts), wanted) @ principal(wanted, dimension).T
    save_file({"embeddings": table.astype(np.float16)}, target / "model.safetensors")
    tokenizer.save(str(target / "tokenizer.json"), pretty=False)
    about = {"model_type": "model2vec", "hidden_dim": int(table.shape[1]), "normalize": True, "sif_coefficient": _SIF}
    (target / "config.json").write_bytes(orjson.dumps(about))


def fitted(words: NDArray[np.float32], counts: sp.csr_array, wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table (words, d), weights in it, whose weighted mean over each text is near what is ``wanted`` (n, d) of it:
    ridge regression from ``words`` (words, d) on. ``counts`` (n, words)."""
    share = np.asarray(counts.sum(axis=0), np.float64) / max(float(counts.sum()), 1.0)
    weights = _SIF / (_SIF + share)
    means = counts @ sp.diags_array(weights)
    means = sp.csr_array(sp.diags_array(1 / np.maximum(means.sum(axis=1), 1e-12)) @ means)
    gram = (means @ means.T).toarray()
    gram[np.diag_indices_from(gram)] += _RIDGE * max(float(np.trace(gram)), 1e-12) / len(gram)
    missing = cho_solve(cho_factor(gram, overwrite_a=True), wanted - means @ words)
    table: NDArray[np.float32] = ((words + means.T @ missing) * weights[:, None]).astype(np.float32)
    return table


def _counts(tokenizer: Tokenizer, texts: Sequence[str]) -> sp.csr_array:
    """(n, words): how often each text says each word."""
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    ends = np.cumsum([0, *map(len, ids)])
    said = np.concatenate([np.empty(0, np.int64), *(np.array(one, np.int64) for one in ids)])
    return sp.csr_array((np.ones(len(said)), said, ends), shape=(len(texts), tokenizer.get_vocab_size()))


def _read(folder: Path, ids: Sequence[Sequence[int]], dimension: int) -> NDArray[np.float32]:
    """(n, dimension): what the encoder makes of each of ``ids``."""
    with TemporaryDirectory() as place:
        target = Path(place) / "model.onnx"
        bert_onnx.build(folder, target, int8=False)
        network = OnnxNetwork(onnx_session.session(target.read_bytes(), 1, str(folder)))
    vectors = np.empty((len(ids), dimension), np.float32)
    for places in same_length(ids, _BATCH):
        vectors[places] = network(np.array([ids[place] for place in places], np.int64))
    return vectors
