"""Exercises of 08_writing_a_kernel: the floor of an op, the lines of a walk, tasks of a grid."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product

from marslab.lab.course.content import kernel_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "08_writing_a_kernel"
FLOOR, LINES = recognised(*kernel_wrong.FLOOR), recognised(*kernel_wrong.LINES)
BETWEEN = recognised(*kernel_wrong.LINES[1:])  # the first one does not get past stride 1


def scan_floor(cells: int, itemsize: int, rate: float, peak: float) -> float:
    """The least seconds that h[t] = a[t] h[t-1] + b[t] can take for so many cells.

    Units: itemsize in bytes of one number, rate in bytes a second, peak in operations a second;
        returns seconds
    """
    moved = 3 * cells * itemsize  # a and b come in, h goes out
    operations = 2 * cells  # times and plus
    return max(moved / rate, operations / peak)


def lines_read(stride: int, count: int) -> int:
    """How many lines of 16 numbers a walk touches, which begins with the first number of a line.

    Units: stride is the distance from one number that is read to the next, in numbers;
        count is how many numbers are read
    """
    return len({step * stride // 16 for step in range(count)})


def tasks(rows: int, width: int, block: int) -> list[tuple[int, int, int]]:
    """Share out a grid of rows and channels: one task (row, lo, hi) writes channels lo to hi - 1.

    Units: rows, width (channels of a row) and block (the most channels of one task) are counts
    """
    return [
        (row, lo, min(lo + block, width)) for row in range(rows) for lo in range(0, width, block)
    ]


def _plan(answer: Callable, rows: int, width: int, block: int) -> list[tuple[int, int, int]]:
    """The tasks of an answer, if they have the right form."""
    plan = list(answer(rows, width, block))
    for task in plan:
        assert isinstance(task, tuple | list) and len(task) == 3, (
            f"A task is (row, lo, hi), three whole numbers; you have {task!r}."
        )
    return plan


def _once(answer: Callable, rows: int, width: int, block: int) -> None:
    plan = _plan(answer, rows, width, block)
    for row, lo, hi in plan:
        assert 0 <= row < rows and 0 <= lo and hi <= width, (
            f"The task {(row, lo, hi)} leaves the grid: rows = {rows}, width = {width}, both count "
            "from 0, and hi is one past the last channel of a task."
        )
    written = Counter((row, channel) for row, lo, hi in plan for channel in range(lo, hi))
    for row, channel in product(range(rows), range(width)):
        count = written[row, channel]
        assert count > 0, f"Channel {channel} of row {row} is never written by the tasks {plan}."
        assert count < 2, f"Channel {channel} of row {row} is written {count} times by {plan}."


def _fair(answer: Callable, rows: int, width: int, block: int) -> None:
    for row, lo, hi in _plan(answer, rows, width, block):
        assert hi > lo, f"The task {(row, lo, hi)} has nothing to do."
        assert hi - lo <= block, (
            f"The task {(row, lo, hi)} has {hi - lo} channels, and a block has at most {block}."
        )


def _round_grid(draw: Draw) -> tuple:
    rows, blocks, block = draw.size(3), draw.size(3), draw.size(3)
    return rows, blocks * block, block


def _any_grid(draw: Draw) -> tuple:
    return draw.size(3), draw.integer(1, 7), draw.size(4)


def _machine(rates: tuple[float, ...], peaks: tuple[float, ...]) -> Callable:
    def cases(draw: Draw) -> tuple:
        cells, itemsize = draw.integer(1, 100), draw.choice((4, 2, 8))
        return cells, itemsize, draw.choice(rates), draw.choice(peaks)

    return cases


def _walk(strides: Sequence[int], most: int) -> Callable:
    return lambda draw: (draw.choice(strides), draw.integer(1, most))


EXERCISES = (
    Exercise(
        id="kernel.1",
        name="scan_floor",
        notebook=NOTEBOOK,
        title="The least time that a scan can take on a machine",
        solution=scan_floor,
        checks=(
            Check("where bytes take longer", _machine((1.0, 100.0), (1e12,)), FLOOR),
            Check(
                "where arithmetic takes longer",
                _machine((1e12,), (1.0, 100.0)),
                FLOOR,
            ),
            Check("whichever takes longer", _machine((10.0, 20.0), (1.0, 2.0)), FLOOR),
        ),
        hints=(
            "Two counts for one cell: how many numbers must come in or go out, and how many "
            "operations are done?",
            "Bytes divided by bytes a second is one time, operations divided by operations a "
            "second is another. Which of the two can you not get below?",
            "max(3 * cells * itemsize / rate, 2 * cells / peak)",
        ),
        wrong=kernel_wrong.FLOOR,
    ),
    Exercise(
        id="kernel.2",
        name="lines_read",
        notebook=NOTEBOOK,
        title="How many lines of memory a walk touches",
        solution=lines_read,
        checks=(
            Check("neighbours share a line", _walk((1,), 40), LINES),
            Check("a long stride takes a line each time", _walk((32, 16, 64), 8), LINES),
            Check("strides in between", _walk(range(2, 16), 40), BETWEEN),
        ),
        hints=(
            "Number the places: the walk reads 0, stride, 2 * stride ... In which line is place p?",
            "Place p is in line p // 16. Write down the line of each number that is read: how many "
            "different ones are there?",
            "len() of the set of step * stride // 16, for step in range(count).",
        ),
        wrong=kernel_wrong.LINES,
    ),
    Exercise(
        id="kernel.3",
        name="tasks",
        notebook=NOTEBOOK,
        title="Tasks that write every cell once, also at odd sizes",
        solution=tasks,
        checks=(
            Check("every cell is written once", _round_grid, law=_once),
            Check("widths that the block does not divide", _any_grid, law=_once),
            Check("no task is empty, none too large", _any_grid, law=_fair),
        ),
        hints=(
            "Take one row first. Where does each of its blocks begin?",
            "Blocks begin at 0, block, 2 * block ... below width. Each ends one block further on, "
            "but the last one may have to end earlier.",
            "For each row, and lo in range(0, width, block): (row, lo, min(lo + block, width)).",
        ),
        wrong=kernel_wrong.TASKS,
    ),
)
