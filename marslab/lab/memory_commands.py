"""The commands `marslab remember | recall | memory`: a store of texts on the command line."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marslab import home
from marslab.errors import UserError
from marslab.lab.printed import table

if TYPE_CHECKING:
    from marslab.memory.store import Store

app = typer.Typer(no_args_is_help=True, add_completion=False)

Where = Annotated[
    Path | None,
    typer.Option("--store", metavar="PATH", help="By default memory/store.sqlite in MARSLAB_HOME."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def default_store() -> Path:
    """Where the store of the command line is."""
    return home.home() / "memory" / "store.sqlite"


def remember(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to keep, in quotes.")],
    store: Where = None,
    as_json: Json = False,
) -> None:
    """Keep a text in the memory, and print its number."""
    from marslab.memory.hub import MemoryHub

    with MemoryHub(store or default_store()) as hub:
        id = hub.remember(text)
    print(json.dumps({"id": id}) if as_json else id)


def recall(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A question, in quotes.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many at most.")] = 5,
    store: Where = None,
    as_json: Json = False,
) -> None:
    """Print what the memory holds that is most like a question, best first."""
    from marslab.memory.hub import MemoryHub

    with MemoryHub(_existing(store)) as hub:
        found = hub.recall(query, k)
    if as_json:
        print(json.dumps([each._asdict() for each in found], indent=2, ensure_ascii=False))
    elif not found:
        print("nothing is remembered yet: marslab remember TEXT", file=sys.stderr)
    else:
        rows = [[str(r.id or "answer"), f"{r.score:.3f}", r.text] for r in found]
        table(["number", "likeness", "text"], rows)


@app.command()
def stats(store: Where = None, as_json: Json = False) -> None:
    """Tell where the store is, what it holds and which embedder it is bound to."""
    with _opened(store) as found:
        about = found.database.about()
        ((cached,),) = found.database.rows("SELECT count(*) FROM memo")
        first = next(found.records(), None)
        where = _existing(store)
        told = {
            "store": str(where),
            "records": len(found),
            "answers": cached,
            "embedder": found.embedder_name,
            "dim": found.dim,
            "format": about["schema"],
            "bytes": where.stat().st_size,
            "since": None if first is None else _date(first.created),
        }
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        table(["what", "found"], [[what, str(value)] for what, value in told.items()])


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line.")],
    store: Where = None,
) -> None:
    """Write all records, without their vectors, to a text file."""
    from marslab.memory.transfer import export_records

    with _opened(store) as found:
        count = export_records(found, file)
    print(f"{count} records written to {file}", file=sys.stderr)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What memory export wrote.")],
    store: Where = None,
) -> None:
    """Add the records of an exported file; those that are there already are passed over."""
    from marslab.memory.store import Store
    from marslab.memory.transfer import import_records

    if not file.is_file():
        raise UserError(f"there is no file {file}: name one that marslab memory export wrote")
    with Store(store or default_store()) as found:
        fresh, passed = import_records(found, file)
    print(f"{fresh} records added, {passed} were there already", file=sys.stderr)


@app.command()
def reindex(
    embedder: Annotated[
        str | None, typer.Option(help="hashed or sentence; by default the store's own.")
    ] = None,
    store: Where = None,
) -> None:
    """Compute all vectors anew, with another embedder if one is named."""
    from marslab.memory.embedding import embedder_named

    with _opened(store) as found:
        found.reindex(embedder_named(embedder) if embedder else found.embedder)
        print(f"{len(found)} records, embedder {found.embedder_name}", file=sys.stderr)


@app.command()
def forget(
    id: Annotated[int, typer.Argument(metavar="ID", help="The number that recall shows.")],
    store: Where = None,
) -> None:
    """Delete one record for good."""
    with _opened(store) as found:
        if not found.forget(id):
            raise UserError(f"there is no record {id}: marslab recall QUERY shows the numbers")
    print(f"record {id} is forgotten", file=sys.stderr)


def _existing(store: Path | None) -> Path:
    """A store to read from: one that is not there is a mistake, not an empty memory."""
    where = store or default_store()
    if not where.is_file():
        raise UserError(f"there is no memory store {where}: make one with marslab remember TEXT")
    return where


def _opened(store: Path | None) -> "Store":
    from marslab.memory.store import Store

    return Store(_existing(store))


def _date(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds")
