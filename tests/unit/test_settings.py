"""Settings: what is written is what counts, and a slip names its place and what is known there."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mercato.errors import SettingsError
from mercato.settings import Settings, load, parse, starter


def refusal(tables: dict[str, Any]) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        parse(tables, "mercato.toml")
    return refused.value


def test_an_absent_table_is_its_defaults() -> None:
    assert parse({}) == Settings()
    assert parse({"taste": {"factors": 8}}).taste == dataclasses.replace(Settings().taste, factors=8)


def test_an_unknown_table_is_named_with_the_known_ones() -> None:
    error = refusal({"tast": {}})
    assert "'tast'" in error.what
    assert error.where == "mercato.toml"
    for known in dataclasses.fields(Settings):
        assert known.name in error.hint


def test_an_unknown_key_is_named_with_its_table_and_the_known_ones() -> None:
    error = refusal({"lists": {"dept": 3}})
    assert "'dept'" in error.what
    assert error.where == "mercato.toml [lists]"
    assert error.hint == f"known: {', '.join(field.name for field in dataclasses.fields(Settings().lists))}"


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("lists", "depth", "200"),
        ("lists", "depth", 1.5),
        ("lists", "depth", True),
        ("taste", "alpha", "much"),
        ("taste", "alpha", False),
        ("shop", "name", 7),
        ("shop", "relations", "brand"),
        ("lexical", "weights", 3),
        ("encoder", "int8", 1),
    ],
)
def test_a_value_of_another_kind_is_refused_where_it_stands(table: str, key: str, value: object) -> None:
    error = refusal({table: {key: value}})
    assert error.where == f"mercato.toml [{table}] {key}"
    assert repr(value) in error.what
    assert repr(getattr(getattr(Settings(), table), key)) in error.hint


def test_a_table_must_be_a_table() -> None:
    assert refusal({"lists": 3}).where == "mercato.toml [lists]"


def test_whole_numbers_stand_for_fractions_and_lists_for_tuples() -> None:
    found = parse({"taste": {"alpha": 3}, "shop": {"relations": ["maker"]}})
    assert isinstance(found.taste.alpha, float)
    assert found.shop.relations == ("maker",)


def test_a_recipe_may_refuse_a_value_of_the_right_kind() -> None:
    assert refusal({"encoder": {"threads": 0}}).where == "threads"


def test_every_key_of_every_table_can_be_written() -> None:
    """No recipe has a field that TOML could not set."""
    for table in dataclasses.fields(Settings):
        recipe = getattr(Settings(), table.name)
        written = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in written.items()}
        assert getattr(parse({table.name: plain}), table.name) == recipe


def test_a_new_shop_starts_with_settings_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "mercato.toml"
    path.write_text(starter("corner", "EUR"), encoding="utf-8")
    assert (load(path).shop.name, load(path).shop.currency) == ("corner", "EUR")


@pytest.mark.parametrize("name", ['Bob\'s "best" shop', "back\\slash", "new\nline", "Käse & Brot"])
def test_any_name_can_be_that_of_a_shop(name: str) -> None:
    assert parse(tomllib.loads(starter(name))).shop.name == name


@pytest.mark.parametrize(("content", "said"), [(b"[shop", "TOML"), (b"\xff\xfe", "TOML"), (None, "no mercato.toml")])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "mercato.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=said) as refused:
        load(path)
    assert refused.value.where == str(path)


@pytest.mark.parametrize(
    ("pages", "said"), [({"refunds": "/x"}, "'refunds'"), ({"returns": "javascript:1"}, "address")]
)
def test_a_page_needs_a_known_topic_and_a_safe_address(pages: dict[str, str], said: str) -> None:
    error = refusal({"shop": {"pages": pages}})
    assert said in error.what
    assert error.where.startswith("shop.pages")
    assert error.hint


def test_a_page_leads_where_the_shop_says() -> None:
    assert parse({"shop": {"pages": {"returns": "/help/returns"}}}).shop.pages == {"returns": "/help/returns"}
