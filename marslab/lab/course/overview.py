"""How far a learner is in the whole course, as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from marslab.lab.course import records, registry
from marslab.lab.course.records import Record
from marslab.lab.course.registry import Exercise


@dataclass(frozen=True)
class Row:
    """One exercise and what is kept of it."""

    exercise: Exercise
    record: Record


@dataclass(frozen=True)
class Progress:
    """Every exercise, in the order of the course; shows itself by notebook."""

    rows: tuple[Row, ...]

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(row.record.passed for row in self.rows)

    @property
    def by_notebook(self) -> dict[str, list[Row]]:
        """The rows of each notebook."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.exercise.notebook, []).append(row)
        return found

    def __str__(self) -> str:
        lines = [f"{self.solved} of {len(self.rows)} exercises solved"]
        width = max(map(len, self.by_notebook), default=0)
        lines += [f"{name:<{width}}  {told}  {states}" for name, told, states in self._lines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "<tr><th>notebook</th><th>solved</th><th>exercises</th></tr>"
        rows = [
            f'<tr><td style="text-align:left">{escape(name)}</td><td>{escape(told)}</td>'
            f'<td style="text-align:left">{escape(states)}</td></tr>'
            for name, told, states in self._lines()
        ]
        caption = f"<caption>{self.solved} of {len(self.rows)} exercises solved</caption>"
        return f"<table>{caption}<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        for name, rows in self.by_notebook.items():
            solved = sum(row.record.passed for row in rows)
            yield name, f"{solved} of {len(rows)}", ", ".join(map(_told, rows))


def _told(row: Row) -> str:
    record = row.record
    started = record.passed or record.tries
    return f"{row.exercise.id} {record.state}" if started else row.exercise.id


def progress() -> Progress:
    """Return how far you are: every exercise of the course, by notebook.

    Errors:
        UserError: a record is of another version of marslab
    """
    return Progress(
        tuple(Row(each, records.read(each.id)) for each in registry.exercises().values())
    )
