"""Rows from outside in; clean products, events, reviews, shoppers and their relations out."""

from mercato.data.batch import Batch, Rejected, Source
from mercato.data.event_types import event_type
from mercato.data.nouns import interactions, products, reviews
from mercato.data.records import interaction, product, relation, review
from mercato.data.source import open_source

__all__ = [
    "Batch",
    "Rejected",
    "Source",
    "event_type",
    "interaction",
    "interactions",
    "open_source",
    "product",
    "products",
    "relation",
    "review",
    "reviews",
]
