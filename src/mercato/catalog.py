"""One immutable snapshot of the catalogue: products in, rows with columns out; who is allowed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from mercato.codec import dumps, exponent, product_from_dict, product_to_dict
from mercato.errors import ArtifactError, RequestError
from mercato.schema import Mask, Product, Rows, Where

NUMBERS = ("price", "rating", "quantity", "created_at")
"""Fields filtered by range: price in major units, created_at in UTC seconds; NaN where a product has none."""

_SHOWN = 4096
"""Products kept as objects: reading one from its record costs a tenth of a millisecond, a list needs thirty."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One field's values over the catalogue: pair j says that row ``rows[j]`` has value ``values[codes[j]]``.

    ``rows`` ascends, so the first pair of each row is its main value; ``values`` ascend too.
    """

    rows: NDArray[np.int32]
    codes: NDArray[np.int32]
    values: tuple[str, ...]

    def mask(self, wanted: Iterable[str], n: int) -> Mask:
        """Rows (n flags) that have any of ``wanted``; unknown values match nothing."""
        chosen = np.zeros(len(self.values), bool)
        for value in wanted:
            code = bisect_left(self.values, value)
            if self.values[code : code + 1] == (value,):
                chosen[code] = True
        mask = np.zeros(n, bool)
        mask[self.rows[chosen[self.codes]]] = True
        return mask

    def counts(self, within: Mask) -> dict[str, int]:
        """Value → number of rows inside ``within``, most first, ties by value."""
        return self.most(self.totals(within))

    def totals(self, within: Mask) -> NDArray[np.int64]:
        """Number of rows inside ``within`` by code."""
        return np.bincount(self.codes[within[self.rows]], minlength=len(self.values))

    def most(self, totals: NDArray[np.int64], k: int | None = None) -> dict[str, int]:
        """Value → its total, for the ``k`` largest above 0, most first, ties by value."""
        found = np.flatnonzero(totals)  # codes ascend with their values
        order = found[np.argsort(-totals[found], kind="stable")][:k]
        return dict(zip((self.values[code] for code in order.tolist()), totals[order].tolist(), strict=True))


def _paths(category: str) -> list[str]:
    """Every prefix of a path: "a > b" → ["a", "a > b"]."""
    parts = [part.strip() for part in category.split(">")]
    return [" > ".join(parts[: depth + 1]) for depth in range(len(parts))]


def _facet_values(product: Product) -> dict[str, list[str]]:
    values = {
        "brand": [product.brand] if product.brand else [],
        "availability": [product.availability],
        "categories": list(dict.fromkeys(path for category in product.categories for path in _paths(category))),
    }
    for name, given in product.attributes.items():
        taken = name in values or name in NUMBERS
        values[f"attributes.{name}" if taken else name] = list(dict.fromkeys(given))
    return values


def _numbers(product: Product) -> tuple[float, ...]:
    price = None if product.price is None else product.price / 10 ** exponent(product.currency)
    created = None if product.created_at is None else product.created_at.timestamp()
    given = (price, product.rating, product.quantity, created)
    return tuple(np.nan if value is None else float(value) for value in given)


@dataclass(frozen=True)
class Catalog:
    """n products as rows 0..n-1, in the order given.

    ``records`` hold each product's JSON, ``later`` that of rows put since it was made (overlay.rows); ``facets`` the
    filterable fields; ``numbers`` float64 columns; ``leaf`` the code of each row's deepest category (-1: none);
    ``group`` equal numbers for variants of one product; ``leaves`` by code and ``groups`` by id name these.
    """

    ids: tuple[str, ...]
    records: pa.LargeBinaryArray
    facets: Mapping[str, Facet]
    numbers: Mapping[str, NDArray[np.float64]]
    leaf: NDArray[np.int32]
    group: NDArray[np.int32]
    sellable: Mask
    version: str = ""
    leaves: tuple[str, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    later: Mapping[int, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _row(self) -> dict[str, int]:
        return {product_id: row for row, product_id in enumerate(self.ids)}

    def row(self, product_id: str) -> int | None:
        """The row of ``product_id``, None when it is not in this snapshot."""
        return self._row.get(product_id)

    def rows(self, product_ids: Iterable[str]) -> Rows:
        """Rows of the ids that exist, in order; unknown ids are left out."""
        found = (self._row.get(product_id) for product_id in product_ids)
        return np.array([row for row in found if row is not None], np.int32)

    def product(self, row: int) -> Product:
        """The product at ``row``; those shown lately are kept."""
        return self._product(int(row))

    @cached_property
    def _product(self) -> Callable[[int], Product]:
        records, later = self.records, self.later  # not self: the ring would keep old catalogues in memory for long
        return lru_cache(_SHOWN)(lambda row: product_from_dict(orjson.loads(_record(records, later, row))))

    def record(self, row: int) -> bytes:
        """The JSON of the product at ``row``."""
        return _record(self.records, self.later, row)

    @staticmethod
    def build(products: Iterable[Product], version: str = "") -> Catalog:
        """A snapshot of ``products``; an id that comes twice keeps its last version."""
        kept = list({product.id: product for product in products}.values())
        pairs: dict[str, tuple[list[int], list[str]]] = {}
        leaf: list[str] = []
        for row, product in enumerate(kept):
            for name, values in _facet_values(product).items():
                rows, given = pairs.setdefault(name, ([], []))
                rows.extend([row] * len(values))
                given.extend(values)
            leaf.append(product.categories[0] if product.categories else "")
        facets = {name: _encode(rows, given) for name, (rows, given) in sorted(pairs.items())}
        table = np.array([_numbers(product) for product in kept], np.float64).reshape(len(kept), len(NUMBERS))
        leaves, leaf_codes = np.unique(np.array(leaf, dtype=object), return_inverse=True)
        groups = [product.group_id or f"\0{product.id}" for product in kept]
        group = np.unique(np.array(groups, dtype=object), return_inverse=True)[1].astype(np.int32)
        return Catalog(
            ids=tuple(product.id for product in kept),
            records=pa.array([dumps(product_to_dict(product)) for product in kept], pa.large_binary()),
            facets=facets,
            numbers={name: np.ascontiguousarray(table[:, column]) for column, name in enumerate(NUMBERS)},
            leaf=np.where(np.array(leaf, dtype=object) == "", -1, leaf_codes).astype(np.int32),
            group=group,
            sellable=np.array([product.sellable for product in kept], bool),
            version=version,
            leaves=tuple(leaves.tolist()),
            groups={one.group_id: code for one, code in zip(kept, group.tolist(), strict=True) if one.group_id},
        )

    def allowed(self, where: Where) -> Mask:
        """Sellable rows that pass every condition of ``where``; a row without the field never passes.

        Raises RequestError for a field the catalogue does not have, or a condition of another shape.
        """
        mask = self.sellable.copy()
        for name, condition in where.items():
            mask &= self.passing(name, condition)
        return mask

    def passing(self, name: str, condition: Any) -> Mask:
        """Rows, sellable or not, that pass one condition; raises as ``allowed``."""
        where = f"where.{name}"
        if isinstance(condition, Mapping):
            return self._range(name, condition, where)
        wanted = [condition] if isinstance(condition, str | int | float) else condition
        if not isinstance(wanted, Sequence) or not all(isinstance(value, str | int | float) for value in wanted):
            raise RequestError("a filter is a list of values or {min, max, below}", where=where)
        if name in self.numbers:
            return np.isin(self.numbers[name], np.array([_number(value, where) for value in wanted], np.float64))
        return self.facets[self.field(name, where)].mask([str(value) for value in wanted], len(self))

    def field(self, name: str, where: str = "facets") -> str:
        """The name of a field in ``facets`` or ``numbers``, with or without "attributes." before it.

        Raises RequestError, naming ``where`` it was asked for, when the catalogue has no such field.
        """
        if name in self.numbers:
            return name
        for own in (name, f"attributes.{name}", name.removeprefix("attributes.")):
            if own in self.facets:
                return own
        known = ", ".join([*self.facets, *self.numbers])
        raise RequestError(f"the catalogue has no field {name!r}", where=where, hint=f"known fields: {known}")

    def _range(self, name: str, condition: Mapping[str, Any], where: str) -> Mask:
        if self.field(name, where) not in self.numbers:
            raise RequestError(f"{name!r} is not a number", where=where, hint=f"ranges: {', '.join(self.numbers)}")
        if unknown := set(condition) - {"min", "max", "below"}:
            raise RequestError(f"a range has min, max and below, not {sorted(unknown)}", where=where)
        column = self.numbers[name]
        low = _number(condition.get("min"), where, -np.inf)
        high = _number(condition.get("max"), where, np.inf)
        with np.errstate(invalid="ignore"):
            mask: Mask = (column >= low) & (column <= high)
            if condition.get("below") is not None:
                mask &= column < _number(condition["below"], where)
        return mask

    def count(self, fields: Iterable[str], within: Mask) -> dict[str, dict[str, int]]:
        """Facet counts over exactly the rows of ``within``."""
        return {name: self._facet(name).counts(within) for name in fields}

    def _facet(self, name: str) -> Facet:
        own = self.field(name)
        if own not in self.facets:
            raise RequestError(f"{name!r} is a number: it has ranges, no values", where="facets")
        return self.facets[own]

    def save(self, folder: Path) -> None:
        """Write the snapshot as arrays and one Arrow file into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.table({"id": pa.array(self.ids, pa.large_string()), "record": self.records})
        with pa.OSFile(str(folder / "products.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        arrays: dict[str, NDArray[Any]] = {"leaf": self.leaf, "group": self.group, "sellable": self.sellable}
        arrays |= {f"number-{name}": column for name, column in self.numbers.items()}
        for position, facet in enumerate(self.facets.values()):
            arrays |= {f"facet-{position}-rows": facet.rows, f"facet-{position}-codes": facet.codes}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        facets = [{"name": name, "values": facet.values} for name, facet in self.facets.items()]
        about = {"version": self.version, "facets": facets, "leaves": self.leaves, "groups": self.groups}
        (folder / "catalog.json").write_bytes(dumps(about))

    @staticmethod
    def load(folder: Path) -> Catalog:
        """Map a snapshot written by ``save``; raises ArtifactError when it is incomplete."""
        try:
            about = orjson.loads((folder / "catalog.json").read_bytes())
            table = pa.ipc.open_file(pa.memory_map(str(folder / "products.arrow"))).read_all()
            facets = {
                facet["name"]: Facet(
                    _array(folder, f"facet-{position}-rows"),
                    _array(folder, f"facet-{position}-codes"),
                    tuple(facet["values"]),
                )
                for position, facet in enumerate(about["facets"])
            }
            return Catalog(
                ids=tuple(table["id"].to_pylist()),
                records=table["record"].chunk(0) if len(table) else pa.array([], pa.large_binary()),
                facets=facets,
                numbers={name: _array(folder, f"number-{name}") for name in NUMBERS},
                leaf=_array(folder, "leaf"),
                group=_array(folder, "group"),
                sellable=_array(folder, "sellable"),
                version=about["version"],
                leaves=tuple(about.get("leaves", ())),
                groups=about.get("groups", {}),
            )
        except (OSError, EOFError, KeyError, ValueError, pa.ArrowInvalid) as error:
            raise ArtifactError("the catalogue snapshot cannot be read", where=str(folder)) from error


def _record(records: pa.LargeBinaryArray, later: Mapping[int, bytes], row: int) -> bytes:
    put = later.get(row)
    record: bytes = records[row].as_py() if put is None else put
    return record


def _encode(rows: list[int], given: list[str]) -> Facet:
    values, codes = np.unique(np.array(given, dtype=object), return_inverse=True)
    return Facet(np.array(rows, np.int32), codes.astype(np.int32), tuple(values.tolist()))


def _number(value: Any, where: str, default: float | None = None) -> float:
    if value is None and default is not None:
        return default
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{value!r} is not a number", where=where) from error
    if np.isnan(number):
        raise RequestError("NaN is not a number to filter by", where=where)
    return number


def _array(folder: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # still mapped; indexing a memmap object costs microseconds more each time
