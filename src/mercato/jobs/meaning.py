"""Products in, text vectors out, with the cut-off and the scripts in which the encoder was seen to understand them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.models.vectors import NamedEncoder, VectorCache
from mercato.ports import Encoder
from mercato.retrieve.dense import DenseIndex
from mercato.retrieve.lexical import LexicalIndex
from mercato.retrieve.needs import NeedIndex
from mercato.schema import Product, Word
from mercato.settings import Settings
from mercato.understand.lexicon import Lexicon
from mercato.words import SCRIPTS, analyse, query_tokens, scripts

Tick = Callable[[str], None]

_CATEGORIES = 200
_FRAGMENTS, _FEWEST = 100, 20
_TESTED_ROWS = 20_000
_UNDERSTOOD = 1 / 3
"""The mean average precision at which a script counts as understood: all-MiniLM reads Latin at .57 to .73 on three
catalogues and Chinese at .16."""
_UNSPACED = frozenset({"han", "kana", "thai"})


def meaning_text(product: Product) -> str:
    """What the encoder reads of a product: its title, its place in the shop and the start of its description."""
    title = product.title.split(" · ")[0]
    leaf = product.categories[0].split(" > ")[-2:] if product.categories else []
    return ". ".join(part for part in (title, ", ".join(leaf), product.description[:200]) if part)


def dense_index(
    settings: Settings, catalog: Catalog, lexical: LexicalIndex, encoder: NamedEncoder, cache: Path, tick: Tick
) -> DenseIndex:
    """Vectors of the distinct ``meaning_text``, the cut-off learned from the shop's categories, and the scripts that
    the encoder does not read."""
    products = [catalog.product(row) for row in range(len(catalog))]
    meanings = np.array([meaning_text(product) for product in products], dtype=object)
    titles = [product.title for product in products]
    del products
    distinct, inverse = np.unique(meanings, return_inverse=True)
    text_of = inverse.astype(np.int32)
    vectors = VectorCache(cache).encode(
        encoder, distinct.tolist(), lambda done, total: tick(f"text vectors {done}/{total}")
    )
    cutoff = _cutoff(settings, catalog, encoder, vectors, text_of)
    understood = readable(titles, lexical, encoder, vectors, text_of)
    read = {script for script, yes in understood.items() if yes} | set(settings.dense.reads) - set(understood)
    return settings.dense.index(vectors, text_of, cutoff, frozenset(SCRIPTS) - read)


def need_index(lexical: LexicalIndex, dense: DenseIndex, encoder: NamedEncoder, cache: Path) -> NeedIndex:
    """What one buys on which occasion, as far as this shop's words can say it."""
    needs = Lexicon.of(lexical.vocabulary).needs
    vectors = VectorCache(cache).encode(encoder, list(needs))
    vectors[[bool(scripts(said) & dense.unread) for said in needs]] = 0.0
    said = tuple(tuple(token.term for token in query_tokens(text)) for text in needs)
    return NeedIndex(said, tuple(needs.values()), vectors)


def _cutoff(
    settings: Settings,
    catalog: Catalog,
    encoder: Encoder,
    vectors: NDArray[np.float32],
    text_of: NDArray[np.int32],
) -> float:
    """Queries are the names of up to 200 categories that have categories below them (of any, where the tree is flat);
    a text is a member when one of its products is in that category."""
    facet = catalog.facets.get("categories")
    if facet is None:
        return settings.dense.floor
    known = np.bincount(facet.codes, minlength=len(facet.values)) >= 3
    parents = {path.rsplit(" > ", 1)[0] for path in facet.values if path.count(" > ") > 1}
    inner = known & np.array([path in parents for path in facet.values], bool)
    chosen = np.flatnonzero(inner if inner.sum() >= 10 else known)
    chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:_CATEGORIES])
    names = [facet.values[code].split(" > ")[-1] for code in chosen]
    if not names:
        return settings.dense.floor
    member = np.zeros((len(chosen), len(vectors)), bool)
    for place, code in enumerate(chosen):
        member[place, text_of[facet.rows[facet.codes == code]]] = True
    return settings.dense.cutoff(encoder.encode(names), vectors, member)


def readable(
    titles: Sequence[str],
    lexical: LexicalIndex,
    encoder: Encoder,
    vectors: NDArray[np.float32],
    text_of: NDArray[np.int32],
) -> dict[str, bool]:
    """For every script that enough titles are written in, whether the encoder understands it.

    Queries are parts of titles (n), a third of the words in a row; relevant is every product that holds those words.
    An encoder that puts them far down reads the letters and not the words: it must not speak in that script. Its mean
    average precision decides, on at most 20,000 products.
    """
    random = np.random.default_rng(0)
    order = random.permutation(len(titles))
    written: dict[str, dict[str, None]] = {}
    for row in order.tolist():
        for script in scripts(titles[row]):
            found = written.setdefault(script, {})
            if len(found) < _FRAGMENTS and (part := _fragment(titles[row], script, random)):
                found[part] = None
    allowed = np.zeros(len(titles), bool)
    allowed[order[:_TESTED_ROWS]] = True
    return {
        script: _precision(list(parts), allowed, lexical, encoder, vectors, text_of) >= _UNDERSTOOD
        for script, parts in sorted(written.items())
        if len(parts) >= _FEWEST
    }


def _fragment(title: str, script: str, random: np.random.Generator) -> str:
    """A third of the words that ``title`` has in ``script``, in a row; "" where there are too few for that."""
    words = [token.text for token in analyse(title) if scripts(token.text) == {script}]
    least = 4 if script in _UNSPACED else 2
    if len(words) < least + 2:
        return ""
    size = max(least, len(words) // 3)
    start = int(random.integers(0, len(words) - size + 1))
    return ("" if script in _UNSPACED else " ").join(words[start : start + size])


def _precision(
    parts: Sequence[str],
    allowed: NDArray[np.bool_],
    lexical: LexicalIndex,
    encoder: Encoder,
    vectors: NDArray[np.float32],
    text_of: NDArray[np.int32],
) -> float:
    """Mean average precision of the encoder's order of the ``allowed`` rows; of equal texts any order is the same."""
    tested = np.flatnonzero(allowed)
    precisions = []
    for part, query in zip(parts, encoder.encode(parts), strict=True):
        members, _ = lexical.match([Word(token.text, ((token.term, 1.0),)) for token in analyse(part)], allowed)
        if not len(members):
            continue
        cosines = (vectors @ query)[text_of[tested]]
        hit = np.isin(tested[np.argsort(-cosines, kind="stable")], members)
        precisions.append(float((np.cumsum(hit) / np.arange(1, len(hit) + 1))[hit].mean()))
    return float(np.mean(precisions)) if precisions else 0.0
