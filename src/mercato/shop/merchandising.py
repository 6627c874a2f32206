"""The shopkeeper's rules: written, read, tried out on a list, and taken back, each change a version of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mercato.codec import from_time
from mercato.errors import BackendError, NotFound, RequestError
from mercato.rules import SEARCH, Rule, check_together, rule_from_dict, rule_to_dict
from mercato.shop.live import Live
from mercato.shop.rehearsal import Rehearsal
from mercato.shop.rulebook import Changes, Rulebook
from mercato.stores.sqlite import ShopStore

_TRIES = 20


class Merchandising:
    """``shop.rules``: rules are dicts in the JSON of ``mercato.rules.rule_to_dict``. Every change is durable, and in
    force for the next list, when the call returns; safe to use from several threads.

    ``live`` is what is being served, None before the first training; ``turn`` puts something else over the same
    snapshot in its place.
    """

    def __init__(
        self,
        store: ShopStore,
        clock: Callable[[], datetime],
        live: Callable[[], Live | None],
        turn: Callable[[Callable[[Live], Live]], None],
    ) -> None:
        self._store, self._clock, self._live, self._turn = store, clock, live, turn

    def all(self) -> dict[str, Any]:
        """``version``, ``rules`` in the order in which they apply, and by id the ``status`` of each: its ``state`` (in
        force, waiting, over, off), the product ids that are ``unknown``, pins that are ``resting`` (and why), and
        filters that are ``broken`` because the catalogue has no such field; ids of rules that a newer Mercato wrote
        are ``unread``."""
        return self._told(Rulebook.of(self._store))

    def at(self, version: int) -> dict[str, Any]:
        """The same as of ``version`` (0: before the first rule); raises NotFound."""
        return self._told(self._book(version))

    def one(self, rule_id: str) -> dict[str, Any]:
        """One ``rule`` and its ``status`` as in ``all``; raises NotFound."""
        rule = Rulebook.of(self._store).rules.get(rule_id)
        if rule is None:
            raise _missing(rule_id)
        return self._described(rule)

    def put(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Write one rule, in the place of one with the same id; answers as ``one``. Raises RequestError for a rule that
        makes no sense, by itself or beside the others."""
        rule = rule_from_dict(record)
        self._change(lambda book: ({rule.id: rule}, f"{'changed' if rule.id in book.rules else 'added'} {rule.id}"))
        return self._described(rule)

    def add(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Write a new rule, with an id made up where it has none. Raises RequestError as ``put``, and when the id is
        taken."""
        rule = rule_from_dict({**record, "id": record.get("id") or f"rule-{uuid.uuid4().hex[:8]}"})

        def addition(book: Rulebook) -> tuple[Changes, str]:
            if rule.id in book.rules:
                hint = "give it another id, or put it in the place of that one"
                raise RequestError(f"there is a rule {rule.id!r} already", where="id", hint=hint)
            return {rule.id: rule}, f"added {rule.id}"

        self._change(addition)
        return self._described(rule)

    def delete(self, rule_id: str) -> None:
        """Take one rule out; raises NotFound."""

        def removal(book: Rulebook) -> tuple[Changes, str]:
            if rule_id not in book.rules and rule_id not in book.unread:
                raise _missing(rule_id)
            return {rule_id: None}, f"deleted {rule_id}"

        self._change(removal)

    def replace(self, records: Iterable[Mapping[str, Any]], version: int | None = None) -> dict[str, Any]:
        """Have exactly these rules; answers as ``all``. With ``version``, only while that is the last one, so that
        nobody's change is lost. Raises RequestError as ``put``, and when it is not."""
        rules = [rule_from_dict(record, f"rules[{place}]") for place, record in enumerate(records)]
        check_together(rules)

        def exchange(book: Rulebook) -> tuple[Changes, str]:
            if version not in (None, book.version):
                hint = "read the rules again and make your change to those"
                raise RequestError(f"the rules are at version {book.version} by now", where="version", hint=hint)
            return book.towards({rule.id: rule for rule in rules}), f"replaced all, {len(rules)} rules now"

        self._change(exchange)
        return self.all()

    def versions(self, k: int = 100) -> list[dict[str, Any]]:
        """The last ``k`` changes, the newest first: ``number``, ``at``, ``what``, and the ids that were ``changed``."""
        return [
            {"number": one.number, "at": from_time(one.at), "what": one.what, "changed": list(one.changed)}
            for one in self._store.rules.versions(k)
        ]

    def rollback(self, version: int) -> dict[str, Any]:
        """The rules as ``version`` left them (0: none), as a new version; answers as ``all``. Raises NotFound."""
        wanted = self._book(version).rules
        self._change(lambda book: (book.towards(wanted), f"back to version {version}"))
        return self.all()

    def preview(
        self,
        query: str,
        put: Iterable[Mapping[str, Any]] = (),
        delete: Iterable[str] = (),
        *,
        k: int = 10,
        shopper: str = "",
        segments: Sequence[str] = (),
        placement: str = SEARCH,
        product: str = "",
        where: Mapping[str, Any] | None = None,
        sort: str = "",
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """One list (a search, or that of another ``placement``, which starts from ``product``, else from the shopper's
        last) with the rules as they are, and with those of ``put`` written and ``delete`` taken out, as of ``at`` (now
        when None) and as somebody in ``segments`` sees it; changes nothing and logs nothing. Raises RequestError as
        ``put``, ``Shop.search`` and ``Shop.recommend``, NotFound for an unknown product."""
        live = self._live()
        if live is None:
            raise RequestError("a shop that has not been trained has no list to show", hint="mercato train SHOP")
        fresh = [rule_from_dict(record, f"put[{place}]") for place, record in enumerate(put)]
        changes: Changes = {**dict.fromkeys(delete), **{rule.id: rule for rule in fresh}}
        book = Rulebook.of(self._store)
        after = live.ruled(book.changed(changes, live.catalog))
        asked = live.request(
            placement, self._clock(), k=k, shopper=shopper, segments=segments, where=where, explain=True
        )
        rehearsal = Rehearsal(live.ruled(book), after, asked, at or self._clock())
        return rehearsal.searched(query, sort) if placement == SEARCH else rehearsal.recommended(product)

    def _book(self, version: int) -> Rulebook:
        last = self._store.rules.version()
        if not 0 <= version <= last:
            raise NotFound(f"there is no version {version} of the rules", where="version", hint=f"0 to {last}")
        return Rulebook.of(self._store, version)

    def _change(self, edit: Callable[[Rulebook], tuple[Changes, str]]) -> None:
        """Make the changes that ``edit`` says on top of what is there, and again if somebody else was quicker; what is
        already so makes no version."""
        live = self._live()
        for _ in range(_TRIES):
            book = Rulebook.of(self._store)
            wanted, what = edit(book)
            changes = {rule_id: rule for rule_id, rule in wanted.items() if _differs(book, rule_id, rule)}
            if not changes:
                return
            book.changed(changes, live.catalog if live else None)
            records = {rule_id: None if rule is None else rule_to_dict(rule) for rule_id, rule in changes.items()}
            if self._store.rules.change(records, what, self._clock(), after=book.version) is not None:
                self._turn(lambda served: served.ruled(Rulebook.of(self._store)))
                return
        raise BackendError("others keep changing the rules", where="rules", hint="try again")

    def _told(self, book: Rulebook) -> dict[str, Any]:
        return {
            "version": book.version,
            "rules": [rule_to_dict(rule) for rule in book.ordered],
            "status": {rule.id: self._status(rule) for rule in book.ordered},
            "unread": list(book.unread),
        }

    def _described(self, rule: Rule) -> dict[str, Any]:
        return {"rule": rule_to_dict(rule), "status": self._status(rule)}

    def _status(self, rule: Rule) -> dict[str, Any]:
        live = self._live()
        resting = live.merchandise.resting.get(rule.id, ()) if live else ()
        broken = live.merchandise.broken.get(rule.id, ()) if live else ()
        return {
            "state": rule.state(self._clock()),
            "unknown": [product for product in rule.products if self._is_unknown(product, live)],
            "resting": [{"product": product, "why": why} for product, why in resting],
            "broken": [{"field": path, "why": why} for path, why in broken],
        }

    def _is_unknown(self, product: str, live: Live | None) -> bool:
        """Whether the shop does not have it: neither in the trained catalogue nor waiting in the store."""
        row = live.catalog.row(product) if live else None
        if live is not None and row is not None and row not in live.hidden:
            return False
        return self._store.product(product) is None


def _differs(book: Rulebook, rule_id: str, rule: Rule | None) -> bool:
    return rule_id in book.unread or book.rules.get(rule_id) != rule


def _missing(rule_id: str) -> NotFound:
    return NotFound(f"there is no rule {rule_id!r}", where="id", hint="GET /v1/rules lists them")
