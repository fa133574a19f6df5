"""Known wrong answers to the exercises of notebook 01, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.lab.course.registry import Wrong


def _loop(a: Tensor, b: Tensor) -> Tensor:
    return linear_scan(a, b, backend="naive")


def _behind(x: Tensor) -> Tensor:
    """Each step gets the number of the step before, the first one 0."""
    return torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)


def _divided(a: Tensor, b: Tensor) -> Tensor:
    product = a.cumprod(1)
    return product * (b / product).cumsum(1)


SCAN = (
    Wrong("plain sum", lambda a, b: b.cumsum(1), "when nothing fades: a is not used."),
    Wrong(
        "state before the step",
        lambda a, b: _behind(_loop(a, b)),
        "when the state is noted before the step in place of after it.",
    ),
    Wrong(
        "input fades at once",
        lambda a, b: _loop(a, a * b),
        "when b is added before the decay: the old state fades, b comes in whole.",
    ),
    Wrong(
        "state not carried",
        lambda a, b: b.clone(),
        "when each step starts from 0: the state has to go on to the next one.",
    ),
    Wrong(
        "products divided",
        _divided,
        "when you divide by a product of decays: a decay of 0 makes that 0/0.",
    ),
)

JOIN = (
    Wrong(
        "wrong order",
        lambda a1, b1, a2, b2: (a1 * a2, a1 * b2 + b1),
        "when the second step is done first: what b1 poured in still passes through step 2.",
    ),
    Wrong(
        "nothing fades",
        lambda a1, b1, a2, b2: (a1 * a2, b1 + b2),
        "when b1 is not multiplied by a2: the second step fades what the first one poured in.",
    ),
    Wrong(
        "decays added",
        lambda a1, b1, a2, b2: (a1 + a2, a2 * b1 + b2),
        "when decays are added: of what was there a1 is kept, and of that a2.",
    ),
    Wrong(
        "b before a",
        lambda a1, b1, a2, b2: (a2 * b1 + b2, a1 * a2),
        "when b is returned before a.",
    ),
    Wrong(
        "only the last decay",
        lambda a1, b1, a2, b2: (a2, a2 * b1 + b2),
        "when a1 is forgotten: what was there before fades in both steps.",
    ),
)


def _tiles(a: Tensor, b: Tensor, size: int, *, entering: str) -> Tensor:
    """Tile by tile, with a mistake in how the state enters."""
    carry, tiles = torch.zeros_like(b[:, :1]), []
    for x, y in zip(a.split(size, 1), b.split(size, 1), strict=True):
        alone = _loop(x, y)
        kept = {"nothing": 0 * x, "whole": torch.ones_like(x), "once": x}
        h = alone + kept.get(entering, x.cumprod(1)) * carry
        carry = (alone if entering == "uncorrected" else h)[:, -1:]
        tiles.append(h)
    return torch.cat(tiles, 1)


def _whole_tiles_only(a: Tensor, b: Tensor, size: int) -> Tensor:
    return _loop(a, b)[:, : b.shape[1] // size * size]


TILES = (
    Wrong(
        "nothing carried",
        lambda a, b, size: _tiles(a, b, size, entering="nothing"),
        "when each tile starts from 0: the last state of a tile enters the next.",
    ),
    Wrong(
        "carry does not fade",
        lambda a, b, size: _tiles(a, b, size, entering="whole"),
        "when what enters a tile is added whole: it fades at every step of the tile.",
    ),
    Wrong(
        "carry fades once",
        lambda a, b, size: _tiles(a, b, size, entering="once"),
        "when what enters fades once: at step t of a tile it has faded by all decays up to t.",
    ),
    Wrong(
        "carry not corrected",
        lambda a, b, size: _tiles(a, b, size, entering="uncorrected"),
        "when the carry is taken before it was corrected: it forgets all tiles but one.",
    ),
    Wrong(
        "whole tiles only",
        _whole_tiles_only,
        "when the last tile is left out because it is not full: a slice may reach beyond the end.",
    ),
)


def _blamed(a: Tensor, dh: Tensor) -> Tensor:
    """The gradient of b, right."""
    later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1)
    return _loop(later.flip(1), dh.flip(1)).flip(1)


def _through_own_decay(a: Tensor, h: Tensor, dh: Tensor) -> tuple[Tensor, Tensor]:
    g = _loop(a.flip(1), dh.flip(1)).flip(1)
    return g * _behind(h), g


def _forwards(a: Tensor, h: Tensor, dh: Tensor) -> tuple[Tensor, Tensor]:
    g = _loop(a, dh)
    return g * _behind(h), g


GRADIENT = (
    Wrong(
        "direct blame only",
        lambda a, h, dh: (dh * _behind(h), dh),
        "when only dh counts: a state also acts on the states after it, and they are blamed too.",
    ),
    Wrong(
        "decay of the wrong step",
        _through_own_decay,
        "when the blame comes back through a[t]: from h[t] to h[t+1] it was a[t+1] that counted.",
    ),
    Wrong(
        "state of the wrong step",
        lambda a, h, dh: (_blamed(a, dh) * h, _blamed(a, dh)),
        "when a[t] is paired with h[t]: what it multiplied was h[t-1], and 0 at the first step.",
    ),
    Wrong("forwards", _forwards, "when the blame runs forwards: begin at the last step."),
)
