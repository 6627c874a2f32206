"""The answer to a query in, where its words stand in the texts of each item out."""

from __future__ import annotations

from typing import Any

from mercato.schema import Slate
from mercato.words import Highlighter, Marked


def highlights(slate: Slate) -> list[dict[str, Any]]:
    """Of each item the title, whole, and the part of the description that says most of the query: as HTML, escaped,
    with the words in <em>, and as the text with spans [start, end) in UTF-16 code units, as browsers count."""
    mark = Highlighter(slate.words)
    return [
        {
            name: _told(marked)
            for name, marked in (
                ("title", mark.mark(item.product.title)),
                ("description", mark.excerpt(item.product.description)),
            )
            if marked.text
        }
        for item in slate.items
    ]


def _told(marked: Marked) -> dict[str, Any]:
    return {"text": marked.text, "html": marked.html(), "spans": marked.utf16(), "words": list(marked.words)}
