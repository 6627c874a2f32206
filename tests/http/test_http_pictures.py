"""A picture as the query over HTTP: in base64, sized, and refused in words where it is none."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

import mercato
import picture_shop
from mercato.serve.app import create_app
from mercato.serve.limits import MAX_PICTURE
from picture_shop import patch, png

RED = png(patch("red", "round", 900))


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with picture_shop.build(tmp_path_factory.mktemp("pictures") / "patches", 40) as built:
        yield built


@pytest.fixture(scope="module")
def asked(patches: mercato.Shop) -> Iterator[TestClient]:
    with TestClient(create_app(patches)) as opened:
        yield opened


def search(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/search", json=body)


def text(content: bytes) -> str:
    return b64encode(content).decode()


def test_a_picture_is_asked_with_alone_and_with_words(asked: TestClient, patches: mercato.Shop) -> None:
    answer = search(asked, image=text(RED), k=5, explain=True, facets=["brand"])
    assert answer.status_code == 200, answer.text
    slate = answer.json()
    assert [item["id"] for item in slate["items"]] == list(patches.search(image=RED, k=5).ids)
    assert slate["items"][0]["reason"].startswith("Looks like your picture")
    assert sum(slate["items"][0]["terms"].values()) == pytest.approx(slate["items"][0]["score"], abs=1e-6)
    assert sum(slate["facets"]["brand"].values()) == slate["total"]
    as_address = search(asked, image="data:image/png;base64," + text(RED), k=5).json()
    assert [item["id"] for item in as_address["items"]] == [item["id"] for item in slate["items"]]
    both = search(asked, query="round", image=text(RED)).json()
    assert all("round" in item["title"] for item in both["items"])
    cheap = search(asked, query="under 9", image=text(RED)).json()
    assert all(item["price"] < 9 for item in cheap["items"])
    assert 0 < cheap["total"] < slate["total"]


def test_a_products_picture_is_asked_with(asked: TestClient) -> None:
    slate = search(asked, image_of="p001").json()
    assert slate["items"]
    assert "p001" not in [item["id"] for item in slate["items"]]
    assert search(asked, image_of="nobody").status_code == 404
    refused = search(asked, image_of="plain")
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "image_of"


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("%%%", "base64"),
        ("abc", "base64"),
        (text(b"Dear shop,"), "no picture"),
        ("data:image/png;base64,", "no picture"),
        (text(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "no picture"),
        (text(RED[:-30]), "damaged"),
        (text(png(Image.new("1", (9000, 9000)))), "too large"),
        ("A" * (MAX_PICTURE * 4 // 3 + 8), "too many bytes"),
    ],
    ids=["no base64", "short", "text", "nothing", "svg", "cut off", "bomb", "long"],
)
def test_what_is_no_picture_is_refused_in_words(asked: TestClient, image: str, words: str) -> None:
    answer = search(asked, image=image)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["field"] == "image"
    assert words in error["message"]
    assert error["hint"]


def test_a_body_beyond_every_limit_is_not_even_read(asked: TestClient) -> None:
    assert search(asked, image="A" * (11 * 2**20)).status_code == 413


def test_a_shop_without_pictures_says_so(client: TestClient) -> None:
    answer = search(client, image=text(RED))
    assert answer.status_code == 400
    assert "cannot be searched by picture" in answer.json()["error"]["message"]
    assert client.get("/v1/pictures").json() == {"searchable": False, "pictures": 0}


def test_pictures_that_the_shop_keeps_are_sent(asked: TestClient, patches: mercato.Shop) -> None:
    assert asked.get("/v1/pictures").json() == {"searchable": True, "pictures": 40}
    answer = asked.get("/v1/products/p001/picture")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content == (patches.home / "pictures" / "1.png").read_bytes()
    assert asked.get("/v1/products/plain/picture").status_code == 404
    assert asked.get("/v1/products/nobody/picture").status_code == 404


@pytest.mark.parametrize("image", ["shop.db", "mercato.toml", "../secret.png", "https://example.com/a.png", "pictures"])
def test_no_other_file_of_the_shop_is_ever_sent(asked: TestClient, patches: mercato.Shop, image: str) -> None:
    (patches.home.parent / "secret.png").write_bytes(RED)
    patches.put_products([mercato.Product("thief", "A thief", images=(image,))])
    assert asked.get("/v1/products/thief/picture").status_code == 404
