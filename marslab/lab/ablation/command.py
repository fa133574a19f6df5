"""`marslab ablate`: run a study, print what it found, draw its page, write its report."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from marslab.errors import UserError
from marslab.lab.ablation.ablate import resolve
from marslab.lab.ablation.changes import grid_of, one_value
from marslab.lab.ablation.execute import Place, Work
from marslab.lab.ablation.progress import Bar
from marslab.lab.ablation.results import Results
from marslab.lab.ablation.study import Study
from marslab.lab.ablation.study import shipped as shipped_studies
from marslab.lab.ablation.table import as_json, show
from marslab.lab.ablation.words import conditions

Name = Annotated[
    str,
    typer.Argument(
        metavar="STUDY.yaml|NAME",
        help=f"A study file, a shipped study ({', '.join(shipped_studies())}), or a preset.",
    ),
]
Off = Annotated[
    list[str] | None, typer.Option(help="Of a preset: a part to switch off; may be repeated.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Of a preset: NAME=VALUE,VALUE, the baseline's first; may be repeated."
    ),
]
Budget = Annotated[
    list[str] | None,
    typer.Option(help="NAME=VALUE of the task, as epochs=3; seconds=60 limits a run."),
]
Seeds = Annotated[int | None, typer.Option(help="Runs of each variant.")]
Workers = Annotated[
    int | None, typer.Option(help="Processes on this machine; one per core by default.")
]
Dask = Annotated[int | None, typer.Option(help="Processes of a Dask cluster made here instead.")]
Scheduler = Annotated[str | None, typer.Option(help="Address of a Dask cluster that is there.")]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Run all anew; the runs there are move aside.")
]
Retry = Annotated[bool, typer.Option("--retry", help="Try failed runs again.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Shipped = Annotated[
    bool, typer.Option("--shipped", help="Run nothing: show the results that come with marslab.")
]
Ship = Annotated[
    bool, typer.Option("--ship", help="In a checkout: keep the results in data/studies.")
]
Page = Annotated[bool, typer.Option(help="Also draw a page with figures.")]
Report = Annotated[bool, typer.Option(help="Also write an executed notebook.")]


def ablate(
    name: Name,
    off: Off = None,
    set_: Set = None,
    budget: Budget = None,
    seeds: Seeds = None,
    workers: Workers = None,
    dask: Dask = None,
    scheduler: Scheduler = None,
    fresh: Fresh = False,
    retry: Retry = False,
    shipped: Shipped = False,
    ship: Ship = False,
    json: Json = False,
    page: Page = True,
    report: Report = True,
) -> None:
    """Switch parts of a model off or over, train each variant, and see what it costs."""
    if shipped:
        return tell_shipped(name, json)
    place = Place(workers, dask, scheduler)
    place.check()
    study = chosen(name, off or [], set_ or [], budget or [], seeds)
    progress = Console(stderr=True, highlight=False)
    work = Work(study, fresh=fresh, retry=retry)
    results = done(work, place, progress)
    tell(results, json)
    written = [results.ship()] if ship else []
    written += draw(results, progress) if page else []
    written += write_report(results, progress) if report else []
    for path in written:
        progress.print(f"written: {path}", soft_wrap=True, markup=False)
    if results.failed:
        say(
            progress,
            f"{len(results.failed)} of {len(results.ids)} runs failed: --retry tries again",
        )
        raise typer.Exit(1)


def tell(results: Results, json: bool) -> None:
    """Print the results on standard output."""
    if json:
        print(as_json(results))
    else:
        show(results)


def tell_shipped(name: str, json: bool) -> None:
    """Print the shipped results of a study, and on standard error under which conditions."""
    found = Results.shipped(name)
    tell(found, json)
    told = "; ".join(f"{name}: {value}" for name, value in conditions(found).items())
    say(Console(stderr=True, highlight=False), told)


def chosen(
    name: str, off: list[str], sets: list[str], budget: list[str], seeds: int | None
) -> Study:
    """Return the study that the arguments name.

    Errors:
        UserError: no such study or preset, or a change that it does not know
    """
    spent = dict(one_value(each, "--budget") for each in budget)
    grid = grid_of(name, off, sets) if off or sets else None
    return resolve(name, grid, seeds=seeds, budget=spent)


def done(work: Work, place: Place, progress: Console) -> Results:
    """Do what is missing and return the results; Ctrl-C keeps what is done and exits with 130."""
    for note in work.notes:
        say(progress, note)
    metric = work.results().metric
    bar = Bar(progress, metric, len(work.ended), len(work.plan.jobs))
    try:
        with bar:
            work.do(place, bar.tell)
    except KeyboardInterrupt:
        say(progress, f"stopped: {bar.done} of {bar.total} runs are kept, the same command goes on")
        raise typer.Exit(130) from None
    return work.results()


def draw(results: Results, progress: Console) -> list[Path]:
    """Draw the page beside the runs, in a process of its own, where plotly is installed."""
    if find_spec("plotly") is None:
        say(progress, "no page: plotly is not installed (pip install plotly)")
        return []
    page = results.folder / f"{results.study.study}.html"
    command = [sys.executable, "-P", "-m", "marslab.widgets.study_page"]
    command += [str(results.folder), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        say(progress, f"no page: {last[0]}")
        return []
    return [page]


def write_report(results: Results, progress: Console) -> list[Path]:
    """Write the executed notebook beside the runs."""
    from marslab.lab.ablation.report import write

    try:
        return [write(results.folder, results.folder / f"{results.study.study}.ipynb")]
    except (UserError, OSError) as problem:
        say(progress, f"no report: {problem}")
        return []


def say(progress: Console, sentence: str) -> None:
    """Print a sentence as it is: a path may hold what looks like markup."""
    progress.print(sentence, soft_wrap=True, markup=False)
