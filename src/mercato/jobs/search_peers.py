"""The same products in, other libraries' searches over them out: what stands beside Mercato in ``bench search``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import DataError
from mercato.ports import Encoder
from mercato.retrieve.dense import DenseIndex
from mercato.schema import Mask, Ranking, Rows

Find = Callable[[str, int], Rows]
"""A query and k in, at most k catalogue rows best first out."""

DEPTH, CONSTANT = 200, 60.0
_TITLE_BOOST = 3.0
_HAN = re.compile(r"[々〇㐀-䶿一-鿿豈-﫿]{2,}")
_NO_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True)
class SearchPeer:
    """Another search over the same products, and an ``account`` of its settings and what it cost to build."""

    find: Find
    account: Mapping[str, Any] = field(default_factory=dict)


def search_peers(
    fields: Mapping[str, Sequence[str]], catalog: Catalog, dense: DenseIndex, encoder: Encoder
) -> dict[str, SearchPeer]:
    """Every peer by name, over the sellable rows and the very text that Mercato indexes (``fields``: a string a row).

    tantivy's BM25 (English stemmer; all text in one field, and with the title weighing three times), bm25s
    (its defaults, Snowball's English stemmer and its stop words), the encoder alone (exact cosine over the same
    vectors, no cut-off), and plain reciprocal-rank fusion of the last two (k 60, depth 200; Cormack et al. 2009).
    Neither BM25 cuts Chinese, so runs of Han characters are given to both as overlapping pairs, as Lucene reads
    them. Raises DataError where the libraries are not installed.
    """
    try:
        import bm25s  # noqa: F401
        import Stemmer  # noqa: F401
        import tantivy  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"a library to compare with is not installed: {error.name}",
            where="peers",
            hint="pip install 'mercato[bench]', or leave them out: --no-peers",
        ) from error
    rows = np.flatnonzero(catalog.sellable).astype(np.int32)
    titles = [_paired(fields["title"][row]) for row in rows.tolist()]
    texts = [_paired(" ".join(column[row] for column in fields.values() if column[row])) for row in rows.tolist()]
    words = _timed(lambda: _bm25s(rows, texts), k1=1.5, b=0.75, stemmer="snowball english", stop_words="english")
    meaning = SearchPeer(_dense(dense, encoder, catalog.sellable), {"vectors": len(dense.vectors)})
    fused = SearchPeer(_fused(words.find, meaning.find), {"k": CONSTANT, "depth": DEPTH})
    return {
        "tantivy BM25": _timed(lambda: _tantivy(rows, titles, texts, 1.0), k1=1.2, b=0.75, tokenizer="en_stem"),
        "tantivy BM25, title × 3": _timed(lambda: _tantivy(rows, titles, texts, _TITLE_BOOST), title=_TITLE_BOOST),
        "bm25s": words,
        "dense alone": meaning,
        "RRF of bm25s and dense": fused,
    }


def _timed(make: Callable[[], Find], **settings: Any) -> SearchPeer:
    begun = perf_counter()
    find = make()
    return SearchPeer(find, {**settings, "build_s": round(perf_counter() - begun, 2)})


def _paired(text: str) -> str:
    """``text`` with every run of Han characters as its overlapping pairs.

    >>> _paired("红双喜 ball")
    '红双 双喜 ball'
    """
    return " ".join(_HAN.sub(lambda run: f" {' '.join(map(''.join, pairwise(run[0])))} ", text).split())


def _tantivy(rows: Rows, titles: Sequence[str], texts: Sequence[str], boost: float) -> Find:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("title", tokenizer_name="en_stem")
    builder.add_text_field("text", tokenizer_name="en_stem")
    builder.add_unsigned_field("row", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(num_threads=1)
    for row, title, text in zip(rows.tolist(), titles, texts, strict=True):
        writer.add_document(tantivy.Document(title=title, text=text, row=row))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    fields, boosts = (["text"], {}) if boost == 1.0 else (["title", "text"], {"title": boost})

    def find(query: str, k: int) -> Rows:
        typed = _NO_WORD.sub(" ", _paired(query)).lower()  # its query language has signs and capital operators
        parsed, _ = index.parse_query_lenient(typed, fields, field_boosts=boosts)
        hits = searcher.search(parsed, k).hits
        return np.array([searcher.doc(address)["row"][0] for _, address in hits], np.int32)

    return find


def _bm25s(rows: Rows, texts: Sequence[str]) -> Find:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def cut(given: Sequence[str]) -> Any:
        return bm25s.tokenize(list(given), stopwords="english", stemmer=stemmer, show_progress=False, return_ids=False)

    index = bm25s.BM25()
    index.index(cut(texts), show_progress=False)

    def find(query: str, k: int) -> Rows:
        found, scores = index.retrieve(cut([_paired(query)]), k=min(k, len(rows)), show_progress=False)
        best: Rows = rows[found[0][scores[0] > 0]]
        return best

    return find


def _dense(index: DenseIndex, encoder: Encoder, sellable: Mask) -> Find:
    def find(query: str, k: int) -> Rows:
        cosines = index.cosines(encoder.encode([query])[0])
        allowed = np.flatnonzero(sellable)
        return Ranking.best_first(allowed, cosines[allowed], k).rows

    return find


def _fused(*lanes: Find) -> Find:
    def find(query: str, k: int) -> Rows:
        scores: dict[int, float] = {}
        for lane in lanes:
            for place, row in enumerate(lane(query, DEPTH).tolist(), 1):
                scores[row] = scores.get(row, 0.0) + 1 / (CONSTANT + place)
        return np.array(sorted(scores, key=lambda row: (-scores[row], row))[:k], np.int32)

    return find
