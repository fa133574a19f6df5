"""The commands `marslab nb ...`: thin words around notebooks, engine, workcopy and server."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marslab.lab.printed import table
from marslab.lab.run_options import (
    Full,
    Kernel,
    Names,
    Output,
    Parameters,
    Root,
    Solutions,
    Strict,
    Table,
    Timeout,
    Workers,
)

if TYPE_CHECKING:
    from marslab.lab.engine import RunResult

app = typer.Typer(no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(help="A number or a name: 1, 01, 01_from_loop_to_scan.")]
Work = Annotated[
    Path | None, typer.Option(help="Work copy; by default notebooks/ in MARSLAB_HOME.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command()
def build(names: Names = None, root: Root = None) -> None:
    """Make notebooks/NN_name.ipynb from notebooks/src/NN_name.py."""
    from marslab.lab import notebooks

    for path in notebooks.build(names or None, root=root):
        print(path)


@app.command()
def pull(
    file: Annotated[Path, typer.Argument(help="An edited NN_name.ipynb, also of a work copy.")],
    root: Root = None,
) -> None:
    """Bring an edited notebook back to its source."""
    from marslab.lab import notebooks

    print(notebooks.pull(file, root=root))


@app.command("list")
def list_notebooks(work: Work = None, root: Root = None, as_json: Json = False) -> None:
    """List the notebooks and whether your copy of each is as shipped."""
    from marslab.lab import notebooks, workcopy

    root = root or notebooks.shipped()
    rows = [
        {
            "name": name,
            "title": notebooks.title(root / f"{name}.ipynb"),
            "copy": workcopy.state(name, work, root=root),
        }
        for name in notebooks.names(root)
    ]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        table(["notebook", "title", "your copy"], [list(row.values()) for row in rows])


@app.command("open")
def open_notebook(
    name: Name,
    work: Work = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try.")] = 8888,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
) -> None:
    """Open JupyterLab on a notebook of your work copy."""
    from marslab.lab.notebooks import names, resolve
    from marslab.lab.server import open_lab

    notebook = resolve(name, names())
    raise typer.Exit(
        open_lab(work=work, port=port, browser=not no_browser, check=False, notebook=notebook)
    )


@app.command()
def reset(name: Name, work: Work = None, root: Root = None) -> None:
    """Restore a notebook of your work copy as shipped; yours is moved aside, never lost."""
    from marslab.lab import notebooks, workcopy

    root = root or notebooks.shipped()
    aside = workcopy.reset(name, work, root=root)
    full = notebooks.resolve(name, notebooks.names(root))
    print(workcopy.place(work) / f"{full}.ipynb")
    if aside is not None:
        print(f"yours is now {aside.name}", file=sys.stderr)


@app.command()
def run(
    names: Names = None,
    full: Full = False,
    kernel: Kernel = False,
    parameter: Parameters = None,
    as_csv: Table = None,
    output: Output = None,
    workers: Workers = None,
    timeout: Timeout = 300.0,
    strict: Strict = False,
    solutions: Solutions = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Run notebooks (all of them by default) without touching any; a failed cell is exit code 1."""
    from marslab.lab import engine, sweep_table, sweep_values

    _modes(strict=strict, solutions=solutions)
    grid = sweep_values.read(parameter or [])
    options: dict[str, Any] = {"fast": not full, "engine": "kernel" if kernel else "inproc"}
    options |= {"output_dir": output, "workers": workers, "timeout": timeout, "root": root}
    if as_csv is not None or any(len(values) > 1 for values in grid.values()):
        ok = sweep_table.run(names or None, grid, as_csv, as_json, **options)
    else:
        given = {name: value for name, (value,) in grid.items()}
        results = engine.run(names or None, parameters=given, on_result=_tell, **options)
        _show(results, as_json)
        ok = all(result.ok for result in results)
    if not ok:
        raise typer.Exit(1)


def _show(results: "list[RunResult]", as_json: bool) -> None:
    if as_json:
        print(json.dumps([_plain(result) for result in results], indent=2))
    else:
        _times(results)


def _modes(**asked: bool) -> None:
    """Set the switches of the exercises; the kernels and processes that a run starts see them."""
    os.environ.update({f"MARSLAB_{mode.upper()}": "1" for mode, on in asked.items() if on})


def _tell(result: "RunResult") -> None:
    """One line of progress for each notebook, and everything about a failed cell."""
    failure = result.failure
    print(
        f"{result.name}: {'ok' if result.ok else 'FAILED'}, {result.seconds:.1f} s", file=sys.stderr
    )
    if failure is not None:
        where = f"In [{failure.count}]" if failure.count else "before the first cell"
        print(f"\n{result.name}, {where}: {failure.error}\n", file=sys.stderr)
        print(f"{failure.source}\n\n{failure.traceback}".rstrip() + "\n", file=sys.stderr)


def _plain(result: "RunResult") -> dict[str, Any]:
    from dataclasses import asdict

    row = asdict(result) | {"ok": result.ok}
    return row | {"output": None if result.output is None else str(result.output)}


def _times(results: "list[RunResult]") -> None:
    rows = []
    for result in results:
        slowest = result.slowest
        first = "" if slowest is None else slowest.source.strip().partition("\n")[0]
        cell = "" if slowest is None else f"In [{slowest.count}] {slowest.seconds:.1f} s  {first}"
        rows.append(
            [result.name, "ok" if result.ok else "FAILED", f"{result.seconds:.1f}", cell[:72]]
        )
    table(["notebook", "run", "seconds", "slowest cell"], rows)
