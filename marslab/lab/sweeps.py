"""Run notebooks at every point of a grid of parameters, and collect what they record.

Each point is a run of its own; one that fails is a row that says so.
"""

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError
from marslab.lab.claims.records import of_notebook
from marslab.lab.engine import TIMEOUT, Job, Value, plan, run_jobs
from marslab.lab.runs import RunResult

if TYPE_CHECKING:
    from pandas import DataFrame

MOST = 1000  # points of a grid
LONGEST = 120  # characters of the name of an executed notebook, without what makes it unique
NAMES = ("notebook", "run", "seconds", "error")


@dataclass(frozen=True)
class Point:
    """One point of a grid: its parameters, how the run went, and what the notebook recorded."""

    notebook: str
    parameters: Mapping[str, Value]
    seconds: float
    records: Mapping[str, Value]
    error: str | None
    output: Path | None

    @property
    def ok(self) -> bool:
        """Whether every cell ran."""
        return self.error is None


def sweep(
    asked: Iterable[str] | None,
    grid: Mapping[str, Sequence[Value]],
    *,
    on_point: Callable[[Point], None] | None = None,
    **options: Any,
) -> "DataFrame":
    """Run the notebooks named at every point of `grid` and return a table, one row a point.

    Columns: notebook, each parameter, run ("ok" or "FAILED"), seconds, each record or claim by
    its name (the last value, if a notebook records one name twice), error. `options` are those of
    `points`.

    Errors:
        UserError: as in `points`
    """
    return frame(points(asked, grid, on_point=on_point, **options))


def points(
    asked: Iterable[str] | None,
    grid: Mapping[str, Sequence[Value]],
    *,
    fast: bool = True,
    engine: str = "inproc",
    output_dir: Path | None = None,
    workers: int | None = None,
    timeout: float | None = TIMEOUT,
    root: Path | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> list[Point]:
    """Run the notebooks named (None: all) at every point of `grid`, {parameter: its values}.

    The other arguments are those of `engine.run`; with `output_dir` each executed notebook is kept
    under a name that tells its point.

    Errors:
        UserError: a parameter that a notebook does not have, no value, too many points, or what
            `engine.run` refuses
    """
    combinations = crossed(grid)
    options = {"fast": fast, "engine": engine, "timeout": timeout, "root": root}
    first = plan(asked, parameters=combinations[0], output_dir=output_dir, **options)
    _few_enough(len(first) * len(combinations))
    told = on_point or (lambda point: None)
    with tempfile.TemporaryDirectory(prefix="marslab-sweep-") as folder:
        jobs, given = _jobs(first, combinations, output_dir or Path(folder))
        found: dict[int, Point] = {}

        def tell(index: int, result: RunResult) -> None:
            found[index] = _point(given[index], result, kept=output_dir is not None)
            told(found[index])

        run_jobs(jobs, workers=workers, on_result=tell)
    return [found[index] for index in range(len(jobs))]


def crossed(grid: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    """Return every combination of the values, the last parameter changing fastest.

    Errors:
        UserError: a parameter without a value, or more than MOST combinations

    >>> crossed({"seed": [0, 1], "width": [8]})
    [{'seed': 0, 'width': 8}, {'seed': 1, 'width': 8}]
    """
    count = 1
    for name, values in grid.items():
        if not values:
            raise UserError(f"the parameter {name!r} has no value: give it one or more")
        count *= len(values)
    _few_enough(count)
    return [dict(zip(grid, chosen, strict=True)) for chosen in product(*grid.values())]


def frame(found: Sequence[Point]) -> "DataFrame":
    """Return the table of a sweep, one row a point.

    >>> point = Point("01_a", {"seed": 1}, 0.5, {"seed": 7, "loss": 0.1}, None, None)
    >>> list(frame([point]).columns)
    ['notebook', 'seed', 'run', 'seconds', 'record seed', 'loss', 'error']
    """
    from pandas import DataFrame

    given = list(dict.fromkeys(name for point in found for name in point.parameters))
    recorded = list(dict.fromkeys(name for point in found for name in point.records))
    columns = {name: f"record {name}" if name in (*NAMES, *given) else name for name in recorded}
    rows = [
        {
            "notebook": point.notebook,
            **{name: point.parameters[name] for name in given},
            "run": "ok" if point.ok else "FAILED",
            "seconds": point.seconds,
            **{column: point.records.get(name) for name, column in columns.items()},
            "error": point.error,
        }
        for point in found
    ]
    return DataFrame(rows)


def told(parameters: Mapping[str, Value]) -> str:
    """Return a point as one line.

    >>> told({"seed": 1, "text": "a b"})
    "seed=1 text='a b'"
    """
    return " ".join(
        f"{name}={value if not isinstance(value, str) or value.isalnum() else repr(value)}"
        for name, value in parameters.items()
    )


def kept_as(notebook: str, combinations: Sequence[Mapping[str, Value]]) -> list[str]:
    """Return a file name for each point: it tells the point, and no two are the same.

    >>> kept_as("01_a", [{"x": 1}, {"x": "a/b"}, {"x": "a:b"}])
    ['01_a.x=1.ipynb', '01_a.x=a_b.12feb0.ipynb', '01_a.x=a_b.6a7625.ipynb']
    """
    plain = []
    for point in combinations:
        parts = [f".{name}={value}" for name, value in point.items()]
        plain.append(re.sub(r"[^\w.=+-]", "_", notebook + "".join(parts), flags=re.ASCII))
    # Some systems take names for the same that differ in the case of a letter only.
    often = Counter(name.casefold()[:LONGEST] for name in plain)
    found = []
    for name, point in zip(plain, combinations, strict=True):
        mark = hashlib.sha256(repr(sorted(point.items())).encode()).hexdigest()[:6]
        unique = len(name) <= LONGEST and often[name.casefold()] == 1
        found.append(f"{name}.ipynb" if unique else f"{name[:LONGEST]}.{mark}.ipynb")
    return found


def _jobs(
    first: Sequence[Job], combinations: Sequence[Mapping[str, Value]], folder: Path
) -> tuple[list[Job], list[Mapping[str, Value]]]:
    jobs, given = [], []
    for job in first:
        names = kept_as(job.path.stem, combinations)
        for point, name in zip(combinations, names, strict=True):
            parameters = {**job.parameters, **point}
            jobs.append(replace(job, parameters=parameters, output_dir=folder, keep_as=name))
            given.append(point)
    return jobs, given


def _point(parameters: Mapping[str, Value], result: RunResult, kept: bool) -> Point:
    error = None if result.failure is None else result.failure.error
    records: dict[str, Value] = {}
    try:
        if result.output is not None:
            records = {each.name: each.value for each in of_notebook(result.output)}
    except UserError as damaged:
        error = error or str(damaged)
    output = result.output if kept else None
    return Point(result.name, parameters, result.seconds, records, error, output)


def _few_enough(count: int) -> None:
    if count > MOST:
        raise UserError(
            f"this grid has {count:,} points, and a sweep runs at most {MOST:,}: give fewer values"
        )
