"""mercato.toml in, one tree of frozen settings out; an unknown key is an error that says where and lists the known."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mercato.errors import RequestError, SettingsError
from mercato.facets import Facets
from mercato.models.image import ImageEncoder
from mercato.models.sequence import SelfAttention
from mercato.models.text import TextEncoder
from mercato.models.tuning import Tune
from mercato.rank.cross import Read
from mercato.retrieve.align import Align
from mercato.retrieve.bundles import Bundles
from mercato.retrieve.content import Content
from mercato.retrieve.dense import Dense
from mercato.retrieve.ease import Ease
from mercato.retrieve.lexical import Lexical
from mercato.retrieve.pairs import Neighbours, Together, Transitions
from mercato.retrieve.pictures import Pictures
from mercato.retrieve.popular import Popular
from mercato.retrieve.repeat import Repeat
from mercato.retrieve.social import Social
from mercato.retrieve.taste import Taste
from mercato.rules.fields import address
from mercato.understand.pages import TOPICS


@dataclass(frozen=True)
class About:
    """The shop itself. ``relations`` name the catalogue fields whose shared values are a relation ("same maker").
    ``pages`` say where a query that asks for no product leads: ``returns = "/help/returns"``; the topics are those of
    understand.pages."""

    name: str = ""
    currency: str = "USD"
    language: str = "en"
    relations: tuple[str, ...] = ("brand", "maker")
    pages: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for topic, url in self.pages.items():
            if topic not in TOPICS:
                raise SettingsError(f"no topic {topic!r}", where="shop.pages", hint=f"topics: {', '.join(TOPICS)}")
            try:
                address(url, f"shop.pages.{topic}")
            except RequestError as error:
                raise SettingsError(error.what, where=f"shop.pages.{topic}", hint=error.hint) from error


@dataclass(frozen=True)
class Lists:
    """How lists are made: ``depth`` rows per lane; at most ``per_category`` of a category before others had a turn
    (``per_category_again`` on lists of what is bought again). On *home* every ``new_every``-th place is for a product
    the shopper never bought (1: all of them; 0: 1, 2 or 3, whichever did best on held-out purchases). What was chosen
    in the last ``recent_seconds`` weighs ``recent_weight``.

    By placement, each 0 to 1 unless said: ``personal`` turns from one order for everybody (0) to the shopper's own
    (100, where nothing is said); ``tail`` is the share of places kept for products outside the head, taken from rows
    at most ``tail_slack`` worse; ``calibrated`` moves a list towards the shopper's own proportions of departments;
    ``diverse`` away from products that are alike. What is turned in the console goes over these; what each costs in
    this shop: ``mercato evaluate --part lists``. ``arrivals`` is the share of places (up to 0.5) of *home*,
    *discover* or *tail* for products that nobody took yet, chosen by text, kind and relatives; 0 keeps none."""

    depth: int = 200
    per_category: int = 2
    per_category_again: int = 2
    new_every: int = 0
    recent_seconds: int = 7200
    recent_weight: float = 3.0
    personal: Mapping[str, float] = field(default_factory=dict)
    tail: Mapping[str, float] = field(default_factory=dict)
    tail_slack: float = 0.3
    calibrated: Mapping[str, float] = field(default_factory=dict)
    diverse: Mapping[str, float] = field(default_factory=dict)
    arrivals: Mapping[str, float] = field(default_factory=lambda: {"tail": 0.2})


@dataclass(frozen=True)
class Learn:
    """How the score's weights are learned: the last ``window_days`` are what lists are judged by; at most
    ``shoppers`` are looked at. ``threads`` lanes are fitted at a time. With ``refit`` the lanes are fitted once more on
    everything, held-out events included, once the weights are known; without, they stay as they were judged. ``trees``
    may replace a readable sum where cross-validation finds them better. Clicks on lists shown in those days teach
    a score beside the replay, weighed by how seldom their place is looked at, once there are ``least_logged``."""

    window_days: int = 28
    shoppers: int = 25_000
    refit: bool = True
    trees: bool = True
    least_logged: int = 200
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Settings:
    """Every table of mercato.toml; each is a recipe whose fields are the keys."""

    shop: About = field(default_factory=About)
    lexical: Lexical = field(default_factory=Lexical)
    facets: Facets = field(default_factory=Facets)
    encoder: TextEncoder = field(default_factory=TextEncoder)
    tune: Tune = field(default_factory=Tune)
    dense: Dense = field(default_factory=Dense)
    read: Read = field(default_factory=Read)
    image: ImageEncoder = field(default_factory=ImageEncoder)
    pictures: Pictures = field(default_factory=Pictures)
    align: Align = field(default_factory=Align)
    popular: Popular = field(default_factory=Popular)
    lately: Repeat = field(default_factory=lambda: Repeat(half_life_days=20.0))
    habit: Repeat = field(default_factory=lambda: Repeat(half_life_days=3650.0))
    transitions: Transitions = field(default_factory=Transitions)
    together: Together = field(default_factory=Together)
    bundles: Bundles = field(default_factory=Bundles)
    neighbours: Neighbours = field(default_factory=Neighbours)
    ease: Ease = field(default_factory=Ease)
    social: Social = field(default_factory=Social)
    content: Content = field(default_factory=Content)
    sequence: SelfAttention = field(default_factory=SelfAttention)
    taste: Taste = field(default_factory=Taste)
    lists: Lists = field(default_factory=Lists)
    learn: Learn = field(default_factory=Learn)


def load(path: Path) -> Settings:
    """The settings in ``path``; raises SettingsError that names file, table and key."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError("there is no mercato.toml", where=str(path), hint="mercato new SHOP") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"not valid TOML: {error}", where=str(path)) from error
    return parse(tables, str(path))


def parse(tables: Mapping[str, Any], where: str = "settings") -> Settings:
    """Settings from a parsed TOML document.

    >>> parse({"lists": {"per_category": 3}}).lists.per_category
    3
    """
    defaults = Settings()
    _known(tables, [item.name for item in dataclasses.fields(defaults)], where, "table")
    made = {name: _recipe(getattr(defaults, name), table, f"{where} [{name}]") for name, table in tables.items()}
    return dataclasses.replace(defaults, **made)


def _recipe(defaults: Any, table: Any, where: str) -> Any:
    if not isinstance(table, Mapping):
        raise SettingsError("a table was expected", where=where)
    _known(table, [item.name for item in dataclasses.fields(defaults)], where, "key")
    values = {name: _value(value, getattr(defaults, name), f"{where} {name}") for name, value in table.items()}
    return dataclasses.replace(defaults, **values)


def _value(value: Any, default: Any, where: str) -> Any:
    """``value`` if it is of the kind of ``default``: a whole number may stand for a fraction, a list for a tuple."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    wanted = Mapping if isinstance(default, Mapping) else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise SettingsError(f"{value!r} is no {wanted.__name__}", where=where, hint=f"for example {default!r}")
    return value


def _known(given: Mapping[str, Any], known: Sequence[str], where: str, what: str) -> None:
    for name in given:
        if name not in known:
            raise SettingsError(f"unknown {what} {name!r}", where=where, hint=f"known: {', '.join(known)}")


def starter(name: str, currency: str = "USD") -> str:
    """The mercato.toml of a new shop: the few lines one may want to change."""
    return (
        f"# Settings of this shop. Every key has a default; docs/reference/settings.md lists them all.\n"
        f"[shop]\nname = {_quoted(name)}\ncurrency = {_quoted(currency)}\n"
    )


def _quoted(text: str) -> str:
    """A TOML string; JSON escapes the same way, and a folder may be named with quotes."""
    return json.dumps(text, ensure_ascii=False)
