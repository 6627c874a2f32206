"""A whole BERT folder with random weights and a tokenizer of a few words, for tests of what is built on one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, HEADS, LAYERS, POSITIONS = 32, 4, 2, 24
COLOURS = ("red", "blue", "green", "black", "white", "pink")
THINGS = ("sofa", "lamp", "chair", "table", "shirt", "shoe", "phone", "case")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def small_bert(folder: Path, seed: int = 7) -> Path:
    """Write config.json, model.safetensors and tokenizer.json into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    words = (*SPECIAL, *COLOURS, *THINGS)
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_tensors(len(words), np.random.default_rng(seed)), folder / "model.safetensors")
    return folder


def _tensors(words: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        block = f"encoder.layer.{layer}"
        sizes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (64, WIDTH)}
        sizes |= {"output.dense": (WIDTH, 64)}
        for name, size in sizes.items():
            shapes |= {f"{block}.{name}.weight": size, f"{block}.{name}.bias": size[:1]}
        norms += [f"{block}.attention.output.LayerNorm", f"{block}.output.LayerNorm"]
    tensors = {name: random.normal(0, 0.3, size).astype(np.float32) for name, size in shapes.items()}
    for name in norms:
        tensors[f"{name}.weight"] = random.uniform(0.5, 1.5, WIDTH).astype(np.float32)
        tensors[f"{name}.bias"] = random.normal(0, 0.1, WIDTH).astype(np.float32)
    return tensors
