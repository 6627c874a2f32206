"""Rows from outside in; clean products, events, reviews and shoppers out."""

from mercato.data.batch import Batch, Rejected, Source
from mercato.data.source import open_source

__all__ = ["Batch", "Rejected", "Source", "open_source"]
