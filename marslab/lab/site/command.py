"""`marslab site`: the course as pages that open from a file, without a server or a network."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from marslab.lab.run_options import Full, Kernel, Names, Root, Timeout, Workers
from marslab.lab.runs import RunResult

Out = Annotated[
    Path | None, typer.Option(help="Folder of the site; site/ in a checkout, else ./marslab-site.")
]
Run = Annotated[
    bool,
    typer.Option(
        "--run/--no-run",
        help="Run the notebooks, or show them as they are: words, code, outputs they hold.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the site in a browser.")]


def site(
    names: Names = None,
    out: Out = None,
    run: Run = True,
    full: Full = False,
    kernel: Kernel = False,
    workers: Workers = None,
    timeout: Timeout = 300.0,
    root: Root = None,
    show: Open = False,
) -> None:
    """Make the course a website: its notebooks, run, with figures, search and no network.

    Open index.html in any browser, or put the folder on any web server. A notebook that fails is
    named, its page says so, and the exit code is 1; the other pages are made.
    """
    from marslab.lab.site.building import build

    made = build(
        out,
        names or None,
        execute=run,
        fast=not full,
        root=root,
        engine="kernel" if kernel else "inproc",
        workers=workers,
        timeout=timeout,
        on_result=_tell,
    )
    print(made.index)
    if show:
        import webbrowser

        webbrowser.open(made.index.as_uri())
    if made.failed:
        print(f"stopped before the end: {', '.join(made.failed)}", file=sys.stderr)
        raise typer.Exit(1)


def _tell(result: RunResult) -> None:
    told = "ok" if result.failure is None else f"FAILED, {result.failure.error}"
    print(f"{result.name}: {told}, {result.seconds:.1f} s", file=sys.stderr)
