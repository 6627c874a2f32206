"""A folder of search sessions with clicks in, the same queries with graded products out: a click model's judgments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mercato.catalog import Catalog
from mercato.errors import DataError
from mercato.jobs.judgments import Finder, Judged, Judgments, columns, tables

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "session": ("sess_id", "session_id"),
    "query": ("search_query", "keywords"),
    "place": ("rank", "position"),
    "product": ("clicked_doc_id", "doc_id", "product_id", "item_id"),
    "clicked": ("click", "is_click"),
}
"""One line a product shown: who saw it for which query at which place, and whether it was clicked."""


@dataclass(frozen=True, slots=True)
class ClickModel:
    """The simplified dynamic Bayesian network (Chapelle & Zhang, WWW 2009, section 3.2 with γ = 1) as judge.

    Who clicks at a place has looked at everything above it: of a session everything down to its last click was
    examined, nothing below is known, and a session without a click says nothing. A product's worth for a query is
    (clicks / examined) · (last clicks / clicks): how often it attracts who sees it, times how often it ends the search.
    So a product is not judged by the place it was shown at. What was seldom examined is drawn towards the query's mean
    by as much as ``prior`` examinations would (else what stands last is seen by nobody but those who click it).

    Only the ``later`` share of each query's sessions judges (a session's number is its time: later ones are higher), so
    that whatever is learned from clicks can be learned from the earlier ones. A query counts with ``least_sessions``
    clicked sessions there, a product with ``least_examined`` examinations. The grade is the worth in tenths of the
    query's best, rounded: linear gain over grades is linear gain over worth, and below a twentieth is not relevant.
    """

    later: float = 0.5
    least_sessions: int = 100
    least_examined: int = 20
    prior: float = 100.0

    def judge(self, folder: Path | str, catalog: Catalog) -> Judgments:
        """Judgments from every file of ``folder``; products the catalogue does not have are left out and counted.

        Raises DataError for a folder without such files or without a query that has enough sessions.
        """
        files = sorted(path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith("."))
        if not files:
            raise DataError("there are no sessions in it", where=str(folder))
        worths = [self._worths(path) for path in files]
        find, queries, judged, unknown = Finder(catalog), list[Judged](), 0, 0
        for (query,), seen in pl.concat(worths).group_by("query", maintain_order=True):
            pairs = zip(map(find, seen["product"].to_list()), seen["worth"].to_list(), strict=True)
            known = {row: worth for row, worth in pairs if row is not None}
            judged, unknown = judged + len(known), unknown + len(seen) - len(known)
            if best := max(known.values(), default=0.0):
                grades = {row: float(round(10 * worth / best)) for row, worth in known.items()}
                queries.append(Judged(str(query), grades, "clicks"))
        if not queries:
            raise DataError("no query has enough clicked sessions", where=str(folder), hint=f"{self}")
        said = (
            f"SDBN on the later {self.later:.0%} of sessions; a query has {self.least_sessions} clicked sessions or "
            f"more, a product {self.least_examined} examinations or more, a prior of {self.prior:.0f}"
        )
        account = {"judged": judged, "of_unknown_products": unknown, "files": len(files), "click_model": said}
        return Judgments(tuple(queries), account)

    def _worths(self, path: Path) -> pl.DataFrame:
        return self.worths(read_sessions(path))

    def worths(self, shown: pl.DataFrame) -> pl.DataFrame:
        """query, product and worth of what ``shown`` tells enough about; its columns are those of COLUMNS, ``session``
        a number that grows with time, ``clicked`` true or false."""
        begin = pl.col("session").quantile(1 - self.later, "higher").over("query")
        last = pl.col("place").filter("clicked").max().over("query", "session")
        return (
            shown.filter(pl.col("session") >= begin)
            .filter(pl.col("place") <= last)
            .filter(pl.col("session").n_unique().over("query") >= self.least_sessions)
            # clicks / examined · last clicks / clicks; what is last is what the session ended on
            .with_columns(ended=pl.col("clicked") & (pl.col("place") == pl.col("place").max().over("query", "session")))
            .group_by("query", "product", maintain_order=True)
            .agg(pl.len().alias("examined"), pl.col("ended").sum())
            .filter(pl.col("examined") >= self.least_examined)
            .with_columns(mean=(pl.col("ended").sum() / pl.col("examined").sum()).over("query"))
            .select(
                "query",
                "product",
                worth=(pl.col("ended") + self.prior * pl.col("mean")) / (pl.col("examined") + self.prior),
            )
        )


def read_sessions(path: Path) -> pl.DataFrame:
    """A file of search sessions with the columns of COLUMNS as ``ClickModel.worths`` takes it; raises DataError."""
    return pl.concat([_shown(frame, str(path)) for frame in tables(path)])


def _shown(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    named = columns(frame.columns, COLUMNS, where)
    yes = pl.col(named["clicked"]).cast(pl.String).str.to_lowercase().is_in(["true", "1", "yes", "1.0"])
    try:
        return frame.select(
            pl.col(named["session"]).cast(pl.Float64).alias("session"),
            pl.col(named["query"]).cast(pl.String).alias("query"),
            pl.col(named["product"]).cast(pl.String).str.strip_suffix(".0").alias("product"),
            pl.col(named["place"]).cast(pl.Float64).alias("place"),
            yes.alias("clicked"),
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"a session or place is no number: {error}", where=where) from error
