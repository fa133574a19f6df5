"""The reports that ship: the last run of each op on the machine where it was measured."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from marslab.lab.bench.report import Report, from_json

GPU = "h200"


@cache
def shipped(op: str) -> Report | None:
    """The shipped report of an op on a GPU; None where there is none.

    >>> shipped("linear_scan").conditions["machine"], shipped("decay_product")
    ('NVIDIA H200', None)
    """
    name = f"{op}-{GPU}.json"
    place = files("marslab.data") / "bench" / name
    return from_json(place.read_text("utf-8"), f"data/bench/{name}") if place.is_file() else None


def against_floor(report: Report) -> Iterator[tuple[str, str, str, float, float]]:
    """(row, name, kind, ms, times the floor) of each variant; the goal of a row is one more.

    >>> next(against_floor(shipped("linear_scan")))[:3]
    ('float32 B8 L4096 D2048 fwd', 'triton', 'ours')
    """
    for row in report.rows:
        title = row.case.title.removeprefix(f"{row.case.op} ")
        for figure in row.figures:
            yield title, figure.name, figure.kind, figure.ms, row.to_floor(figure)
        goals = [goal.ms for goal in row.goals if goal.ms is not None]
        if goals:
            yield title, "goal", "goal", min(goals), min(goals) / row.floor_ms
