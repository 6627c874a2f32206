"""The catalogue one product at a time, or a file of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from mercato import data
from mercato.codec import product_to_dict
from mercato.errors import DataError, NotFound, RequestError
from mercato.schema import Product
from mercato.serve.bodies import ProductsBody, answer, documented, json_of
from mercato.serve.served import OneServed, OneTenant, Tenant

router = APIRouter(prefix="/v1", tags=["products"])

_PICTURES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
    ".bmp": "image/bmp", ".avif": "image/avif",
}  # fmt: skip
_SUFFIXES = {"text/csv": ".csv", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl"}


@router.get("/products/{product_id:path}/reviews:summary", summary="What reviewers say")
def review_summary(tenant: OneTenant, product_id: str) -> Response:
    """How many reviews, their average, and how many of each rating."""
    return answer(tenant.shop.reviews(product_id))


@router.get("/products/{product_id:path}/picture", summary="A product's own picture")
def picture(tenant: OneTenant, product_id: str) -> Response:
    """The file, where the shop keeps it; what does not look like a picture by its name is never sent."""
    path = tenant.shop.picture(product_id)
    media = _PICTURES.get(path.suffix.lower())
    if media is None:
        raise NotFound(f"product {product_id!r} has no picture here", where="id")
    return FileResponse(path, media_type=media, headers={"Cache-Control": "private, max-age=3600"})


@router.post("/products:import", summary="Import many products", openapi_extra=documented(ProductsBody))
async def import_products(request: Request, served: OneServed, tenant: OneTenant) -> Response:
    """``{"products": […]}`` as JSON, or a CSV or NDJSON file as the body; bad rows are told apart, good ones kept, and
    the next search shows them."""
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if suffix := _SUFFIXES.get(media):
        return answer(await run_in_threadpool(_import_file, tenant, await request.body(), suffix))
    body = ProductsBody.model_validate(await json_of(request))
    if len(body.products) > served.limits.batch:
        hint = "send a CSV or NDJSON file as the body instead"
        raise RequestError(f"at most {served.limits.batch:,} products in one JSON call", where="products", hint=hint)
    return answer(await run_in_threadpool(_import_records, tenant, body.products))


@router.get("/products/{product_id:path}", summary="One product")
def get_product(tenant: OneTenant, product_id: str) -> Response:
    """The product as the catalogue has it."""
    return answer(product_to_dict(tenant.shop.product(product_id)))


@router.put("/products/{product_id:path}", summary="Add or replace one product", openapi_extra={"requestBody": {}})
async def put_product(request: Request, tenant: OneTenant, product_id: str) -> Response:
    """The body is the product without its id; the answer is what the catalogue now has. The next search shows it so."""
    record = await json_of(request)
    if not isinstance(record, dict):
        raise RequestError("a product is a JSON object", where="body")
    if record.get("id", product_id) != product_id:
        raise RequestError("the id in the body is not the id in the address", where="id")
    product = data.product(record | {"id": product_id})
    await run_in_threadpool(tenant.shop.put_products, [product])
    return answer(product_to_dict(product))


@router.delete("/products/{product_id:path}", summary="Take a product out")
def delete_product(tenant: OneTenant, product_id: str) -> Response:
    """The product is in no list from the next answer on."""
    if not tenant.shop.delete_product(product_id):
        raise NotFound(f"there is no product {product_id!r}", where="id")
    return answer({"deleted": product_id})


def _import_records(tenant: Tenant, records: list[Any]) -> dict[str, Any]:
    products: list[Product] = []
    rejected: list[dict[str, Any]] = []
    for index, record in enumerate(records):
        try:
            if not isinstance(record, dict):
                raise DataError("a product is a JSON object")
            products.append(data.product(record))
        except DataError as error:
            rejected.append({"index": index, "field": error.where, "message": error.what, "hint": error.hint or None})
    if products:
        tenant.shop.put_products(products)
    return {"accepted": len(products), "rejected": rejected}


def _import_file(tenant: Tenant, content: bytes, suffix: str) -> Any:
    with tempfile.TemporaryDirectory(prefix="mercato-import-") as folder:
        path = Path(folder) / f"products{suffix}"
        path.write_bytes(content)
        return tenant.shop.import_([path], kind="products")
