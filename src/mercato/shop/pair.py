"""A shop, a query and one of its products in, how the shop's text encoder reads the two together out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mercato.errors import BackendError, RequestError
from mercato.jobs.encoders import choose
from mercato.jobs.meaning import meaning_text
from mercato.shop.facade import Shop

if TYPE_CHECKING:
    from mercato.models.tuning.attribution import Reading


def read_pair(shop: Shop, query: str, product_id: str, picture: Path | None = None) -> Reading:
    """What every word of ``query`` and of the product's text does for their cosine, and which words meet; drawn into
    ``picture`` (PNG, SVG or PDF) where one is named.

    It is the encoder that the shop will use at its next training. Raises NotFound for an unknown product, RequestError
    for an empty query, BackendError where what explains models is not installed, ArtifactError for an encoder that is
    no plain BERT.
    """
    if not query.strip():
        raise RequestError("the query is empty", where="query", hint="type what a shopper would")
    text = meaning_text(shop.product(product_id))
    try:
        from mercato.models.tuning.attribution import explained
    except ImportError as error:
        raise BackendError(
            "explaining a model needs torch and captum", where="read", hint="pip install 'mercato[tune]'"
        ) from error
    source = choose(shop.settings, shop.home).source.place
    found = explained(source, query, text, shop.home / "cache" / "models", shop.settings.encoder.max_length)
    if picture is not None:
        found.draw(picture)
    return found
