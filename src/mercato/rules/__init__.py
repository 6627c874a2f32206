"""Merchandising rules: what the shopkeeper wrote in, checked rules out."""

from mercato.rules.check import MOST_RULES, check_together
from mercato.rules.read import rule_from_dict, rule_to_dict
from mercato.rules.rule import Boost, Pin, Rule, Run, Some, Synonym, When, run_of

__all__ = [
    "MOST_RULES",
    "Boost",
    "Pin",
    "Rule",
    "Run",
    "Some",
    "Synonym",
    "When",
    "check_together",
    "rule_from_dict",
    "rule_to_dict",
    "run_of",
]
