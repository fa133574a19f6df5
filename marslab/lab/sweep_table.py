"""A sweep at the command line: a line for each point as it is done, then the table."""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError
from marslab.files import write_text
from marslab.lab import sweeps
from marslab.lab.printed import table

if TYPE_CHECKING:
    from marslab.lab.engine import Value


def run(
    asked: Iterable[str] | None,
    grid: "Mapping[str, Sequence[Value]]",
    csv: Path | None,
    as_json: bool,
    **options: Any,
) -> bool:
    """Run a sweep and print its table; return whether every point ran.

    What is done is printed and written also when the sweep is interrupted.

    Errors:
        UserError: the file for the table is no place for one, or what the sweep refuses
    """
    if csv is not None and (csv.is_dir() or csv.suffix.lower() != ".csv"):
        raise UserError(f"--table {csv} is no name for a table: give a file, as results.csv")
    done: list[sweeps.Point] = []

    def tell(point: sweeps.Point) -> None:
        done.append(point)
        how = "ok" if point.ok else f"FAILED, {point.error}"
        at = f" {sweeps.told(point.parameters)}" if point.parameters else ""
        print(f"{point.notebook}{at}: {how}, {point.seconds:.1f} s", file=sys.stderr)

    try:
        done = sweeps.points(asked, grid, on_point=tell, **options)
    finally:
        if done:
            _show(done, csv, as_json)
    return all(point.ok for point in done)


def _show(found: list[sweeps.Point], csv: Path | None, as_json: bool) -> None:
    if csv is not None:
        write_text(csv, sweeps.frame(found).to_csv(index=False))
        print(f"written: {csv}", file=sys.stderr)
    if as_json:
        print(json.dumps([_plain(point) for point in found], indent=2, ensure_ascii=False))
        return
    rows = sweeps.frame(found)
    one = len({point.notebook for point in found}) == 1
    rows = rows.drop(columns=["notebook"] * one + ["error"] * all(point.ok for point in found))
    cells = [[_cell(value) for value in row] for row in rows.astype(object).to_numpy().tolist()]
    table([str(name) for name in rows.columns], cells)


def _plain(point: sweeps.Point) -> dict[str, Any]:
    return {
        "notebook": point.notebook,
        "parameters": {name: _number(value) for name, value in point.parameters.items()},
        "ok": point.ok,
        "seconds": point.seconds,
        "records": {name: _number(value) for name, value in point.records.items()},
        "error": point.error,
        "output": None if point.output is None else str(point.output),
    }


def _number(value: "Value") -> "Value":
    """JSON has no word for what is no number, nor for infinity."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: object) -> str:
    if value is None or isinstance(value, float) and math.isnan(value):
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
