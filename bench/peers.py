"""Texts and queries in, what other engines need for them out; runs under the interpreter where they are installed.

python bench/peers.py FOLDER     reads FOLDER/texts.json and queries.json, writes FOLDER/peers.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any


def timed(ask: Callable[[str], Any], queries: list[str]) -> list[float]:
    """Milliseconds of each query, one after another, after a short warm-up."""
    for query in queries[:20]:
        ask(query)
    found = []
    for query in queries:
        begun = perf_counter()
        ask(query)
        found.append((perf_counter() - begun) * 1000)
    return found


def tantivy_all_words(texts: list[str], queries: list[str]) -> list[float]:
    """tantivy: all words must match, 10 best and the exact count, index in memory."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
    builder.add_integer_field("row", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(heap_size=200_000_000, num_threads=1)
    for row, text in enumerate(texts):
        writer.add_document(tantivy.Document(text=[text], row=row))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: str) -> Any:
        words = "".join(letter if letter.isalnum() else " " for letter in query)
        parsed = index.parse_query(words, ["text"], conjunction_by_default=True)
        hits = searcher.search(parsed, 10, count=True).hits
        return [searcher.doc(address)["row"] for _, address in hits]

    return timed(ask, queries)


def bm25s_any_word(texts: list[str], queries: list[str]) -> list[float]:
    """bm25s: any word may match, 10 best, no count."""
    import bm25s

    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)

    def ask(query: str) -> Any:
        tokens = bm25s.tokenize([query], show_progress=False)
        return retriever.retrieve(tokens, k=10, show_progress=False, n_threads=1)

    return timed(ask, queries)


def main(folder: Path) -> None:
    """Time every engine that is installed; one that is not is left out."""
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    found = {}
    for name, run in (("tantivy", tantivy_all_words), ("bm25s", bm25s_any_word)):
        try:
            __import__(name)
        except ImportError:
            continue
        about = (run.__doc__ or "").partition(": ")[2].strip().rstrip(".")
        found[name] = {"about": about, "milliseconds": run(texts, queries)}
    (folder / "peers.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
