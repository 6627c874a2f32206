"""One file of sequences in, what each loss of the sequence transformer gives out: bench/results/losses.md.

python bench/losses.py FILE [TEXTS [ATTRIBUTES]]      as for `mercato bench recommend`

Leave-one-out. Full cross-entropy, sampled softmax with logQ correction and gBCE train the same network on the same
batches, stopped on the same validation NDCG@10. The lane alone is judged on the test; nothing is chosen by it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import machine
from mercato.evaluate.offline import Case, Rank, compare
from mercato.jobs.bench import validation
from mercato.jobs.evaluate import alone
from mercato.jobs.examples import Split, next_new, request
from mercato.jobs.sequences import LeaveOneOut, read_sequences
from mercato.jobs.train import drafted, load_encoder
from mercato.models.sequence import TrainedSequence
from mercato.models.sequence_fit import Behaved, fit
from mercato.parts import Parts
from mercato.settings import Settings

RESULT = Path(__file__).resolve().parent / "results" / "losses.md"
LOSSES = ("full", "sampled", "gbce")
LANE = "sequence transformer"


def trained(given: LeaveOneOut, draft: Parts, settings: Settings, loss: str, home: Path) -> TrainedSequence:
    """The transformer of ``loss``; an interrupted training goes on, a finished one is read back."""
    held = validation(given)
    past = held.past
    text = None if draft.content is None else draft.content.rows()
    behaved = Behaved(past.owner, past.rows, past.grades, past.at, len(draft.catalog), text, next_new(held))
    recipe = replace(settings.sequence, loss=loss, minutes=60.0, threads=int(os.environ.get("OMP_NUM_THREADS", "0")))
    return fit(recipe, behaved, home / "cache" / "sequence", tick)


def tick(step: str) -> None:
    """Say on stderr what is being done."""
    print(step, file=sys.stderr, flush=True)


def main() -> None:
    """Train with each loss and judge the lanes on the same cases."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    given, settings, home = read_sequences(*sys.argv[1:4]), Settings(), Path(".bench")
    encoder, _ = load_encoder(settings, home)
    lines = ["# The transformer's loss", "", *machine.described()]
    with threadpool_limits(1):
        draft = drafted(settings, given.catalog, given.known, home / "cache", tick, encoder)
    models = {loss: trained(given, draft, settings, loss, home) for loss in LOSSES}
    rankers: dict[str, Rank] = {}
    for loss, model in models.items():
        parts = replace(draft, behaviour=replace(draft.behaviour, sequence=model))
        rankers[loss] = alone(settings, parts)[LANE]
    replay = Split(given.end, given.known, given.known)
    pairs = zip(given.owners.tolist(), given.wanted.tolist(), strict=True)
    cases = [Case(request("discover", replay, owner), np.array([row], np.int32)) for owner, row in pairs]
    counts = np.bincount(validation(given).past.rows, minlength=len(given.catalog)).astype(float)
    rows = compare(cases, rankers, "full", counts)
    lines += [f"- file: {Path(sys.argv[1]).name}, {len(cases):,} cases, seed {settings.sequence.seed}", ""]
    lines += ["| loss | HR@10 | NDCG@10 | coverage@10 | tail HR@10 | full ahead, p | validation | epochs | seconds |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        account, ahead = models[row["model"]].account, row.get("ours_ahead")
        hr, gain = row["hr@10"], row["ndcg@10"]
        figures = " | ".join(f"{one['mean']:.4f} [{one['low']:.4f}, {one['high']:.4f}]" for one in (hr, gain))
        versus = f"{ahead['mean']:+.4f}, {ahead['p']}" if ahead else ""
        lines += [
            f"| {row['model']} | {figures} | {row['coverage@10']} | {row['tail_hr@10']} | {versus} "
            f"| {account['validation_ndcg']:.4f} | {account['best_epoch']} | {account['seconds']} |"
        ]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
