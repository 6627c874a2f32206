"""What the shop's store keeps of its rules in, the rules of one version out, and changed ones checked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.policy.merchandise import Merchandise
from mercato.rules import Rule, check_together, rule_from_dict
from mercato.stores.sqlite import ShopStore

log = logging.getLogger(__name__)

Changes = Mapping[str, Rule | None]
"""Rule id → what it becomes; None: it goes."""


@dataclass(frozen=True)
class Rulebook:
    """The rules by id as version ``version`` left them (0: nobody wrote any); ``unread`` are ids of rules that this
    Mercato does not understand, because a newer one wrote them."""

    version: int = 0
    rules: Mapping[str, Rule] = field(default_factory=lambda: MappingProxyType({}))
    unread: tuple[str, ...] = ()

    @staticmethod
    def of(store: ShopStore, version: int | None = None) -> Rulebook:
        """The rules of ``store`` now, or as they were at ``version``. A rule that cannot be read is passed over: it
        must not take search down."""
        number = store.rules.version() if version is None else version
        rules: dict[str, Rule] = {}
        unread: list[str] = []
        for rule_id, record in store.rules.at(number).items():
            try:
                rules[rule_id] = rule_from_dict(record)
            except RequestError as error:
                log.warning("rule %s is passed over: %s", rule_id, error)
                unread.append(rule_id)
        return Rulebook(number, MappingProxyType(rules), tuple(unread))

    @property
    def ordered(self) -> list[Rule]:
        """The rules in the order in which they apply."""
        return sorted(self.rules.values(), key=lambda rule: rule.rank)

    def changed(self, changes: Changes, catalog: Catalog | None) -> Rulebook:
        """With ``changes`` made. Raises RequestError when the rules do not go together any more, or a changed one
        filters by a field that ``catalog`` does not have."""
        rules = {rule_id: rule for rule_id, rule in {**self.rules, **changes}.items() if rule is not None}
        check_together(list(rules.values()))
        fresh = [replace(rule, enabled=True) for rule in changes.values() if rule is not None]
        if catalog is not None:
            for rule_id, broken in Merchandise.build(fresh, catalog).broken.items():
                path, why = broken[0]
                raise RequestError(f"rule {rule_id!r}: {why}", where=path, hint="use a field of the catalogue")
        return Rulebook(self.version, MappingProxyType(rules), self.unread)

    def towards(self, wanted: Mapping[str, Rule]) -> dict[str, Rule | None]:
        """What has to change to have exactly ``wanted``."""
        gone: dict[str, Rule | None] = dict.fromkeys(sorted((set(self.rules) | set(self.unread)) - set(wanted)))
        return gone | {rule_id: rule for rule_id, rule in wanted.items() if self.rules.get(rule_id) != rule}
