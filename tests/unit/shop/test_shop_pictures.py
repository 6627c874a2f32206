"""Search by picture, alone and with words: exactly what looks near enough and matches, however it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import mercato
import picture_shop
from mercato.errors import DataError, NotFound, RequestError
from mercato.models.text import TextEncoder
from picture_shop import NOW, SHADES, SHAPES, patch, png

WORDS = ("", "red", "blue round", "yellow patch", "under 9", "patch xyzzy", "xyzzy")
FILTERS: tuple[Mapping[str, Any], ...] = (
    {},
    {"brand": ["Apex"]},
    {"price": {"max": 6}},
    {"categories": ["Patches > red"]},
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with picture_shop.build(tmp_path_factory.mktemp("pictures") / "patches") as built:
        yield built


class Oracle:
    """The five-line version: every picture against the photo and what the words say of looks."""

    def __init__(self, shop: mercato.Shop) -> None:
        live = shop._serving()
        assert live.parts.pictures is not None
        self.shop, self.index, self.catalog = shop, live.parts.pictures, live.parts.catalog
        self.image = shop.settings.image.load(shop.home / "cache" / "models")
        self.text = TextEncoder().load(shop.home / "cache" / "models")

    def near(self, photo: bytes, query: str = "") -> dict[str, float]:
        """Product → cosine of everything that looks near enough."""
        wanted = self.index.picture(self.image.encode([photo]))[0]
        if query:
            assert self.index.text is not None
            wanted = wanted + np.float32(0.5) * self.index.text(self.text.encode([query]))[0]
            wanted /= np.linalg.norm(wanted)
        cosines = self.index.vectors @ wanted
        best: dict[str, float] = {}
        for row, cosine in zip(self.index.rows.tolist(), cosines.tolist(), strict=True):
            if self.catalog.sellable[row]:
                best[self.catalog.ids[row]] = max(cosine, best.get(self.catalog.ids[row], 0.0))
        return {name: cosine for name, cosine in best.items() if cosine >= self.index.cutoff}


@pytest.fixture(scope="module")
def oracle(shop: mercato.Shop) -> Oracle:
    return Oracle(shop)


def test_training_says_what_became_of_the_pictures(shop: mercato.Shop) -> None:
    report = shop.learned()
    assert report["pictures"]["pictures"] == 110
    assert report["learned"]["pictures"] == "110 pictures of 110 products; words find them too"
    assert shop.pictures() == {"searchable": True, "pictures": 110}
    assert not shop.status()["notes"]


def test_a_picture_alone_lists_what_looks_near_enough(shop: mercato.Shop, oracle: Oracle) -> None:
    for shade in SHADES:
        photo = png(patch(shade, "round", 900))
        slate, near = shop.search(image=photo, k=1000, explain=True), oracle.near(photo)
        assert slate.ids == tuple(sorted(near, key=lambda name: -near[name]))
        assert slate.total == len(near) > 10
        assert all(shade in item.product.title.lower() for item in slate.items[:10])
        for item in slate.items:
            assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-9)
            assert item.terms["looks"] > 0
            assert item.reason.startswith("Looks like your picture")


@settings(max_examples=25)
@given(data=st.data())
def test_totals_facets_and_pages_are_those_of_brute_force(
    shop: mercato.Shop, oracle: Oracle, data: st.DataObject
) -> None:
    photo = png(patch(data.draw(st.sampled_from(list(SHADES))), data.draw(st.sampled_from(SHAPES)), 901))
    query, where = data.draw(st.sampled_from(WORDS)), data.draw(st.sampled_from(FILTERS))
    k = data.draw(st.integers(1, 40))
    rest = "" if query == "under 9" else query
    in_words = set(shop.search(query, 1000).ids)
    found = in_words & set(oracle.near(photo, rest))
    if not set(shop.search(rest, 1000).ids) & set(oracle.near(photo, rest)):
        found = set(oracle.near(photo))
    expected = found & set(shop.search("", 1000, where=where).ids)
    slate = shop.search(query, k, image=photo, where=where, facets=["brand"])
    assert slate.total == len(expected)
    brands = Counter(shop.product(name).brand for name in expected if shop.product(name).brand)
    assert dict(slate.facets["brand"]) == dict(brands)
    listed: list[str] = []
    for page in range(len(expected) // k + 2):
        listed += shop.search(query, k, page=page, image=photo, where=where).ids
    assert set(listed) == expected
    assert len(listed) == len(expected)


def test_words_beside_a_picture_both_count(shop: mercato.Shop) -> None:
    photo = png(patch("blue", "round", 902))
    titles = [item.product.title for item in shop.search("red", 5, image=photo).items]
    assert titles
    assert all("Red" in title for title in titles)


def test_words_that_nothing_alike_has_are_left_out_and_that_is_said(shop: mercato.Shop) -> None:
    photo = png(patch("green", "round", 903))
    alone, both = shop.search(image=photo, k=1000), shop.search("xyzzyq", 1000, image=photo)
    assert both.relaxed == "xyzzyq"
    assert both.ids == alone.ids


def test_the_order_may_be_another_fields(shop: mercato.Shop) -> None:
    photo = png(patch("green", "round", 903))
    slate = shop.search(image=photo, k=1000, sort="price")
    prices = [item.product.price or 0 for item in slate.items]
    assert prices == sorted(prices)
    assert set(slate.ids) == set(shop.search(image=photo, k=1000).ids)


def test_a_products_own_picture_is_a_query(shop: mercato.Shop) -> None:
    slate = shop.search(image_of="p001", k=1000, explain=True)
    assert "p001" not in slate.ids
    assert slate.total > 10
    assert shop.product("p001").categories[0] in {item.product.categories[0] for item in slate.items[:3]}
    assert slate.reasons[0].startswith(f"Looks like {shop.product('p001').title}")
    red = shop.search("red", 3, image_of=slate.ids[0])
    assert all("Red" in item.product.title for item in red.items)


def test_a_file_is_as_good_as_its_bytes(shop: mercato.Shop) -> None:
    path = shop.home / "pictures" / "7.png"
    assert shop.search(image=path).ids == shop.search(image=str(path)).ids == shop.search(image=path.read_bytes()).ids
    assert shop.search(image=path).ids[0] == "p007"
    assert shop.picture("p007") == path


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (b"", "no picture"),
        (b"Dear shop, ", "no picture"),
        (png(patch("red"))[:-40], "damaged"),
        (png(Image.new("1", (8000, 8000))), "too large"),
        (Path("nowhere.png"), "nowhere.png"),
    ],
    ids=["empty", "text", "cut off", "bomb", "missing"],
)
def test_what_is_no_picture_is_refused(shop: mercato.Shop, picture: bytes | Path, words: str) -> None:
    with pytest.raises(DataError, match=words):
        shop.search(image=picture)


def test_what_cannot_be_asked_is_said(shop: mercato.Shop) -> None:
    with pytest.raises(RequestError, match="not both"):
        shop.search(image=b"", image_of="p001")
    with pytest.raises(NotFound, match="nobody"):
        shop.search(image_of="nobody")
    with pytest.raises(RequestError, match="no picture"):
        shop.search(image_of="plain")
    with pytest.raises(NotFound, match="no picture"):
        shop.picture("plain")


def test_products_put_later_and_deleted_ones(tmp_path: Path) -> None:
    with picture_shop.build(tmp_path / "patches", 40) as shop:
        photo = png(patch("red", "round", 904))
        before = shop.search(image=photo, k=1000)
        shop.delete_product(before.ids[0])
        shop.put_products([mercato.Product("new", "New red patch", images=("pictures/1.png",))])
        after = shop.search(image=photo, k=1000)
        assert after.ids == before.ids[1:]
        assert "new" in shop.search("new red patch").ids
        with pytest.raises(RequestError, match="no picture"):
            shop.search(image_of="new")
        shop.train()
        assert "new" in shop.search(image_of="p001", k=1000).ids


def test_a_shop_without_pictures_pays_nothing_and_says_so(tmp_path: Path) -> None:
    bare = [{"id": "a", "title": "A lamp"}, {"id": "b", "title": "A sofa"}]
    settings = '[image]\nsource = "nowhere.safetensors"\n'
    with mercato.create(tmp_path / "bare", products=bare, settings=settings, clock=lambda: NOW) as shop:
        shop.train()
        assert "pictures" not in shop.learned()
        assert not shop.status()["notes"]
        assert shop.pictures() == {"searchable": False, "pictures": 0}
        with pytest.raises(RequestError, match=r"cannot be searched by picture.*images that are files"):
            shop.search(image=png(patch("red")))
        assert shop.search("lamp").ids == ("a",)


def test_without_the_encoder_the_shop_goes_on_and_that_is_flagged(tmp_path: Path) -> None:
    few = picture_shop.products(tmp_path / "shop" / "pictures", 4)
    without = '[image]\nsource = "nowhere.safetensors"\n'
    with mercato.create(tmp_path / "shop", products=few, settings=without, clock=lambda: NOW) as shop:
        report = shop.train()
        assert "skipped" in report["learned"]["pictures"]
        assert any("nowhere.safetensors" in note for note in shop.status()["notes"])
        with pytest.raises(RequestError, match=r"nowhere\.safetensors"):
            shop.search(image_of="p001")
        assert shop.search("patch").total > 0
    (tmp_path / "shop" / "mercato.toml").write_text(picture_shop.SETTINGS)
    with mercato.open(tmp_path / "shop") as shop:
        assert shop.train()["pictures"]["pictures"] == 4
        assert not shop.status()["notes"]
    for gone in (without, picture_shop.SETTINGS.replace("64", "96")):
        (tmp_path / "shop" / "mercato.toml").write_text(gone)
        with mercato.open(tmp_path / "shop") as shop:
            assert any("search by picture" in note for note in shop.status()["notes"])
            with pytest.raises(RequestError, match="by a photo"):
                shop.search(image=png(patch("red")))
            assert shop.search(image_of="p001").total >= 0
            assert shop.search("patch").total > 0
