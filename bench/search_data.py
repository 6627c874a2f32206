"""A folder of public data in, a catalogue and judged queries out, for bench/search.py: how each was made is said here.

python bench/search_data.py DATA OUT [SEED]     writes OUT/NAME/products.csv and OUT/NAME/judgments.tsv for every set in
DATA. Another seed draws other queries: what was chosen on those of one is reported on those of another.

Nobody judged these sets, so the queries are made from the products, each kind a slice of its own. What would flatter us
is left out: columns that relevance is read from are not in the catalogue, and nothing is chosen by what any engine
finds. Known items: one product is drawn uniformly, its query is made from its own words, and it alone is wanted
(with products of the very same title). An ambiguous query is hard for every engine alike.

- *words*: 2 to 4 words of the title (and maker), in their order; words of one letter and stop words are not drawn.
- *typo*: the very queries of *words*, with one edit (a neighbouring key, a letter lost, doubled, or swapped with the
  next) in one word of five letters or more, at any place, the first letter too; every query of *words* has such a word.
- *one word too many*: the same, and a word that shoppers add but the product does not have (TOO_MANY).
- *from the text* (retrotech): 2 words of the title and 1 (four letters or more) of the description that the title does
  not have.

fashion: a product is drawn; the query names its type, colour and gender. The catalogue holds the product's name alone.
Grade 2: all three agree; 1: the type and one of the others. *column names* asks as the columns write it, in any order;
*shopper's words* as people do (SAID); *typo* are those of *column names* with one edit.
zh-titles: spans were tagged by people. *product*: a tagged product name; wanted are titles where it is tagged as such,
not those where the same characters are part of something else. *brand and product*: grade 2 both tagged, 1 the product.
demo: known items over titles, categories and brands; *from the text* takes its third word from the category path.
retrotech-clicks: real shoppers' 13 queries; a click model makes the judgments from the later half of their sessions.
"""

from __future__ import annotations

import csv
import gzip
import html
import io
import re
import sys
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from mercato.data.source import open_source

Row = tuple[str, str, int, str]
"""query, product id, grade, slice."""

EACH = 150
"""Queries of a slice."""

STOP = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
TOO_MANY = ("cheap", "best", "new", "sale", "buy", "price", "online", "deals", "original", "review", "store", "gift")
SAID = {
    "Men": ("mens", "for men", "men's"), "Women": ("womens", "for women", "ladies"), "Boys": ("boys", "for boys"),
    "Girls": ("girls", "for girls"), "Unisex": ("unisex",), "Tshirts": ("t shirt", "tee", "t-shirt"),
    "Sunglasses": ("sunglasses", "shades"), "Casual Shoes": ("casual shoes", "sneakers"), "Trousers": ("pants",),
    "Sports Shoes": ("running shoes", "trainers"), "Handbags": ("handbag", "purse"), "Sweatshirts": ("hoodie",),
    "Backpacks": ("backpack", "rucksack"), "Flip Flops": ("flip flops", "slippers"), "Navy Blue": ("navy",),
    "Wallets": ("wallet",), "Innerwear Vests": ("vest",), "Briefs": ("underwear",), "Track Pants": ("joggers",),
    "Perfume and Body Mist": ("perfume",), "Deodorant": ("deo", "deodorant"), "Grey": ("gray",), "Heels": ("heels",),
    "Watches": ("watch",), "Shirts": ("shirt",), "Kurtas": ("kurti",), "Sweaters": ("sweater", "jumper"),
}  # fmt: skip
KEYS = {letter: row for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for letter in row}


def words(text: str, pattern: str = r"[^\W_]+") -> list[str]:
    """The words of a text worth typing, in lower case."""
    found = re.findall(pattern, html.unescape(text).lower())
    return [word for word in found if len(word) > 1 and word not in STOP]


def misspelt(query: Sequence[str], random: np.random.Generator) -> list[str]:
    """``query`` with one edit in one of its words of five letters or more; [] where it has none."""
    long = [place for place, word in enumerate(query) if len(word) >= 5 and word.isascii() and word.isalpha()]
    if not long:
        return []
    place = int(random.choice(long))
    word, at = query[place], int(random.integers(len(query[place])))
    row = KEYS[word[at]]
    beside = row[max(row.index(word[at]) - 1, 0) : row.index(word[at]) + 2].replace(word[at], "")
    after = word[at + 1 :]
    ways = {
        "neighbour": word[:at] + str(random.choice(list(beside))) + after,
        "lost": word[:at] + after,
        "doubled": word[:at] + word[at] + word[at:],
        "swapped": word[:at] + after[:1] + word[at] + after[1:],
    }
    different = sorted({way for way in ways.values() if way != word})
    return [*query[:place], str(random.choice(different)), *query[place + 1 :]]


def known_items(
    titles: dict[str, str],
    texts: dict[str, str],
    slices: Sequence[str],
    random: np.random.Generator,
    split: Callable[[str], list[str]] = words,
) -> Iterator[Row]:
    """EACH queries of every slice over products id → title; ``texts`` hold their descriptions."""
    same: dict[str, list[str]] = defaultdict(list)
    for product, title in titles.items():
        same[title].append(product)
    ids = sorted(titles)
    for name in slices:
        asked: set[str] = set()
        while len(asked) < EACH:
            product = ids[int(random.integers(len(ids)))]
            query = _query(name, split(titles[product]), split(texts.get(product, "")), random)
            wrong = misspelt(query, random) if name == "words" else query
            if wrong and " ".join(query) not in asked:
                asked.add(" ".join(query))
                yield from ((" ".join(query), one, 1, name) for one in same[titles[product]])
                if name == "words":
                    yield from ((" ".join(wrong), one, 1, "typo") for one in same[titles[product]])


def _query(name: str, title: list[str], text: list[str], random: np.random.Generator) -> list[str]:
    title, only = list(dict.fromkeys(title)), sorted(word for word in set(text) - set(title) if len(word) > 3)
    wanted = 2 if name == "from the text" else int(random.integers(2, 5))
    if len(title) < wanted:
        return []
    query = [title[place] for place in sorted(random.choice(len(title), wanted, replace=False))]
    if name == "from the text":
        return [*query, str(random.choice(only))] if only else []
    free = [word for word in TOO_MANY if word not in title and word not in text]
    return [str(random.choice(free)), *query] if name == "one word too many" else query


def retrotech(data: Path, out: Path, seed: int) -> None:
    """The archive's quotes are escaped with a backslash; they are written as RFC 4180 wants them, nothing else."""
    with tarfile.open(data / "products.tgz") as archive:
        inside = archive.extractfile("products.csv")
        assert inside is not None
        text = inside.read().decode()
    rows = list(csv.DictReader(io.StringIO(text), escapechar="\\", doublequote=False))
    fields = ("upc", "name", "manufacturer", "short_description", "long_description")
    clean = [{name: (row[name] or "").strip() for name in fields} for row in rows]
    _table(out / "products.csv", fields, ([row[name] for name in fields] for row in clean))
    titles = {row["upc"]: row["name"] for row in clean}
    named = {row["upc"]: f"{row['manufacturer']} {row['name']}" for row in clean}
    texts = {row["upc"]: f"{row['short_description']} {row['long_description']}" for row in clean}
    slices = ("words", "one word too many", "from the text")
    _judgments(out, _same_title(known_items(named, texts, slices, np.random.default_rng([seed, 1])), titles))


def demo(_: Path, out: Path, seed: int) -> None:
    """What the demo shop sells, as Mercato imports it: title, categories, brand. Nine products in ten share their title
    with others (the retailer names no flavours), and all of one title are wanted."""
    source = open_source("completejourney", "products", now=datetime.now(UTC))
    sold = pl.concat([batch.frame for batch in source.batches()]).filter("sellable")
    fields = ("id", "title", "categories", "brand")
    table = sold.select(fields).with_columns(pl.col("categories").list.join("|")).rows()
    _table(out / "products.csv", fields, table)
    titles = {row[0]: row[1] for row in table}
    texts = {row[0]: row[2] for row in table}
    slices = ("words", "one word too many", "from the text")
    _judgments(out, known_items(titles, texts, slices, np.random.default_rng([seed, 5]), _sized))


def _sized(text: str) -> list[str]:
    """The words of a text, a size one of them: half of "10.75 oz" is another size."""
    return words(text, r"\d[\d./]*(?: (?:oz|lb|ct|pk|ml|l|gal|in))?\b|[^\W\d_]+")


def retrotech_clicks(data: Path, out: Path, _: int) -> None:
    """The retrotech catalogue beside its 13 queries' search sessions, which judge by a click model (jobs.clicks): only
    the later half of each query's sessions does."""
    out.mkdir(parents=True, exist_ok=True)
    for name, target in (("products.csv", out.parent / "retrotech" / "products.csv"), ("sessions", data / "sessions")):
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(target.resolve())


def _same_title(rows: Iterable[Row], titles: dict[str, str]) -> Iterator[Row]:
    """Products of the same name are one to a shopper, whoever made them."""
    same: dict[str, list[str]] = defaultdict(list)
    for product, title in titles.items():
        same[title].append(product)
    for query, product, grade, name in rows:
        yield from ((query, one, grade, name) for one in same[titles[product]])


def games(data: Path, out: Path, seed: int) -> None:
    """Titles alone."""
    with gzip.open(data / "items.tsv.gz", "rt", encoding="utf-8-sig") as lines:
        next(lines)
        titles = dict(line.rstrip("\n").split("\t", 1) for line in lines)
    titles = {product: title for product, title in titles.items() if title.strip()}
    _table(out / "products.csv", ("id", "title"), titles.items())
    _judgments(out, known_items(titles, {}, ("words", "one word too many"), np.random.default_rng([seed, 2])))


def fashion(data: Path, out: Path, seed: int) -> None:
    """Names in, their columns as judgments."""
    with zipfile.ZipFile(data / "styles.csv.zip") as archive, archive.open("styles.csv") as inside:
        text = inside.read().decode()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if (row["productDisplayName"] or "").strip()]
    _table(out / "products.csv", ("id", "title"), ((row["id"], row["productDisplayName"]) for row in rows))
    columns = ("articleType", "baseColour", "gender")
    of_type = defaultdict(list)
    for row in rows:
        of_type[row["articleType"]].append(row)
    random = np.random.default_rng([seed, 3])
    found: list[Row] = []
    for name in ("column names", "shopper's words"):
        asked: set[str] = set()
        while len(asked) < EACH:
            drawn = [rows[int(random.integers(len(rows)))][column] for column in columns]
            same = [
                (row["id"], (row["baseColour"] == drawn[1]) + (row["gender"] == drawn[2])) for row in of_type[drawn[0]]
            ]
            said = [str(random.choice(SAID.get(one, (one,)))) if name == "shopper's words" else one for one in drawn]
            query = [part for place in random.permutation(3) for part in said[place].lower().split()]
            typed, wrong = " ".join(query), " ".join(misspelt(query, random))
            if not wrong or typed in asked or sum(grade == 2 for _, grade in same) < 5:
                continue
            asked.add(typed)
            found += [(typed, product, grade, name) for product, grade in same if grade > 0]
            if name == "column names":
                found += [(wrong, product, grade, "typo") for product, grade in same if grade > 0]
    _judgments(out, found)


def zh_titles(data: Path, out: Path, seed: int) -> None:
    """Characters with tags, a blank line between titles."""
    titles: list[str] = []
    spans: list[set[tuple[str, str]]] = []
    for name in ("train.txt.bieos", "dev.txt.bieos"):
        for block in (data / name).read_text(encoding="utf-8").split("\n\n"):
            pairs = [line.split("\t") for line in block.splitlines() if "\t" in line]
            if pairs:
                titles.append("".join(character for character, _ in pairs))
                spans.append(set(_spans(pairs)))
    _table(out / "products.csv", ("id", "title"), ((f"t{number}", title) for number, title in enumerate(titles)))
    products, brands = defaultdict(set), defaultdict(set)
    for number, tagged in enumerate(spans):
        for kind, span in tagged:
            (products if kind == "HC" else brands)[span].add(number)
    random = np.random.default_rng([seed, 4])
    often = sorted(span for span, held in products.items() if 2 <= len(held) <= 100)
    found = [(span, f"t{number}", 1, "product") for span in random.choice(often, 2 * EACH, replace=False)
             for number in sorted(products[span])]  # fmt: skip
    pairs_of = sorted({(brand, span) for brand, held in brands.items() for span in products if held & products[span]})
    for place in random.choice(len(pairs_of), 2 * EACH, replace=False):
        brand, span = pairs_of[place]
        found += [(f"{brand} {span}", f"t{number}", 1 + (number in brands[brand]), "brand and product")
                  for number in sorted(products[span])]  # fmt: skip
    _judgments(out, found)


def _spans(pairs: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """(HC or HP, text) of every tagged run."""
    run = ""
    for character, tag in pairs:
        place, _, kind = tag.partition("-")
        run = character if place in ("B", "S") else run + character
        if place in ("E", "S") and len(run) > 1:
            yield kind, run


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _judgments(out: Path, rows: Iterable[Row]) -> None:
    lines = [f"{query}\t{product}\t{grade}\t{name}\n" for query, product, grade, name in dict.fromkeys(rows)]
    (out / "judgments.tsv").write_text("query\tproduct_id\tgrade\tslice\n" + "".join(lines), encoding="utf-8")


SETS = {
    retrotech: "retrotech", retrotech_clicks: "retrotech", games: "games", fashion: "fashion", zh_titles: "zh-titles",
    demo: "",
}  # fmt: skip
"""How each set is made, and the folder in DATA that it needs; the demo shop's products come with a package."""


def main() -> None:
    """Every set that is there."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    data, out, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0
    for make, folder in SETS.items():
        name = make.__name__.replace("_", "-")
        if not folder or (data / folder).is_dir():
            make(data / folder, out / name, seed)
            print(out / name)


if __name__ == "__main__":
    main()
