"""Exercises of 01_from_loop_to_scan: the loop, the join, the carry and the gradient."""

import torch
from torch import Tensor

from marslab.lab.course.content import scan_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "01_from_loop_to_scan"
SCAN, JOIN, TILES, GRADIENT = (
    recognised(*known)
    for known in (scan_wrong.SCAN, scan_wrong.JOIN, scan_wrong.TILES, scan_wrong.GRADIENT)
)


def my_scan(a: Tensor, b: Tensor) -> Tensor:
    """h[t] = a[t] h[t-1] + b[t], with nothing before the first step.

    Shapes (B rows, L steps, D channels): a, b: [B, L, D]; returns every state h, [B, L, D]
    """
    h = torch.empty_like(b)
    state = 0.0
    for t in range(b.shape[1]):
        state = a[:, t] * state + b[:, t]
        h[:, t] = state
    return h


def my_join(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """Two steps in a row, (a1, b1) and then (a2, b2), as one step.

    Shapes: all alike; returns the a and the b of the joined step
    """
    a = a2 * a1
    b = a2 * b1 + b2
    return a, b


def my_tiles(a: Tensor, b: Tensor, size: int) -> Tensor:
    """The states of a scan that is done `size` steps at a time.

    Shapes (B rows, L steps, D channels): a, b: [B, L, D]; returns every state h, [B, L, D]
    """
    carry, tiles = torch.zeros_like(b[:, :1]), []
    for start in range(0, b.shape[1], size):
        part = slice(start, start + size)
        alone = my_scan(a[:, part], b[:, part])  # as if nothing had been before
        h = alone + a[:, part].cumprod(1) * carry
        carry = h[:, -1:]
        tiles.append(h)
    return torch.cat(tiles, 1)


def my_gradient(a: Tensor, h: Tensor, dh: Tensor) -> tuple[Tensor, Tensor]:
    """What reaches a and b, from what the layer above says about each state.

    Shapes (B rows, L steps, D channels): a, h, dh: [B, L, D]; returns da and db, [B, L, D] each
    """
    da, db = torch.zeros_like(a), torch.zeros_like(a)
    later = 0.0
    for t in reversed(range(a.shape[1])):
        db[:, t] = dh[:, t] + later
        if t > 0:
            da[:, t] = db[:, t] * h[:, t - 1]
        later = a[:, t] * db[:, t]
    return da, db


def _one_step(draw: Draw) -> tuple:
    return draw.tensor(1, 1, 1, low=0.25, high=1), draw.tensor(1, 1, 1)


def _one_channel(draw: Draw) -> tuple:
    shape = 1, draw.size(5), 1
    return draw.tensor(*shape, low=0.25, high=1), draw.tensor(*shape)


def _rows_and_channels(draw: Draw) -> tuple:
    shape = draw.size(3), draw.size(4), draw.size(3)
    return draw.tensor(*shape, low=0.25, high=1), draw.tensor(*shape)


def _resets(draw: Draw) -> tuple:
    shape = 1, draw.size(4), 1
    return draw.tensor(*shape, low=0, high=1, step=0.5), draw.tensor(*shape)


def _step(draw: Draw) -> tuple[Tensor, Tensor]:
    """A decay below 1 and an input above 0: with 0 or 1 many a mistake is right by chance."""
    return draw.tensor(1, low=0.25, high=0.5), draw.tensor(1, low=1, high=3, step=1)


def _beside_nothing(draw: Draw) -> tuple:
    a, b = _step(draw)
    nothing = torch.ones_like(a), torch.zeros_like(b)
    return (*nothing, a, b) if draw.flag() else (a, b, *nothing)


def _two_wide_steps(draw: Draw) -> tuple:
    shape = draw.size(3), draw.size(3)
    return tuple(draw.tensor(*shape) for _ in range(4))


def _tiled(draw: Draw, tiles: int) -> tuple:
    size = draw.size(3)
    shape = 1, size * draw.size(tiles), 1
    return draw.tensor(*shape, low=0.5, high=1), draw.tensor(*shape), size


def _any_length(draw: Draw) -> tuple:
    shape = draw.size(2), draw.size(7), draw.size(2)
    return draw.tensor(*shape, low=0, high=1), draw.tensor(*shape), draw.size(4)


def _blamed(draw: Draw, *, rows: int = 1, length: int = 1, channels: int = 1) -> tuple:
    shape = draw.size(rows), draw.size(length), draw.size(channels)
    a, b = draw.tensor(*shape, low=0.5, high=1), draw.tensor(*shape, low=1, step=1)
    return a, my_scan(a, b), draw.tensor(*shape, low=1, step=1)


EXERCISES = (
    Exercise(
        id="scan.1",
        name="my_scan",
        notebook=NOTEBOOK,
        title="The recurrence as a loop over time",
        solution=my_scan,
        checks=(
            Check("starts from nothing", _one_step, SCAN),
            Check("carries the state from step to step", _one_channel, SCAN),
            Check("keeps rows and channels apart", _rows_and_channels, SCAN),
            Check("takes a decay of 0", _resets, SCAN),
        ),
        hints=(
            "A state and a for loop over t. Which axis of a and b is time?",
            "Start with state = 0.0. At each t keep a share of it, add b[:, t], and note the "
            "result. b[:, t] is one step of all rows and channels, [B, D].",
            "state = a[:, t] * state + b[:, t], then h[:, t] = state, with h = "
            "torch.empty_like(b) made before the loop.",
        ),
        wrong=scan_wrong.SCAN,
    ),
    Exercise(
        id="scan.2",
        name="my_join",
        notebook=NOTEBOOK,
        title="Two steps in a row as one step",
        solution=my_join,
        checks=(
            Check("a step joined with (1, 0) stays itself", _beside_nothing, JOIN),
            Check("one step does what the two did", lambda x: (*_step(x), *_step(x)), JOIN),
            Check("works on whole tensors at once", _two_wide_steps, JOIN),
        ),
        hints=(
            "Take a state h. What is it after the first step? Put that into the second.",
            "a2 * (a1 * h + b1) + b2. Multiply out: what stands before h is the new a, the rest "
            "is the new b.",
            "The new a is a2 * a1. The new b is b1, faded by the second step, plus b2.",
        ),
        wrong=scan_wrong.JOIN,
    ),
    Exercise(
        id="scan.3",
        name="my_tiles",
        notebook=NOTEBOOK,
        title="A long scan, tile after tile",
        solution=my_tiles,
        checks=(
            Check("one tile", lambda draw: _tiled(draw, 1), TILES),
            Check("the state enters the next tile", lambda draw: _tiled(draw, 2), TILES),
            Check("and all tiles after it", lambda draw: _tiled(draw, 4), TILES),
            Check("takes any length, and decays of 0", _any_length, TILES),
        ),
        hints=(
            "my_scan of one tile is right but for what came before the tile. What has become of "
            "a state that entered, at step t of the tile?",
            "It was multiplied by the decays of all steps up to t: a[:, part].cumprod(1) * carry. "
            "Add that to the scan of the tile alone.",
            "After each tile carry = h[:, -1:], of the corrected h; before the first it is zeros. "
            "torch.cat(tiles, 1) joins them. A slice may reach beyond the end.",
        ),
        wrong=scan_wrong.TILES,
    ),
    Exercise(
        id="scan.4",
        name="my_gradient",
        notebook=NOTEBOOK,
        title="The gradient, by a loop backwards in time",
        solution=my_gradient,
        checks=(
            Check("the last step is blamed directly", _blamed, GRADIENT),
            Check("blame runs back through the decays", lambda x: _blamed(x, length=4), GRADIENT),
            Check(
                "keeps rows and channels apart",
                lambda draw: _blamed(draw, rows=3, length=3, channels=3),
                GRADIENT,
            ),
        ),
        hints=(
            "Begin at the last step: nothing comes after it, so its blame is dh alone. Which "
            "number tells how much of h[t-1] went into h[t]?",
            "Walk t backwards. The blame g of h[t] is dh[t] plus a[t+1] times the blame of "
            "h[t+1]. Then db[t] = g, because b[t] is simply added.",
            "da[t] = g * h[t-1], because a[t] multiplied h[t-1]; at t = 0 there was nothing. For "
            "the step before, keep later = a[:, t] * g.",
        ),
        wrong=scan_wrong.GRADIENT,
    ),
)
