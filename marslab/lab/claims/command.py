"""`marslab claims`: the ledger as it stands, or measured anew."""

import json as json_
import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated

import typer

from marslab.errors import UserError, unknown
from marslab.files import write_text
from marslab.lab.claims import ledger, printing, schema
from marslab.lab.claims.ledger import Run, Standing
from marslab.lab.claims.rules import FAILS

WIDEST = 100  # characters; longer lines are hard to read


def claims(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="All claims when none is named.")
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Measure first; about two minutes for all.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write what would be printed to this file.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when a claim that was tested does not hold.")
    ] = False,
    ship: Annotated[
        bool, typer.Option("--ship", help="In a checkout: write data/ledger.json.")
    ] = False,
) -> None:
    """Print what the designs promise and what was measured; with --run, measure it."""
    if json and markdown:
        raise UserError("--json and --markdown give two forms of one ledger: choose one")
    chosen = known(ids)
    failed = measure(chosen, named=bool(ids)) if run else []
    found, problems = ledger.standings(chosen)
    show(found, json=json, markdown=markdown, out=out)
    for problem in problems:
        tell(problem)
    if ship:
        tell(f"written: {ledger.ship(ledger.standings()[0])}")
    if failed or (strict and any(each.verdict == FAILS for each in found)):
        raise typer.Exit(1)


def known(ids: list[str] | None) -> list[str]:
    """Return the ids that were named, each once; all when none was.

    Errors:
        UserError: there is no such claim

    >>> known(["mmrec-clamp", "mmrec-clamp"])
    ['mmrec-clamp']
    """
    every = schema.claims()
    for id in ids or ():
        if id not in every:
            raise UserError(unknown("claim", id, every))
    return list(dict.fromkeys(ids or every))


def measure(ids: list[str], *, named: bool) -> list[Run]:
    """Measure the claims that can be tested, telling each on stderr; return the runs that failed.

    Errors:
        UserError: a claim that cannot be tested here was named
    """
    from marslab.lab.claims.running import run_claims

    todo = ids if named else [id for id in ids if not schema.find(id).cannot]
    done: list[Run] = []

    def told(run: Run) -> None:
        done.append(run)
        result = f"failed: {run.error}" if run.error else run.verdict
        tell(f"{len(done)}/{len(todo)} {run.claim}: {result} ({run.seconds:.1f} s)")

    tell(f"measuring {len(todo)} claim{'s' * (len(todo) != 1)} ...")
    return [run for run in run_claims(todo, told) if run.error]


def show(found: list[Standing], *, json: bool, markdown: bool, out: Path | None) -> None:
    """Print the ledger in the form asked for, or write it."""
    if json:
        text = json_.dumps(printing.as_json(found), indent=2) + "\n"
    elif markdown or out is not None:
        text = printing.markdown(found)
    else:
        text = printing.listing(found, min(get_terminal_size().columns, WIDEST)) + "\n"
    if out is None:
        sys.stdout.write(text)
        tell(printing.summary(found))
        return
    write_text(out, text)
    tell(f"written: {out}")


def tell(line: str) -> None:
    """A line of progress, on stderr."""
    print(line, file=sys.stderr, flush=True)
