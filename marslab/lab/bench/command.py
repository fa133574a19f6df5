"""`marslab bench`; also `python -m marslab.lab.bench.command`, which needs little but torch."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from marslab.errors import UserError, unknown
from marslab.lab.bench import ops, table
from marslab.lab.bench.report import Report
from marslab.lab.bench.running import Run

DEVICES = ("auto", "cpu", "cuda")
REPEATS, QUICK_REPEATS, MOST_REPEATS = 30, 5, 10_000
ROW_SECONDS = 180.0
WIDTH = 120  # columns of a table that goes to a file or a pipe


class MissingDevice(UserError):
    """The device asked for is not in this machine."""

    exit_code = 3


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="OP", help=f"All when none is named: {', '.join(ops.NAMES)}."),
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu, cuda, or auto: cuda where there is one.")
    ] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, few repeats.")] = False,
    repeats: Annotated[int | None, typer.Option(help="Runs of each variant.")] = None,
    row_seconds: Annotated[
        float, typer.Option(help="Time for one row; what is not begun by then is left out.")
    ] = ROW_SECONDS,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files; else bench/ in MARSLAB_HOME.")
    ] = None,
    page: Annotated[bool, typer.Option(help="Also write a page with bars.")] = True,
    peers: Annotated[
        bool, typer.Option(help="Also other libraries; those that are not installed are named.")
    ] = True,
) -> None:
    """Measure our kernels beside the machine's limit and beside every peer that is installed."""
    chosen = known(names)
    place, often = checked(device, repeats, quick)
    folder = destination(out)
    progress = Console(stderr=True, highlight=False)
    try:
        run = Run(chosen, place, often, row_seconds, folder, progress, peers=peers)
    except KeyboardInterrupt:  # before the first row: there is nothing to keep
        raise typer.Exit(130) from None
    found = run.all([case for op in chosen for case in ops.find(op).cases(place, quick)])
    written = [run.path, *(draw(run.path, progress) if page else [])]
    show(found, json)
    for file in written:
        progress.print(f"written: {file}", soft_wrap=True)
    if not found.complete:
        raise typer.Exit(1 if "broke" in found.conditions else 130)
    if found.failed:
        progress.print("\n".join(found.failed), soft_wrap=True, markup=False)
        raise typer.Exit(1)


def known(names: list[str] | None) -> list[str]:
    """Return the ops that were named, each once; all when none was.

    Errors:
        UserError: there is no op of that name to measure

    >>> known(["linear_scan", "linear_scan"])
    ['linear_scan']
    """
    for name in names or ():
        if name not in ops.NAMES:
            raise UserError(unknown("op to measure", name, ops.NAMES))
    return list(dict.fromkeys(names or ops.NAMES))


def checked(device: str, repeats: int | None, quick: bool) -> tuple[str, int]:
    """Return the device and the number of runs that the options mean.

    Errors:
        UserError: unknown device, or a number of runs that makes no sense
        MissingDevice: CUDA was asked for and is not there
    """
    if device not in DEVICES:
        raise UserError(unknown("device", device, DEVICES))
    if device == "cuda" and not torch.cuda.is_available():
        raise MissingDevice("this machine has no CUDA device: measure with --device cpu")
    if repeats is not None and not 1 <= repeats <= MOST_REPEATS:
        raise UserError(f"--repeats must be from 1 to {MOST_REPEATS}, got {repeats}")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return device, repeats or (QUICK_REPEATS if quick else REPEATS)


def destination(out: Path | None) -> Path:
    """The folder for the files, checked before minutes are spent.

    Errors:
        UserError: it cannot be made or is a file
    """
    if out is None:
        from marslab.home import home

        out = home() / "bench"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(
            f"--out {out} cannot be made ({problem.strerror}): name a folder that you can write"
        ) from problem
    return out


def show(found: Report, json: bool) -> None:
    """Print a report to stdout, as JSON or as tables."""
    if json:
        sys.stdout.write(found.to_json())
        return
    console = Console()
    table.show(found, console if console.is_terminal else Console(width=WIDTH))


def draw(path: Path, progress: Console) -> list[Path]:
    """Draw the page beside the report, in a process of its own, where plotly is installed."""
    if find_spec("plotly") is None:
        progress.print("no page: plotly is not installed (pip install plotly)")
        return []
    page = path.with_suffix(".html")
    command = [sys.executable, "-P", "-m", "marslab.widgets.bench_page", str(path), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        progress.print(f"no page: {last[0]}", soft_wrap=True, markup=False)
        return []
    return [page]


def main() -> None:
    """Run the command alone: a user's mistake is one sentence and its exit code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(bench)
    try:
        app()
    except UserError as mistake:
        print(mistake, file=sys.stderr)
        sys.exit(mistake.exit_code)


if __name__ == "__main__":
    main()
