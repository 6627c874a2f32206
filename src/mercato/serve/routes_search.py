"""What a shopper sees: search, recommendations and suggestions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from mercato.codec import slate_to_dict
from mercato.serve.bodies import K, RecommendBody, SearchBody, answer, checked, documented
from mercato.serve.limits import MAX_ID, MAX_QUERY
from mercato.serve.marked import highlights
from mercato.serve.served import OneTenant

router = APIRouter(prefix="/v1", tags=["lists"])


@router.post("/search", summary="Search the catalogue", openapi_extra=documented(SearchBody))
def search(tenant: OneTenant, body: Annotated[SearchBody, Depends(checked(SearchBody))]) -> Response:
    """Items best first, with facet counts over exactly the ``total`` found."""
    slate = tenant.trained().search(
        body.query,
        body.k,
        image=body.picture(),
        image_of=body.image_of,
        page=body.page,
        shopper=body.shopper,
        session=body.session,
        segments=body.segments,
        where=body.where or None,
        sort=body.sort,
        facets=tuple(body.facets),
        facet_values=body.facet_values,
        disjunctive=body.disjunctive,
        grouped=body.grouped,
        explain=body.explain,
    )
    tenant.answered(slate, placement="search", query=body.query, shopper=body.shopper)
    record = slate_to_dict(slate, explain=body.explain)
    if body.highlight:
        for item, told in zip(record["items"], highlights(slate), strict=True):
            item["highlights"] = told
    return answer(record)


@router.post("/recommend", summary="Recommend products", openapi_extra=documented(RecommendBody))
def recommend(tenant: OneTenant, body: Annotated[RecommendBody, Depends(checked(RecommendBody))]) -> Response:
    """Items best first for a placement; a shopper never seen before gets a list too. Beside what goes with a product or
    a cart stand ``bundles``: at most three sets to be taken whole, each with ids, total price and how many baskets."""
    slate = tenant.trained().recommend(
        body.placement,
        body.k,
        shopper=body.shopper,
        session=body.session,
        segments=body.segments,
        product=body.product,
        cart=tuple(body.cart),
        where=body.where or None,
        explain=body.explain,
    )
    tenant.answered(slate, placement=body.placement, shopper=body.shopper)
    return answer(slate_to_dict(slate, explain=body.explain))


@router.get("/pictures", summary="Search by picture: can one, and through how many")
def pictures(tenant: OneTenant) -> Response:
    """``searchable`` and the number of ``pictures``; a storefront asks before it offers a camera."""
    return answer(tenant.shop.pictures())


@router.get("/suggest", summary="Complete what is being typed")
def suggest(
    tenant: OneTenant,
    q: Annotated[str, Query(max_length=MAX_QUERY)] = "",
    k: K = 8,
    shopper: Annotated[str, Query(max_length=MAX_ID)] = "",
    session: Annotated[str, Query(max_length=MAX_ID)] = "",
) -> Response:
    """Queries, categories, brands and products in which words begin like those of ``q``, a misspelt one included."""
    return answer(tenant.trained().suggest(q, k, shopper=shopper, session=session))
