"""Merchandising rules: what the shopkeeper wrote in, checked rules out."""

from mercato.rules.check import MOST_RULES, check_together
from mercato.rules.read import rule_from_dict, rule_to_dict
from mercato.rules.rule import LISTS, SEARCH, Boost, Pin, Rule, Run, Some, Synonym, When, run_of
from mercato.rules.segments import LONGEST_SEGMENT, MOST_SEGMENTS, segment_of, segments_of

__all__ = [
    "LISTS",
    "LONGEST_SEGMENT",
    "MOST_RULES",
    "MOST_SEGMENTS",
    "SEARCH",
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
    "segment_of",
    "segments_of",
]
