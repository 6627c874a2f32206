"""The storefront, the console and the API page: plain files, no build step, nothing fetched from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
router = APIRouter(include_in_schema=False)


class FreshFiles(StaticFiles):
    """Static files the browser checks for changes each time (a 304 costs nothing on one machine)."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or a 404."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _page(name: str) -> Response:
    return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})


@router.get("/")
@router.get("/search")
@router.get("/product/{product_id:path}")
@router.get("/cart")
@router.get("/thanks")
async def storefront() -> Response:
    """The shop; the page reads the address itself."""
    return _page("storefront.html")


@router.get("/console")
@router.get("/console/{section}")
async def console() -> Response:
    """The shopkeeper's side."""
    return _page("console.html")


@router.get("/docs")
async def api_page() -> Response:
    """The API, drawn from /openapi.json without a CDN."""
    return _page("docs.html")


@router.get("/favicon.ico")
async def icon() -> Response:
    """The mark in the browser's tab."""
    return FileResponse(STATIC / "mark.svg", media_type="image/svg+xml")


def install(app: FastAPI) -> None:
    """Add the pages and their files to ``app``."""
    app.include_router(router)
    app.mount("/static", FreshFiles(directory=STATIC), name="static")
