"""What a wrong word gets: 1 with what, where and what to do, or 2 for usage; never a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

import corner_shop
from mercato import cli
from mercato.schema import PLACEMENTS


def refused(said, *words):
    """It exited 1, said so on stderr in one line with ``words``, and wrote nothing to stdout."""
    assert said.code == 1, (said.out, said.err)
    assert said.out == ""
    assert said.err.startswith("mercato: ")
    assert len(said.err.splitlines()) == 1
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err
    return True


@pytest.mark.parametrize("verb", ["doctor", "train", "evaluate", "serve"])
def test_an_unknown_shop(mercato, tmp_path, verb):
    missing = tmp_path / "nowhere"
    refused(mercato(verb, missing), str(missing), f"mercato new {missing}")
    assert not missing.exists()


def test_an_unknown_shop_makes_no_folder_when_asked(mercato, tmp_path, products_csv):
    missing = tmp_path / "nowhere"
    refused(mercato("search", missing, "milk", "--json"), str(missing))
    refused(mercato("recommend", missing, "--placement", "home", "--json"), str(missing))
    refused(mercato("import", missing, products_csv), str(missing))
    assert not missing.exists()


def test_a_shop_that_is_there_is_not_made_again(mercato, corner):
    before = (corner / "mercato.toml").read_text(encoding="utf-8")
    refused(mercato("new", corner), "already", str(corner))
    assert (corner / "mercato.toml").read_text(encoding="utf-8") == before


def test_an_untrained_shop_says_to_train(mercato, tmp_path):
    mercato("new", tmp_path / "shop")
    refused(mercato("search", tmp_path / "shop", "milk"), "not been trained", "mercato train")
    refused(mercato("train", tmp_path / "shop", "--json"), "no product", "mercato import")
    refused(mercato("evaluate", tmp_path / "shop", "--json"), "not been trained")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[shop]\nnmae = 'x'\n", ("[shop]", "'nmae'", "name, currency, language, relations")),
        ("[shoop]\n", ("'shoop'", "known: shop,")),
        ("[lexical]\nk1 = 'much'\n", ("[lexical] k1", "'much'")),
        ("shop = 3\n", ("[shop]", "table")),
        ("[shop\n", ("TOML",)),
        ("[lists]\ndepth = true\n", ("[lists] depth",)),
    ],
)
def test_settings_that_are_wrong(mercato, tmp_path, toml, words):
    (tmp_path / "mercato.toml").write_text(toml, encoding="utf-8")
    for verb in ("doctor", "train", "serve"):
        refused(mercato(verb, tmp_path), str(tmp_path / "mercato.toml"), *words)


def test_settings_that_are_no_text(mercato, tmp_path):
    (tmp_path / "mercato.toml").write_bytes(b"[shop]\nname = '\xff\xfe'\n")
    refused(mercato("doctor", tmp_path), str(tmp_path / "mercato.toml"))


@pytest.mark.parametrize("verb", cli.LATER)
def test_verbs_of_a_later_release_say_so(mercato, verb):
    refused(mercato(verb), f"mercato {verb}", "later release")
    refused(mercato(verb, "shop", "more"), "later release")


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "SHOP", "x.csv", "--as", "campaigns"),
        ("import", "SHOP", "x.csv", "--as", "stock"),
        ("train", "SHOP", "--only", "dense"),
    ],
    ids=" ".join,
)
def test_options_of_a_later_release_say_so(mercato, corner, arguments):
    refused(mercato(*[corner if word == "SHOP" else word for word in arguments]), "later release")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--placement", "shelf"), ("'shelf'", ", ".join(PLACEMENTS))),
        (("--placement", "similar"), ("product",)),
        (("--placement", "together"), ("product",)),
        (("--placement", "cart"), ("cart",)),
        (("--placement", "similar", "--product", "no-such"), ("'no-such'",)),
        (("--placement", "home", "--where", "colour=red"), ("colour", "known fields")),
        (("--placement", "home", "--where", "brand<=3"), ("'brand'", "not a number")),
        (("--placement", "home", "--where", "price<3"), ("use <= or >=",)),
        (("--placement", "home", "--where", "price<=cheap"), ("'cheap'",)),
        (("--placement", "home", "--where", "price"), ("--where", "such as")),
    ],
    ids=lambda given: " ".join(given),
)
def test_requests_nobody_can_answer(mercato, corner, arguments, words):
    refused(mercato("recommend", corner, *arguments, "--json"), *words)


def test_a_cart_of_unknown_products_is_answered(mercato, corner):
    said = mercato("recommend", corner, "--placement", "cart", "--cart", "gone", "--json")
    assert said.code == 0
    assert said.json["items"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("search",),
        ("search", "SHOP"),
        ("search", "SHOP", "milk", "--no-such-option"),
        ("search", "SHOP", "milk", "-k", "many"),
        ("search", "SHOP", "milk", "-k", "0"),
        ("search", "SHOP", "milk", "-k", "100000"),
        ("recommend", "SHOP"),
        ("import", "SHOP"),
        ("serve",),
        ("serve", "SHOP", "--port", "http"),
    ],
    ids=" ".join,
)
def test_usage_is_2(mercato, corner, arguments):
    said = mercato(*[corner if word == "SHOP" else word for word in arguments])
    assert said.code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err


@pytest.mark.parametrize("verb", ["", "demo", "new", "import", "doctor", "train", "evaluate", "search", "recommend",
                                  "serve", *cli.LATER])  # fmt: skip
def test_every_command_has_help(mercato, verb):
    said = mercato(*([verb] if verb else []), "--help")
    assert said.code == 0
    assert "Usage: mercato" in said.out


@pytest.mark.parametrize("below", ["", "shop"])
def test_a_folder_that_cannot_be_written(mercato, tmp_path, below):
    file = tmp_path / "file"
    file.write_text("in the way", encoding="utf-8")
    refused(mercato("new", file / below if below else file), str(file))
    assert file.read_text(encoding="utf-8") == "in the way"


def test_a_folder_nobody_may_write(mercato):
    refused(mercato("new", "/proc/mercato-shop"), "/proc/mercato-shop", "cannot be written")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(mercato, tmp_path):
    tmp_path.chmod(0o500)
    refused(mercato("new", tmp_path / "shop"), "Permission denied")


def test_a_missing_file_to_import(mercato, corner, tmp_path):
    refused(mercato("import", corner, tmp_path / "none.csv"), str(tmp_path / "none.csv"))


def test_a_file_of_another_kind(mercato, corner, tmp_path):
    (tmp_path / "x.csv").write_text("colour,weight\nred,3\n", encoding="utf-8")
    refused(mercato("import", corner, tmp_path / "x.csv"), "colour, weight", "needed for")
    refused(mercato("import", corner, tmp_path / "x.csv", "--as", "products"), "id", "title")
    refused(mercato("import", corner, tmp_path / "x.csv", "--as", "nonsense"), "'nonsense'", "one of")
    refused(mercato("import", corner, tmp_path / "x.csv", "--format", "excel"), "'excel'", "one of")


def test_one_bad_file_among_good_ones_imports_nothing(mercato, tmp_path, products_csv):
    shop = tmp_path / "shop"
    mercato("new", shop)
    (tmp_path / "bad.csv").write_text("colour\nred\n", encoding="utf-8")
    refused(mercato("import", shop, products_csv, tmp_path / "bad.csv"))
    again = mercato("import", shop, products_csv, "--json").json
    assert again["kept"] == {"products": len(corner_shop.PRODUCTS)}


def test_an_unknown_part_to_evaluate(mercato, corner):
    refused(mercato("evaluate", corner, "--part", "taste"), "'taste'", "recommend")


def test_a_taken_port(mercato, corner):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(mercato("serve", corner, "--port", port), str(port), f"--port {port + 1}")


def test_serving_to_others_is_refused(mercato, corner, monkeypatch):
    monkeypatch.delenv("MERCATO_ALLOW_PUBLIC", raising=False)
    refused(mercato("serve", corner, "--host", "0.0.0.0", "--port", "0"), "--host")


HOLD = """
import sys
from pathlib import Path
from mercato.stores.sqlite import ShopStore
store = ShopStore.open(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_learns_who_holds_the_shop_until_it_dies(mercato, corner, products_csv):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(corner)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused(mercato("import", corner, products_csv), f"pid {holder.pid}", str(corner))
        refused(mercato("train", corner), f"pid {holder.pid}")
        assert mercato("search", corner, "milk", "--json").json["total"] > 0
        assert mercato("doctor", corner).code == 0
    finally:
        holder.kill()
        holder.communicate()
    assert mercato("import", corner, products_csv, "--json").code == 0
