"""A photo, or a product's own picture, in; the request that asks with it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from mercato.errors import ArtifactError, NotFound, RequestError
from mercato.models.image import ImageEncoder, LoadedImageEncoder
from mercato.schema import Request
from mercato.shop.live import Live

Picture = bytes | str | Path
"""What a picture's file holds, or where it lies."""
_NONE = "give products images that are files in the folders of [pictures], then: mercato train SHOP"


class Sight:
    """The picture encoder of one shop, loaded when somebody first asks for it; safe to share between threads."""

    def __init__(self, recipe: Callable[[], ImageEncoder], models: Path) -> None:
        self._recipe, self._models = recipe, models
        self._lock = Lock()
        self._loaded: tuple[ImageEncoder, LoadedImageEncoder] | None = None

    def asked(self, live: Live, request: Request, image: Picture | None, image_of: str) -> Request:
        """``request`` with what is looked for: the photo ``image``, or the pictures of the product ``image_of``.

        Raises RequestError where the shop has no pictures, or none of that product; NotFound for an unknown product;
        DataError for a photo that cannot be read.
        """
        if image is None and not image_of:
            return request
        if image is not None and image_of:
            raise RequestError("give a picture or the product that has it, not both", where="image_of")
        where = "image_of" if image is None else "image"
        index = live.parts.pictures
        if index is None:
            hint = live.report.get("pictures", {}).get("skipped", _NONE)
            raise RequestError("this shop cannot be searched by picture", where=where, hint=hint)
        if image is not None:
            encoder = self._encoder(index.encoder)
            given = image if isinstance(image, bytes) else Path(image)
            return replace(request, picture=encoder.encode([given])[0])
        row = live.engine.catalog.row(image_of)
        if row is None:
            raise NotFound(f"no product {image_of!r}", where=where)
        rows = np.array([row], np.int32)
        if index.of(rows) is None:
            raise RequestError(f"product {image_of!r} has no picture that was learned from", where=where)
        return replace(request, anchors=rows)

    @staticmethod
    def account(live: Live | None) -> dict[str, Any]:
        """Whether the shop can be searched by picture, and how many pictures it has."""
        index = live.parts.pictures if live is not None else None
        return {"searchable": index is not None, "pictures": 0 if index is None else len(index.rows)}

    def notes(self, live: Live | None) -> Sequence[str]:
        """Why a shop whose products have pictures cannot be asked with one; nothing where it can."""
        if live is None or live.parts.pictures is None:
            skipped = live.report.get("pictures", {}).get("skipped", "") if live is not None else ""
            return (f"search by picture: {skipped}",) if skipped else ()
        try:
            self._encoder(live.parts.pictures.encoder)
        except RequestError as error:
            return (f"search by picture: {error.hint}",)
        return ()

    def _encoder(self, fingerprint: str) -> LoadedImageEncoder:
        """The encoder; raises RequestError where it cannot be loaded, or is not the one the shop was trained with. The
        one loaded stays until a training used another."""
        with self._lock:
            if self._loaded is not None and self._loaded[1].fingerprint == fingerprint:
                return self._loaded[1]
            try:
                recipe = self._recipe()
                if self._loaded is None or self._loaded[0] != recipe:
                    self._loaded = recipe, recipe.load(self._models)
            except ArtifactError as error:
                what = "this shop cannot be searched by a photo now"
                raise RequestError(what, where="image", hint=str(error)) from error
        if self._loaded[1].fingerprint != fingerprint:
            hint = "the picture encoder is not the one it was trained with: mercato train SHOP"
            raise RequestError("this shop cannot be searched by a photo now", where="image", hint=hint)
        return self._loaded[1]
