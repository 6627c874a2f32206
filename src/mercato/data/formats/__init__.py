"""One module a format: how its files are recognised and what its columns mean."""

from collections.abc import Mapping

from mercato.data.formats.amazon import AMAZON
from mercato.data.formats.format import Format
from mercato.data.formats.ga4 import GA4
from mercato.data.formats.gorse import GORSE
from mercato.data.formats.merchant import MERCHANT
from mercato.data.formats.metarank import METARANK
from mercato.data.formats.personalize import PERSONALIZE
from mercato.data.formats.recbole import RECBOLE
from mercato.data.formats.sequences import SEQUENCES, TARGETS
from mercato.data.formats.shopify import SHOPIFY
from mercato.data.formats.taobao import TAOBAO
from mercato.data.formats.ubi import UBI

FORMATS: Mapping[str, Format] = {
    format.name: format
    for format in (
        GA4, UBI, METARANK, GORSE, AMAZON, SHOPIFY, MERCHANT, PERSONALIZE, TARGETS, RECBOLE, TAOBAO, SEQUENCES,
    )
}  # fmt: skip
"""Formats by name, the most telling signs first."""
