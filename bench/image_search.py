"""Photos and titles in, how well one finds the other out: bench/results/image-search.md.

python bench/image_search.py FOLDER      FOLDER holds styles.csv.zip and images/ID.jpg

A fifth of the products with a photo is set aside: their photos and titles train nothing. The others are the shop; its
products have a title and a photo and nothing else. What a person noted of each (article type, colour, gender) only
judges. Photos are encoded once and kept in $MERCATO_BENCH_CACHE (.bench).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import machine
from image_data import CACHE, Bench, Fashion, Flags, photographed, unit
from mercato.evaluate.metrics import bootstrap, paired
from mercato.models.colours import colours
from mercato.models.efficientnet_onnx import WIDTH
from mercato.models.image import ImageEncoder, LoadedImageEncoder
from mercato.models.picture import square
from mercato.models.text import TextEncoder
from mercato.retrieve.align import Aligned
from mercato.retrieve.pictures import PictureIndex
from mercato.schema import Rows

RESULT = Path(__file__).resolve().parent / "results" / "image-search.md"
ASIDE, SEED, SEEDS = 0.2, 0, (0, 1, 2)
TIMED, MANY = 200, 100_000
FEWEST = 3
"""Products that must be right for a question to be asked."""

Cases = Mapping[str, NDArray[np.float64]]
"""Name of a figure → its value in each case."""


def precisions(scores: NDArray[np.floating], right: Mapping[str, Flags]) -> Cases:
    """P@10 of the lists that ``scores`` (q, n) make, for each meaning of ``right`` (q, n)."""
    places = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    return {name: np.take_along_axis(flags, places, 1).mean(axis=1) for name, flags in right.items()}


def listed(rows: Sequence[Rows], right: Mapping[str, Flags]) -> Cases:
    """P@10 of lists of at most ten places each; a place that is not filled is not right."""
    return {
        name: np.array([flags[case][places].sum() / 10 for case, places in enumerate(rows)])
        for name, flags in right.items()
    }


def found(scores: NDArray[np.floating], right: Flags) -> Cases:
    """Whether any right one is among the first ten, and 1/place of the first; ties count as the worst of them."""
    reached = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    place = (~right & (scores >= reached)).sum(axis=1) + 1
    return {"MRR": 1 / place, "recall@10": (place <= 10).astype(float)}


def averaged(several: Sequence[Cases]) -> Cases:
    """Each case's mean over seeds."""
    return {name: np.mean([one[name] for one in several], axis=0) for name in several[0]}


def table(title: str, said: str, lines: Mapping[str, Cases], ours: str) -> list[str]:
    """One table as Markdown, with how far ``ours`` is ahead in the last figure."""
    names = list(lines[ours])
    cases = len(lines[ours][names[0]])
    head = f"| | {' | '.join(names)} | ahead of it | p |"
    rows = [f"## {title} ({cases:,} cases)", "", said, "", head, "|---" * (len(names) + 3) + "|"]
    for line, figures in lines.items():
        means = [bootstrap(values) for values in figures.values()]
        shown = " | ".join(f"{one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]" for one in means)
        ahead = "|"
        if line != ours:
            gain, p = paired(lines[ours][names[-1]], figures[names[-1]])
            ahead = f"{gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] | {p:.4f}"
        rows.append(f"| {'**' + line + '**' if line == ours else line} | {shown} | {ahead} |")
    return [*rows, ""]


def alike(bench: Bench, plain: PictureIndex, heads: Sequence[Aligned]) -> list[str]:
    """A photo asked with, products of the shop that are the same out."""
    asked, shop, photos = bench.aside, bench.shop, bench.photos
    names = list(bench.fashion.noted)
    right = {f"same {name}": bench.fashion.same(asked, shop, name) for name in names}
    right["same in all three"] = bench.fashion.same(asked, shop)
    network = unit(photos[:, :WIDTH])
    lines = {
        "random": precisions(np.random.default_rng(SEED).random((len(asked), len(shop))), right),
        "nearest titles (the photo's own title told)": precisions(bench.texts[asked] @ bench.texts[shop].T, right),
        "network alone": precisions(network[asked] @ network[shop].T, right),
        "network and colours": precisions(photos[asked] @ photos[shop].T, right),
        "without words: 256 principal axes": precisions(plain.picture(photos[asked]) @ plain.vectors.T, right),
        "through words: 128 trained axes": averaged(
            [precisions(head.picture(photos[asked]) @ head.picture(photos[shop]).T, right) for head in heads]
        ),
    }
    return table("A photo asked with", "P@10; the shop's products are listed.", lines, list(lines)[-1])


def named(bench: Bench, heads: Sequence[Aligned]) -> list[str]:
    """A title asked with, its photo among those set aside out."""
    asked, shop, titles = bench.aside, bench.shop, bench.fashion.titles
    right = titles[asked][:, None] == titles[asked]
    random = np.random.default_rng(SEED)
    blind = [random.normal(size=(given.shape[1], 128)) for given in (bench.texts, bench.photos)]
    means = [given[shop].mean(axis=0) for given in (bench.texts, bench.photos)]
    texts, photos = (given[asked] - mean for given, mean in zip((bench.texts, bench.photos), means, strict=True))
    near = np.argsort(-(bench.texts[asked] @ bench.texts[shop].T), axis=1, kind="stable")[:, :10]
    go_between = unit((bench.photos[shop] - means[1])[near].mean(axis=1))
    lines = {
        "random": found(random.random(right.shape), right),
        "heads before training": found(unit(texts @ blind[0]) @ unit(photos @ blind[1]).T, right),
        "by the photos of the ten nearest titles": found(go_between @ unit(photos).T, right),
        "trained heads": averaged(
            [found(head.text(bench.texts[asked]) @ head.picture(bench.photos[asked]).T, right) for head in heads]
        ),
    }
    said = "The photos set aside are listed, without their titles; right is every photo of a product so called."
    return table("A title asked with", said, lines, "trained heads")


def described(bench: Bench, heads: Sequence[Aligned]) -> list[str]:
    """Gender, colour and type asked with, products set aside out, with and without their titles."""
    fashion, aside = bench.fashion, bench.aside
    whole = fashion.same(aside, aside)
    _, first = np.unique(whole, axis=0, return_index=True)
    first = first[whole[first].sum(axis=1) >= FEWEST]
    noted = [fashion.noted[name][aside[first]] for name in ("gender", "colour", "type")]
    texts = bench.said([f"{gender} {colour} {kind}".lower() for gender, colour, kind in zip(*noted, strict=True)])
    right = {"P@10": whole[first]}
    by_title = texts @ bench.texts[aside].T
    by_photo = [head.text(texts) @ head.picture(bench.photos[aside]).T for head in heads]
    lines = {
        "random": precisions(np.random.default_rng(SEED).random(by_title.shape), right),
        "titles in meaning (where there are titles)": precisions(by_title, right),
        "photos, no title needed": averaged([precisions(cosines, right) for cosines in by_photo]),
        "both, added": averaged([precisions(cosines + by_title, right) for cosines in by_photo]),
    }
    said = f'"men navy blue shirts"; the products set aside are listed, at least {FEWEST} of which are right.'
    return table("A description asked with", said, lines, "both, added")


def both(bench: Bench, heads: Sequence[Aligned]) -> list[str]:
    """A photo and another colour's name asked with: the same thing in that colour out."""
    fashion, shop = bench.fashion, bench.shop
    shades, counts = np.unique(fashion.noted["colour"][shop], return_counts=True)
    thing = fashion.same(bench.aside, shop, "type", "gender")
    random = np.random.default_rng(SEED)
    asked, wanted = [], []
    for case, own in zip(range(len(bench.aside)), fashion.noted["colour"][bench.aside], strict=True):
        of_it = fashion.noted["colour"][shop][thing[case]]
        chance = [shade for shade in shades[counts >= 50] if shade != own and (of_it == shade).sum() >= FEWEST]
        if chance:
            asked.append(case)
            wanted.append(str(random.choice(chance)))
    rows, colour = bench.aside[asked], fashion.noted["colour"][shop] == np.array(wanted)[:, None]
    right = {"right colour": colour, "same type": fashion.same(rows, shop, "type"), "all right": thing[asked] & colour}
    texts = bench.said([shade.lower() for shade in wanted])
    words = np.array([[shade.lower() in title.lower() for title in fashion.titles[shop]] for shade in shades])
    holds = words[np.searchsorted(shades, wanted)]
    photos = [head.picture(bench.photos[rows]) for head in heads]
    placed = [head.picture(bench.photos[shop]) for head in heads]
    said = [head.text(texts) for head in heads]
    summed = [unit(photo + text) @ place.T for photo, text, place in zip(photos, said, placed, strict=True)]
    lines = {
        "random": precisions(random.random(holds.shape), right),
        "the photo alone": averaged([precisions(a @ b.T, right) for a, b in zip(photos, placed, strict=True)]),
        "the word alone, by photos": averaged([precisions(a @ b.T, right) for a, b in zip(said, placed, strict=True)]),
        "the word alone, by titles in meaning": precisions(texts @ bench.texts[shop].T, right),
        "photo + word (no title needed)": averaged([precisions(scores, right) for scores in summed]),
        "titles that hold the word, by photo + word": averaged([precisions(s + 9 * holds, right) for s in summed]),
    }
    asked_in, parts = [shade.lower() for shade in wanted], bench.parts(CACHE)
    finds = [bench.served(parts, head) for head in heads]
    lines["`mercato search` with photo and word"] = averaged(
        [listed([find(*one) for one in zip(asked_in, bench.photos[rows], strict=True)], right) for find in finds]
    )
    about = 'A photo and "red": products of the shop of the same type and gender in that colour. P@10.'
    return table("A photo and a word together", about, lines, list(lines)[-1])


def speed(bench: Bench, encoder: LoadedImageEncoder, head: Aligned) -> list[str]:
    """CPU milliseconds of one core."""
    some = [path.read_bytes() for path in bench.fashion.files[:TIMED]]
    pixels = [square(content, ImageEncoder().size, ImageEncoder().most_pixels, "") for content in some]
    random = np.random.default_rng(SEED)
    rows = np.arange(MANY, dtype=np.int32)
    vectors = unit(random.standard_normal((MANY, 128), np.float32))
    index = PictureIndex(vectors, rows, MANY, head.picture, head.text, 0.5)
    whole = timed(lambda: encoder.encode(some)) / TIMED
    decode = timed(lambda: [square(content, 224, 10**9, "") for content in some]) / TIMED
    shades = timed(lambda: [colours(one) for one in pixels]) / TIMED
    search = timed(lambda: [index.cosines(vectors[0]) for _ in range(20)]) / 20
    fit = timed(lambda: bench.aligned(SEED)) / 1000
    return [
        "## Speed, one core", "",
        "| what | CPU time |", "|---|---|",
        f"| one photo of 224 × 224, whole | {whole:.1f} ms: {1000 / whole:.0f} photos a second |",
        f"| ... of it decoding | {decode:.1f} ms |",
        f"| ... of it colours | {shades:.1f} ms |",
        f"| exact search of {MANY:,} pictures, trained axes | {search:.1f} ms |",
        f"| training the heads on {len(bench.shop):,} pairs | {fit:.0f} s |", "",
    ]  # fmt: skip


def timed(work: Callable[[], object]) -> float:
    """CPU milliseconds of ``work()``."""
    started = process_time()
    work()
    return (process_time() - started) * 1000


def main() -> None:
    """Measure the folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    CACHE.mkdir(parents=True, exist_ok=True)
    image, text, fashion = ImageEncoder().load(CACHE), TextEncoder().load(CACHE), Fashion.read(Path(sys.argv[1]))
    order = np.random.default_rng(SEED).permutation(len(fashion.files))
    aside, shop = np.split(order, [int(ASIDE * len(order))])
    with threadpool_limits(1):
        texts, photos = text.encode(fashion.titles.tolist()), photographed(fashion, image)
        bench = Bench(fashion, np.sort(aside), np.sort(shop), photos, texts, text)
        heads, plain = [bench.aligned(seed) for seed in SEEDS], bench.index(None)
        cutoff = [bench.index(head).cutoff for head in heads]
        lines = ["# Image search", "", *machine.described()]
        lines += [
            f"- data: {len(order):,} fashion products with a photo of 224 × 224 on white; {len(aside):,} set aside, "
            f"seed {SEED}",
            f"- heads trained with seeds {', '.join(map(str, SEEDS))}; a case's figure is the mean of the three",
            "- 95 % intervals over cases (bootstrap, 1,000 draws); *ahead of it*: the last line's lead in the last "
            "figure, paired bootstrap",
            "- settings (share of colours, noise, temperature, steps) were chosen on 600 products of the shop, after a "
            "first look at noise and temperature on those set aside; what looks and words weigh in a search, on 500",
            f"- learned cut-off: cosine {', '.join(f'{one:.2f}' for one in cutoff)} by seed; without words "
            f"{plain.cutoff:.2f}",
            "",
        ]
        lines += [*alike(bench, plain, heads), *named(bench, heads), *described(bench, heads), *both(bench, heads)]
        lines += speed(bench, image, heads[0])
    RESULT.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
