"""What becomes of every image is said; only new files are encoded; words count where they say how things look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mercato.jobs.pictures import learn_pictures
from mercato.models.colours import colours
from mercato.models.hashed import HashEncoder
from mercato.models.picture import square
from mercato.retrieve.align import Align
from mercato.retrieve.dense import DenseIndex
from mercato.retrieve.pictures import Looks, PictureIndex, Pictures
from mercato.schema import Product
from shopping import asked

SHADES = {"red": (200, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 200), "yellow": (220, 210, 30)}
QUICK = Align(width=16, steps=120, batch=64)


@dataclass
class ColourEncoder:
    """A picture by its colours alone: no weights needed. ``seen`` are the files that were encoded."""

    dimension: int = 52
    fingerprint: str = "colours-1"
    seen: list[Path] = field(default_factory=list)

    def encode(self, pictures: Sequence[bytes | Path]) -> NDArray[np.float32]:
        found = np.empty((len(pictures), self.dimension), np.float32)
        for vector, picture in zip(found, pictures, strict=True):
            assert isinstance(picture, Path)
            self.seen.append(picture)
            vector[:] = colours(square(picture.read_bytes(), 32, 10_000, str(picture)))
        return found


def draw(path: Path, shade: tuple[int, ...], seed: int = 0) -> str:
    """A picture of about that shade, no two alike; its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grains = np.random.default_rng(seed).integers(-20, 21, (20, 20, 3)) + np.array(shade)
    Image.fromarray(np.clip(grains, 0, 255).astype(np.uint8)).save(path, "PNG")
    return path.name


def learned(
    products: Sequence[Product], home: Path, encoder: ColourEncoder, **given: object
) -> tuple[PictureIndex | None, dict[str, object]]:
    return learn_pictures(products, home, lambda: encoder, home / "cache", lambda _: None, **given)  # type: ignore[arg-type]


def test_every_image_is_read_or_accounted_for(tmp_path: Path) -> None:
    home = tmp_path / "shop"
    draw(home / "a.png", SHADES["red"])
    draw(home / "pictures" / "b.png", SHADES["blue"])
    draw(tmp_path / "secret.png", SHADES["green"])
    (home / "text.png").write_text("no picture")
    (home / "folder.png").mkdir()
    images = {
        "0": ("a.png", "pictures/b.png"),
        "1": ("https://example.com/a.png", "//cdn.example.com/a.png", "data:image/png;base64,AAAA", "file:///a.png"),
        "2": ("none.png", "folder.png", "", "a" * 5000 + ".png", "nul\0.png"),
        "3": ("../secret.png", str(tmp_path / "secret.png"), "pictures/../../secret.png", "/etc/hostname"),
        "4": ("text.png", str(home / "a.png")),
        "5": (),
    }
    products = [Product(name, name, images=given) for name, given in images.items()]
    index, account = learned(products, home, ColourEncoder())
    assert index is not None
    assert index.rows.tolist() == [0, 0, 4]
    assert index.n == 6
    counts = {name: value for name, value in account.items() if isinstance(value, int)}
    assert counts == {"pictures": 3, "products": 2, "not local": 4, "missing": 5, "outside": 4, "unreadable": 1}
    examples = account["examples"]
    assert isinstance(examples, list)
    assert any("text.png" in said and "no picture" in said for said in examples)
    assert max(map(len, examples)) < 400


def test_no_picture_no_index(tmp_path: Path) -> None:
    products = [Product("1", "one", images=("https://example.com/1.jpg",)), Product("2", "two")]
    assert learned(products, tmp_path, ColourEncoder())[0] is None
    assert learned([], tmp_path, ColourEncoder()) == (None, {"pictures": 0, "products": 0})


def test_only_new_files_are_encoded_and_nothing_else_changes(tmp_path: Path) -> None:
    names = [draw(tmp_path / f"{number}.png", SHADES["red"], number) for number in range(6)]
    products = [Product(name, name, images=(name,)) for name in names]
    first = ColourEncoder()
    before, _ = learned(products[:4], tmp_path, first)
    assert len(first.seen) == 4
    draw(tmp_path / "0.png", SHADES["blue"], 9)
    (tmp_path / "1.png").rename(tmp_path / "moved.png")
    products[1] = Product("1", "one", images=("moved.png",))
    second = ColourEncoder()
    after, _ = learned(products, tmp_path, second)
    assert sorted(path.name for path in second.seen) == ["0.png", "4.png", "5.png"]
    whole, _ = learned(products, tmp_path / "elsewhere" / "..", ColourEncoder())
    assert before is not None
    assert after is not None
    assert whole is not None
    np.testing.assert_array_equal(after.vectors, whole.vectors)
    other = ColourEncoder(fingerprint="colours-2")
    learned(products, tmp_path, other)
    assert len(other.seen) == 6


def test_a_copy_is_encoded_once_and_counts_for_every_product(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(tmp_path / name, SHADES["red"])
    encoder = ColourEncoder()
    products = [Product("1", "one", images=("a.png", "b.png")), Product("2", "two", images=("b.png",))]
    index, account = learned(products, tmp_path, encoder)
    assert len(encoder.seen) == 1
    assert index is not None
    assert index.rows.tolist() == [0, 0, 1]
    assert account["pictures"] == 3


def test_folders_and_how_many_are_settings(tmp_path: Path) -> None:
    home, beside = tmp_path / "shop", tmp_path / "photos"
    for number in range(4):
        draw(beside / f"{number}.png", SHADES["red"], number)
    draw(home / "media" / "own.png", SHADES["blue"])
    images = tuple(f"{number}.png" for number in range(4))
    products = [Product("1", "one", images=images), Product("2", "two", images=("own.png",))]
    recipe = Pictures(folders=("media", str(beside)), most=3)
    index, account = learned(products, home, ColourEncoder(), recipe=recipe)
    assert index is not None
    assert index.rows.tolist() == [0, 0, 0, 1]
    assert account == {"pictures": 4, "products": 2}


def shop(home: Path, n: int = 160) -> tuple[list[Product], DenseIndex]:
    """Products called by their shade and nothing else of use, with a photo each; the vectors of their titles."""
    random, shades = np.random.default_rng(5), list(SHADES)
    products = []
    for number in range(n):
        shade = shades[random.integers(len(shades))]
        image = draw(home / f"{number}.png", SHADES[shade], number)
        products.append(Product(str(number), f"{shade} {number:03d}", images=(image,), categories=(shade,)))
    vectors = HashEncoder().encode([product.title for product in products])
    return products, DenseIndex(vectors, np.arange(n, dtype=np.int32), 0.0)


def test_words_find_pictures_where_titles_say_what_is_seen(tmp_path: Path) -> None:
    products, texts = shop(tmp_path)
    products += [Product("untitled", "", images=(draw(tmp_path / "new.png", SHADES["blue"], 999),))]
    texts = DenseIndex(np.vstack([texts.vectors, HashEncoder().encode([""])]), np.arange(161, dtype=np.int32), 0.0)
    index, account = learned(products, tmp_path, ColourEncoder(), texts=texts, align=QUICK)
    assert index is not None
    assert index.text is not None
    said = account["words"]
    assert isinstance(said, dict)
    assert said["nearer than the own"] < 0.25
    assert said["held out"] == 16
    found = Looks(index, lambda text: HashEncoder().encode([text])[0]).retrieve(
        asked(query="blue"), np.ones(161, bool), 161
    )
    assert {product.categories for product in (products[row] for row in found.rows[:20])} <= {("blue",), ()}
    assert 160 in found.rows[:60].tolist()
    assert index.cutoff > 0


def test_words_are_left_out_where_titles_say_nothing_of_looks(tmp_path: Path) -> None:
    products, texts = shop(tmp_path)
    turned = DenseIndex(texts.vectors, np.random.default_rng(1).permutation(160).astype(np.int32), 0.0)
    index, account = learned(products, tmp_path, ColourEncoder(), texts=turned, align=QUICK)
    assert index is not None
    assert index.text is None
    assert "too little of looks" in str(account["words"])


def test_words_are_left_out_of_a_small_shop(tmp_path: Path) -> None:
    products, texts = shop(tmp_path, 99)
    index, account = learned(products, tmp_path, ColourEncoder(), texts=texts)
    assert index is not None
    assert index.text is None
    assert "99 different texts" in str(account["words"])
