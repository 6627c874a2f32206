"""A file of other libraries' lists in, rankers for the same table out; bench/recommend_peers.py writes such files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.errors import DataError
from mercato.evaluate.offline import Rank
from mercato.jobs.sequences import LeaveOneOut
from mercato.schema import Request, Rows

_HINT = "make it again from the same --data: bench/recommend_peers.py"


@dataclass(frozen=True)
class Peers:
    """``rankers`` answer the test cases by shopper; ``accounts`` have what each peer cost and was set to."""

    rankers: Mapping[str, Rank]
    accounts: Mapping[str, Mapping[str, Any]]


def read_peers(path: Path | str, given: LeaveOneOut) -> Peers:
    """Read the peers of ``path`` for the test cases of ``given``: rows are named "… (peer)".

    The file is a JSON object with ``products`` (ids), ``shoppers`` (ids of the m cases), ``wanted`` (m places in
    ``products``) and ``peers``: name → ``lists`` (m lists of places in ``products``, best first) and anything to tell.
    Raises DataError where products or cases are not those of ``given``, or a case has no proper list.
    """
    where = str(path)
    found = _object(Path(path))
    products, shoppers = _named(found, "products", where), _named(found, "shoppers", where)
    rows = given.catalog.rows(products)
    if len(rows) != len(products) or len(set(products)) != len(products) or len(rows) != len(given.catalog):
        raise DataError(
            f"{len(products):,} products, of which {len(rows):,} are in the data, which has {len(given.catalog):,}",
            where=where,
            hint=_HINT,
        )
    _check_cases(shoppers, rows[_places(found.get("wanted"), len(products), f"{where}: wanted")], given, where)
    peers = found.get("peers")
    if not isinstance(peers, dict) or not peers:
        raise DataError("there are no peers in it", where=where)
    rankers, accounts = {}, {}
    for name, peer in peers.items():
        if not isinstance(peer, dict):
            raise DataError("a peer should be an object with lists", where=f"{where}: {name}")
        told = f"{name} (peer)"
        rankers[told] = _ranker(shoppers, _lists(peer.get("lists"), len(shoppers), rows, f"{where}: {name}"))
        accounts[told] = {key: value for key, value in peer.items() if key != "lists"}
    return Peers(rankers, accounts)


def _ranker(shoppers: Sequence[str], lists: Sequence[Rows]) -> Rank:
    of = dict(zip(shoppers, lists, strict=True))

    def rank(asked: Request) -> Rows:
        return of[asked.shopper]

    return rank


def _check_cases(shoppers: Sequence[str], wanted: Rows, given: LeaveOneOut, where: str) -> None:
    if len(wanted) != len(shoppers):
        raise DataError(f"{len(shoppers):,} cases with {len(wanted):,} wanted products", where=where, hint=_HINT)
    theirs = dict(zip(shoppers, wanted.tolist(), strict=True))
    ours = {given.known.shoppers[owner]: row for owner, row in zip(given.owners, given.wanted.tolist(), strict=True)}
    if theirs == ours and len(theirs) == len(shoppers):
        return
    other = sum(theirs.get(shopper) != row for shopper, row in ours.items())
    raise DataError(
        f"other cases: of the {len(ours):,} in the data {other:,} are missing here or want another product, "
        f"{len(theirs.keys() - ours.keys()):,} here are not in the data",
        where=where,
        hint=_HINT,
    )


def _lists(given: Any, cases: int, rows: Rows, where: str) -> list[Rows]:
    if not isinstance(given, list) or len(given) != cases:
        has = f"{len(given):,}" if isinstance(given, list) else "no"
        raise DataError(f"{has} lists for {cases:,} cases", where=where, hint=_HINT)
    found = []
    for number, one in enumerate(given):
        places = _places(one, len(rows), f"{where}: list {number}")
        if len(np.unique(places)) != len(places):
            raise DataError("a product comes twice in a list", where=f"{where}: list {number}")
        found.append(rows[places])
    return found


def _places(given: Any, products: int, where: str) -> NDArray[np.int64]:
    if not isinstance(given, list) or not all(type(place) is int and 0 <= place < products for place in given):
        raise DataError(f"a list of whole numbers below {products:,} was expected", where=where)
    return np.array(given, np.int64)


def _named(found: Mapping[str, Any], key: str, where: str) -> list[str]:
    names = found.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"a list of ids was expected under '{key}'", where=where)
    return names


def _object(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise DataError(f"no JSON object can be read: {error}", where=str(path)) from error
    if not isinstance(found, dict):
        raise DataError("a JSON object was expected", where=str(path))
    return found
