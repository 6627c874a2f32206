"""What the shop's store holds of a shopper in, the segments that puts them in out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mercato.rules import segment_of


def segments_of_record(record: Mapping[str, Any] | None) -> frozenset[str]:
    """A segment "name:value" for every value of every attribute (imported ``--as shoppers``), as rules compare them;
    none for nobody.

    >>> sorted(segments_of_record({"id": "u1", "attributes": '{"loyalty":["Gold"],"tags":["vip","b2b"]}'}))
    ['loyalty:gold', 'tags:b2b', 'tags:vip']
    """
    told = (record or {}).get("attributes") or "{}"
    attributes: dict[str, list[str]] = orjson.loads(told)
    return frozenset(segment_of(f"{name}:{value}") for name, values in attributes.items() for value in values)
