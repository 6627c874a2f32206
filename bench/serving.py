"""A built shop in, how long its answers take and whether they are exact out: bench/results/serving.md.

    python bench/serving.py SHOP [--peers PYTHON]

PYTHON is an interpreter that has tantivy and bm25s; without one, a plain numpy scan is the only peer.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

import mercato
from exact import NOBODY, Oracle, lane_is_exact, search_is_exact
from machine import described
from mercato import build, scores
from mercato.schema import Ranking, Slate
from workload import FACETS, Query, baskets, filters, queries, shoppers

RESULTS = Path(__file__).parent / "results" / "serving.md"
TARGETS = {"search": 15.0, "recommend": 10.0}
"""Milliseconds at the median."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was asked, and the milliseconds of each answer, on the clock and of this thread."""

    name: str
    times: list[float]
    cpu: list[float]
    target: float | None = None

    def markdown(self) -> str:
        p50, p95, p99 = np.percentile(self.times, (50, 95, 99))
        verdict = "" if self.target is None else f"{self.target:g} " + ("met" if p50 <= self.target else "**missed**")
        cpu = np.median(self.cpu)
        return f"| {self.name} | {len(self.times)} | {p50:.2f} | {p95:.2f} | {p99:.2f} | {cpu:.2f} | {verdict} |"


@contextmanager
def served(home: Path) -> Iterator[mercato.Shop]:
    """The shop's snapshot served from a scratch folder, so that what is shown is logged, but not into the shop."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "shop"
        scratch.mkdir()
        for name in ("mercato.toml", "snapshots", "cache"):
            (scratch / name).symlink_to((home / name).resolve())
        with mercato.open(scratch) as shop:
            if not shop.status()["ready"]:
                sys.exit(f"{home} cannot be served: {shop.status()['notes']}")
            yield shop


def timed(name: str, calls: Iterable[Callable[[], Any]], target: float | None = None) -> Row:
    """Each call once, one after another."""
    times, cpu = [], []
    for call in calls:
        begun, ran = perf_counter(), thread_time()
        call()
        cpu.append((thread_time() - ran) * 1000)
        times.append((perf_counter() - begun) * 1000)
    return Row(name, times, cpu, target)


def time_search(shop: mercato.Shop, asked: list[Query], wheres: list[dict[str, Any]], who: list[str]) -> list[Row]:
    """Search in its variants; each starts with an engine that has encoded nothing yet."""
    people = [who[place % len(who)] for place in range(len(asked))]
    variants: dict[str, Callable[[int], Slate]] = {
        "plain": lambda n: shop.search(asked[n].text),
        "facets": lambda n: shop.search(asked[n].text, facets=FACETS),
        "filter and facets": lambda n: shop.search(asked[n].text, where=wheres[n], facets=FACETS),
        "shopper": lambda n: shop.search(asked[n].text, shopper=people[n]),
        "shopper, filter and facets": lambda n: shop.search(
            asked[n].text, shopper=people[n], where=wheres[n], facets=FACETS
        ),
    }
    rows = []
    for name, call in variants.items():
        shop.reload()
        for text in ("warm up", "one more", "and a third"):
            shop.search(text, facets=FACETS)
        calls = (lambda n=n, call=call: call(n) for n in range(len(asked)))
        rows.append(timed(f"search, {name}", calls, TARGETS["search"]))
    again = (lambda n=n: shop.search(asked[n].text) for n in range(len(asked)))
    rows.append(timed("search, plain, asked before", again, TARGETS["search"]))
    typos = [n for n, query in enumerate(asked) if query.origin == "typo"]
    times, cpu = ([values[n] for n in typos] for values in (rows[0].times, rows[0].cpu))
    rows.insert(1, Row("of these, with a typo", times, cpu))
    browse = (lambda where=where: shop.search("", where=where, facets=FACETS) for where in wheres[:100])
    return [*rows, timed("browse, filter and facets", browse, TARGETS["search"])]


def time_recommend(shop: mercato.Shop, who: list[str], carts: list[list[str]]) -> list[Row]:
    """Every placement for every shopper."""
    known = [(shopper, cart) for shopper, cart in zip(who, carts, strict=True) if cart]
    rows = []
    for placement in ("home", "discover", "buy-again", "similar", "together", "cart"):
        calls = []
        for shopper, cart in known:
            about: dict[str, Any] = {"shopper": shopper}
            if placement in ("similar", "together"):
                about["product"] = cart[0]
            elif placement == "cart":
                about["cart"] = cart
            calls.append(lambda placement=placement, about=about: shop.recommend(placement, **about))
        timed("warm up", calls[:5])
        rows.append(timed(f"recommend, {placement}", calls, TARGETS["recommend"]))
    explained = (lambda shopper=shopper: shop.recommend("home", shopper=shopper, explain=True) for shopper in who)
    return [*rows, timed("recommend, home, with reasons", explained)]


def time_parts(oracle: Oracle, asked: list[Query]) -> list[Row]:
    """What a search is made of, each part alone."""
    parts = oracle.engine.search_parts
    assert parts.meaning is not None
    encode = parts.meaning._encode
    read = [parts.understand(query.text).words for query in asked]
    shop = oracle.catalog.sellable
    return [
        timed("part: reading the query", (lambda t=query.text: parts.understand(t) for query in asked)),
        timed("part: encoding it", (lambda t=query.text: encode(f"{t} please") for query in asked)),
        timed("part: words, every match with its BM25", (lambda w=w: parts.words.match(w, shop) for w in read if w)),
    ]


def time_words(oracle: Oracle, asked: list[Query]) -> Row:
    """What is compared with other engines: the query read, everything that matches scored, the 10 best."""
    parts = oracle.engine.search_parts

    def ask(text: str) -> Ranking:
        rows, scores = parts.words.match(parts.understand(text).words, oracle.catalog.sellable)
        return Ranking.best_first(rows, scores, 10)

    name = "mercato: all words must match, typos corrected, 10 best and the exact count"
    return timed(name, (lambda text=query.text: ask(text) for query in asked))


def time_scan(oracle: Oracle, asked: list[Query]) -> Row:
    """The plain peer: BM25 as one sparse product over every posting of the shop, then the 10 best."""
    codes: dict[str, int] = {}
    pairs = [(row, codes.setdefault(term, len(codes))) for row, held in enumerate(oracle.terms) for term in held]
    rows, columns = np.array(pairs).T
    matrix = sp.csr_array((np.ones(len(rows), np.float32), (rows, columns)))
    matrix = (matrix @ sp.diags_array(np.log1p(matrix.shape[0] / matrix.sum(axis=0)).astype(np.float32))).tocsr()
    parts = oracle.engine.search_parts
    vectors = []
    for query in asked:
        vector = np.zeros(len(codes), np.float32)
        known = [codes[term] for word in parts.understand(query.text).words for term, _ in word.terms if term in codes]
        vector[known] = 1.0
        vectors.append(vector)
    scans = (lambda v=v: np.argpartition(-(matrix @ v), 10)[:10] for v in vectors)
    return timed("numpy: scan of all postings, 10 best", scans)


def time_peers(oracle: Oracle, asked: list[Query], python: str) -> list[Row]:
    """Other engines over the same texts and queries, under their own interpreter."""
    texts = [
        " ".join((one.title, *one.categories, one.brand, *(v for values in one.attributes.values() for v in values)))
        for one in oracle.products
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        (Path(folder) / "queries.json").write_text(json.dumps([query.text for query in asked]), encoding="utf-8")
        subprocess.run([python, str(Path(__file__).with_name("peers.py")), folder], check=True)
        found = json.loads((Path(folder) / "peers.json").read_text(encoding="utf-8"))
    return [Row(f"{name}: {one['about']}", one["milliseconds"], one["milliseconds"]) for name, one in found.items()]


def check_search(shop: mercato.Shop, oracle: Oracle, asked: list[Query], wheres: list[dict[str, Any]]) -> list[str]:
    """Every query with and without its filter against brute force; what differs."""
    wrong = []
    for query, where in [(query, {}) for query in asked] + list(zip(asked, wheres, strict=True)):
        slate = shop.search(query.text, where=where, facets=FACETS)
        pages = [shop.search(query.text, 1000, page=page, where=where) for page in range((slate.total + 999) // 1000)]
        request = replace(_request(shop, "search"), query=query.text, where=where)
        wrong += [f"{query.text!r} {where}: {what}" for what in search_is_exact(oracle, request, slate, pages)]
    return wrong


def check_lists(shop: mercato.Shop, oracle: Oracle, who: list[str], carts: list[list[str]]) -> tuple[int, list[str]]:
    """Every lane of every placement against a full sort, and terms against scores; (how many, what differs)."""
    live = shop._live
    assert live is not None
    lanes = build.lanes(shop.settings, live.parts.behaviour, live.parts.dense, live.parts.content)
    checked, wrong = 0, []
    for shopper, cart in zip(who, carts, strict=True):
        for placement, pool in scores.POOLS.items():
            anchors = live.parts.catalog.rows(cart[:1]) if placement in ("similar", "together", "cart") else NOBODY
            request = replace(_request(shop, placement, shopper), anchors=anchors)
            for name in pool:
                checked += 1
                if not lane_is_exact(oracle, lanes[name], request, shop.settings.lists.depth):
                    wrong.append(f"{placement} of shopper {shopper}: lane {name} is not the top of a full sort")
            slate, _ = live.engine.recommend(replace(request, explain=True), live.hidden, "")
            if any(abs(sum(item.terms.values()) - item.score) > 1e-6 for item in slate.items):
                wrong.append(f"{placement} of shopper {shopper}: terms do not add up")
    return checked, wrong


def _request(shop: mercato.Shop, placement: str, shopper: str = "") -> Any:
    live = shop._live
    assert live is not None
    return live.request(placement, shop._clock(), k=10, shopper=shopper)


def written(shop: mercato.Shop, begun: list[str], sections: dict[str, list[str]]) -> str:
    """The page."""
    status = shop.status()
    assert shop._live is not None
    parts = shop._live.parts
    about = f"{len(parts.catalog):,} products, {len(parts.events):,} events, {status['shoppers']:,} shoppers"
    lines = ["# Serving: how long an answer takes, and is it exact", "", *begun, f"- shop: {about}", ""]
    for title, content in sections.items():
        lines += [f"## {title}", "", *content, ""]
    return "\n".join(lines)


HEAD = ["| asked | times | p50 ms | p95 ms | p99 ms | CPU | target p50 |", "|---|---:|---:|---:|---:|---:|---|"]
PROTOCOL = """In process through `mercato.open(...).search` and `.recommend`, one caller, OMP_NUM_THREADS=1,
k = 10, what is shown logged as in serving. Wall time of the whole call; the column CPU is the median of the time the
calling thread really ran, which other work on the machine disturbs less. Queries are made from category names and from
stretches of one to four words of titles drawn by what sells; in every fourth with a long enough word one letter is
wrong. Each search variant begins with a fresh engine, so every distinct query is encoded anew; "asked before" is the
same list once more. Shoppers are drawn at random from those with a history. Seeds are fixed."""


def main() -> None:
    """Measure, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--peers", default="", metavar="PYTHON")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--shoppers", type=int, default=300)
    parser.add_argument("--checked", type=int, default=60, help="shoppers whose lanes are checked")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given, begun = parser.parse_args(), described()
    with threadpool_limits(1), served(given.shop) as shop:
        live = shop._live
        assert live is not None
        asked, wheres = queries(live.parts, given.queries), filters(live.parts, given.queries)
        who = shoppers(live.parts, given.shoppers)
        carts = baskets(live.parts, who)
        searches, lists = time_search(shop, asked, wheres, who), time_recommend(shop, who, carts)
        live = shop._live
        oracle = Oracle(live.parts, live.engine, shop.settings)
        pieces = time_parts(oracle, asked)
        peers = [
            time_words(oracle, asked),
            time_scan(oracle, asked),
            *(time_peers(oracle, asked, given.peers) if given.peers else []),
        ]
        wrong = check_search(shop, oracle, asked, wheres)
        checked, wrong_lists = check_lists(shop, oracle, who[: given.checked], carts[: given.checked])
        ours = float(np.median(peers[0].times))
        exact = [
            f"- search: {2 * len(asked)} requests (each query with and without a filter) against every product looked "
            f"at in turn: the matched set, the total, the facets, the order of the whole list and its first page. "
            f"**{len(wrong)} differences.**",
            f"- lists: {checked:,} lanes of {min(given.checked, len(who))} shoppers in every placement against a full "
            f"sort of all products; terms against scores. **{len(wrong_lists)} differences.**",
            *[f"  - {one}" for one in [*wrong, *wrong_lists][:20]],
        ]
        ratios = [f"| {row.name} | {np.median(row.times):.3f} | {np.median(row.times) / ours:.1f} |" for row in peers]
        page = written(
            shop,
            begun,
            {
                "Latency": [*HEAD, *(row.markdown() for row in [*searches, *lists, *pieces])],
                "Exactness": exact,
                "Word matching alone beside others: same texts, same queries, same run": [
                    "| engine | p50 ms | times ours |", "|---|---:|---:|", *ratios, "",
                    "A misspelt word finds nothing in the others, which makes such a query cheap for them."
                    + ("" if given.peers else " Run with --peers to add other engines."),
                ],
                "Protocol": [PROTOCOL],
            },
        )  # fmt: skip
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page, encoding="utf-8")
    print(page)
    sys.exit(1 if wrong or wrong_lists else 0)


if __name__ == "__main__":
    main()
