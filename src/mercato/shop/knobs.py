"""What the shopkeeper turned in, the settings of lists in force out; the shop's own store keeps every turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from mercato.codec import dumps, from_time
from mercato.errors import RequestError
from mercato.lists import KNOBS, OFF
from mercato.scores import SCORES
from mercato.settings import Lists, Settings
from mercato.stores.sqlite import ShopStore

_KEY = "lists"
_REMEMBERED = 100


@dataclass(frozen=True)
class Turned:
    """``values`` by placement and knob, which go over those of mercato.toml; ``turns`` are the last changes, the newest
    last, each with its number, its time and what it said (null: back to mercato.toml)."""

    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    turns: tuple[Mapping[str, Any], ...] = ()

    @staticmethod
    def of(store: ShopStore) -> Turned:
        """What ``store`` keeps; placements and knobs this version does not know are passed over."""
        kept = orjson.loads(store.meta(_KEY) or "{}")
        values = {
            placement: {knob: float(value) for knob, value in knobs.items() if knob in KNOBS}
            for placement, knobs in kept.get("values", {}).items()
            if placement in SCORES
        }
        return Turned(values, tuple(kept.get("turns", ())))

    def keep(self, store: ShopStore) -> None:
        """Durable when this returns."""
        store.set_meta(_KEY, dumps({"values": self.values, "turns": self.turns}).decode())

    @property
    def version(self) -> str:
        """The number of the last turn; "" where nobody turned anything."""
        return str(self.turns[-1]["number"]) if self.turns else ""

    def turn(self, placement: str, knobs: Mapping[str, float | None], now: datetime) -> Turned:
        """With ``knobs`` of one placement changed, None for back to mercato.toml. Raises RequestError for an unknown
        placement or knob, a value out of range, or no knob at all."""
        check(placement, knobs)
        changed = {**self.values.get(placement, {}), **knobs}
        stays = {knob: float(value) for knob, value in changed.items() if value is not None}
        values = {name: known for name, known in {**self.values, placement: stays}.items() if known}
        turn = {
            "number": int(self.version or 0) + 1, "at": from_time(now), "placement": placement, "knobs": dict(knobs),
        }  # fmt: skip
        return Turned(values, (*self.turns, turn)[-_REMEMBERED:])

    def over(self, settings: Settings) -> Settings:
        """``settings`` with these knobs."""
        laid: dict[str, Any] = {
            knob: {
                **getattr(settings.lists, knob),
                **{placement: values[knob] for placement, values in self.values.items() if knob in values},
            }
            for knob in KNOBS
        }
        return replace(settings, lists=replace(settings.lists, **laid))

    def shown(self, written: Lists) -> dict[str, Any]:
        """Every placement's knobs: the value in force, the one of mercato.toml, and whether it was turned."""
        return {
            "placements": {placement: self._knobs(written, placement) for placement in SCORES},
            "version": self.version,
            "turns": list(reversed(self.turns)),
        }

    def _knobs(self, written: Lists, placement: str) -> dict[str, dict[str, Any]]:
        turned = self.values.get(placement, {})
        found = {}
        for knob in KNOBS:
            own = float(getattr(written, knob).get(placement, OFF[knob]))
            found[knob] = {"value": turned.get(knob, own), "written": own, "turned": knob in turned}
        return found


def check(placement: str, knobs: Mapping[str, float | None]) -> None:
    """Raises RequestError unless every one of ``knobs`` is a known one in its range, or None."""
    if placement not in SCORES:
        raise RequestError(f"no placement {placement!r}", where="placement", hint=f"placements: {', '.join(SCORES)}")
    if not knobs:
        raise RequestError("no knob to turn", where="knobs", hint=f"knobs: {', '.join(KNOBS)}")
    for knob, value in knobs.items():
        if knob not in KNOBS:
            raise RequestError(f"no knob {knob!r}", where=knob, hint=f"knobs: {', '.join(KNOBS)}")
        if value is not None:
            _check_value(knob, value)


def _check_value(knob: str, value: Any) -> None:
    most = KNOBS[knob]
    hint = "100 is the shopper's own order, 0 the same for everybody" if knob == "personal" else "0 leaves lists alone"
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise RequestError(f"{knob} goes from 0 to {most}, not {value!r}", where=knob, hint=hint)
    if knob == "personal" and value != int(value):
        raise RequestError(f"personal goes in whole steps, not {value!r}", where=knob, hint=hint)
