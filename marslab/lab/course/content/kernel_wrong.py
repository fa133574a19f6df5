"""Known wrong answers to the exercises of notebook 08, and what whoever gives one is told."""

import math

from marslab.lab.course.registry import Wrong

Plan = list[tuple[int, int, int]]


def _times(
    cells: int, itemsize: int, rate: float, peak: float, passes: int = 3, flops: int = 2
) -> tuple[float, float]:
    """The time to move the bytes, and the time to compute."""
    return passes * cells * itemsize / rate, flops * cells / peak


FLOOR = (
    Wrong(
        "nothing is written",
        lambda *args: max(_times(*args, passes=2)),
        "when only the two arrays that come in are counted: h has to go out as well.",
    ),
    Wrong(
        "numbers for bytes",
        lambda cells, itemsize, rate, peak: max(_times(cells, 1, rate, peak)),
        "when numbers are counted in place of bytes: each number has itemsize of them.",
    ),
    Wrong(
        "one operation",
        lambda *args: max(_times(*args, flops=1)),
        "with one operation for each cell: there are two, a multiplication and an addition.",
    ),
    Wrong(
        "added up",
        lambda *args: sum(_times(*args)),
        "when the two times are added: bytes can move while others are computed with, so the "
        "floor is the larger of the two.",
    ),
    Wrong(
        "the smaller one",
        lambda *args: min(_times(*args)),
        "for the smaller of the two times: both things must be done, so the larger one is "
        "the floor.",
    ),
)

LINES = (
    Wrong(
        "a line each",
        lambda stride, count: count,
        "when each number takes a line of its own: numbers that lie in one line come together.",
    ),
    Wrong(
        "the whole span",
        lambda stride, count: (count - 1) * stride // 16 + 1,
        "when every line from the first number to the last is counted: a long stride jumps over "
        "lines, and those are not read.",
    ),
    Wrong(
        "the stride forgotten",
        lambda stride, count: math.ceil(count / 16),
        "when the numbers are taken for neighbours: the stride is missing.",
    ),
    Wrong(
        "one stride too far",
        lambda stride, count: math.ceil(count * min(stride, 16) / 16),
        "when the walk ends one stride behind the last number: it ends at that number.",
    ),
    Wrong(
        "rounded down",
        lambda stride, count: count * min(stride, 16) // 16,
        "when the lines are rounded down: a line is read whole, even for one number.",
    ),
)


def _whole_blocks(rows: int, width: int, block: int) -> Plan:
    return [(r, i * block, (i + 1) * block) for r in range(rows) for i in range(width // block)]


def _not_cut(rows: int, width: int, block: int) -> Plan:
    return [(row, lo, lo + block) for row in range(rows) for lo in range(0, width, block)]


def _one_too_many(rows: int, width: int, block: int) -> Plan:
    starts = [i * block for i in range(width // block + 1)]
    return [(row, lo, min(lo + block, width)) for row in range(rows) for lo in starts]


def _last_included(rows: int, width: int, block: int) -> Plan:
    return [
        (row, lo, min(lo + block, width) - 1)
        for row in range(rows)
        for lo in range(0, width, block)
    ]


TASKS = (
    Wrong("the rest forgotten", _whole_blocks, "is never written"),
    Wrong("past the end of the row", _not_cut, "leaves the grid"),
    Wrong("hi included", _last_included, "is never written"),
    Wrong(
        "blocks that overlap",
        lambda rows, width, block: [
            (row, lo, min(lo + block, width)) for row in range(rows) for lo in range(width)
        ],
        "is written 2 times",
    ),
    Wrong("one task too many", _one_too_many, "has nothing to do"),
    Wrong(
        "a task for a row",
        lambda rows, width, block: [(row, 0, width) for row in range(rows)],
        "and a block has at most",
    ),
)
