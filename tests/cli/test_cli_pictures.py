"""``mercato search --image``: a photo alone, with words, a product's own; and what is no photo."""

from __future__ import annotations

import pytest

import picture_shop
from picture_shop import patch, png


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    home = tmp_path_factory.mktemp("cli-pictures") / "patches"
    picture_shop.build(home, 40).close()
    return home


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(png(patch("blue", "round", 900)))
    return path


def test_a_photo_alone_and_with_words(mercato, patches, photo):
    alone = mercato("search", patches, "--image", photo, "-k", 3, "--explain", "--json")
    assert alone.code == 0, alone.err
    assert all("Blue" in item["title"] for item in alone.json["items"])
    assert alone.json["items"][0]["terms"]["looks"] > 0
    both = mercato("search", patches, "round", "--image", photo, "--json")
    assert both.json["items"]
    assert all("round" in item["title"] for item in both.json["items"])
    assert "Looks like your picture" in mercato("search", patches, "--image", photo, "--explain").out


def test_a_products_own_picture(mercato, patches):
    said = mercato("search", patches, "--image-of", "p001", "--json").json
    assert said["items"]
    assert "p001" not in [item["id"] for item in said["items"]]


def test_what_is_no_photo(mercato, patches, tmp_path):
    for path in (patches / "mercato.toml", tmp_path / "nowhere.png", tmp_path):
        said = mercato("search", patches, "--image", path)
        assert said.code == 1
        assert str(path) in said.err
        assert len(said.err.splitlines()) == 1


def test_a_shop_without_pictures(mercato, corner, photo):
    said = mercato("search", corner, "milk", "--image", photo)
    assert said.code == 1
    assert "cannot be searched by picture" in said.err
