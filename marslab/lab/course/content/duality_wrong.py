"""Known wrong answers to the exercises of notebook 03, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _fading(decay: Tensor) -> Tensor:
    """The mask, right: row t, column s, the decays after s up to t."""
    below = torch.ones(len(decay), len(decay)).tril(-1).bool()
    return torch.where(below, decay[:, None], 1.0).cumprod(0).tril()


def _divided(decay: Tensor) -> Tensor:
    product = decay.cumprod(0)
    return (product[:, None] / product).tril()


def _one_short(decay: Tensor) -> Tensor:
    """The decays from s up to t - 1 in place of s + 1 up to t."""
    return _fading(torch.cat([torch.ones_like(decay[:1]), decay[:-1]]))


def _looking_ahead(decay: Tensor) -> Tensor:
    mask = _fading(decay)
    return mask + mask.tril(-1).T


MASK = (
    Wrong(
        "nothing fades",
        lambda decay: torch.ones_like(_fading(decay)).tril(),
        "when nothing fades: a note of the step before has met one decay.",
    ),
    Wrong(
        "own decay too",
        lambda decay: _fading(decay) * decay,
        "when decay[s] counts as well: what step s writes has not faded at step s.",
    ),
    Wrong(
        "one step short",
        _one_short,
        "when the decays of s up to t - 1 count in place of s + 1 up to t: first the page fades, "
        "then the step writes.",
    ),
    Wrong(
        "transposed",
        lambda decay: _fading(decay).T,
        "when rows and columns are exchanged: row t is the step that looks.",
    ),
    Wrong(
        "looks ahead",
        _looking_ahead,
        "when there is something above the diagonal: no step sees a later one.",
    ),
    Wrong(
        "products divided",
        _divided,
        "when you divide two products from the start: after a decay of 0 that is 0/0.",
    ),
)


ATTENTION = (
    Wrong(
        "a softmax",
        lambda mask, dt, x, B, C: (mask * torch.softmax(C @ B.T, -1)) @ (dt[:, None] * x),
        "with a softmax: here the scores count as they are, they need not add up to 1.",
    ),
    Wrong(
        "no mask",
        lambda mask, dt, x, B, C: (C @ B.T) @ (dt[:, None] * x),
        "without the mask: each step sees all the others, also later ones, and none has faded.",
    ),
    Wrong(
        "nothing fades",
        lambda mask, dt, x, B, C: (C @ B.T).tril() @ (dt[:, None] * x),
        "when the mask is used as a yes or no: its numbers say how much is left.",
    ),
    Wrong(
        "keys look at queries",
        lambda mask, dt, x, B, C: (mask * (B @ C.T)) @ (dt[:, None] * x),
        "when B and C are exchanged: row t of the scores is query C[t] with every key B[s].",
    ),
    Wrong(
        "dt of the reader",
        lambda mask, dt, x, B, C: dt[:, None] * ((mask * (C @ B.T)) @ x),
        "with dt[t] in place of dt[s]: it is the step that writes which weighs its value.",
    ),
    Wrong(
        "product of matrices",
        lambda mask, dt, x, B, C: mask @ (C @ B.T) @ (dt[:, None] * x),
        "when mask and scores are multiplied as matrices: each score has its own entry of the "
        "mask, so it is * and not @.",
    ),
)


def _rest(decay: Tensor) -> Tensor:
    """What is left of each note at the end of the chunk, right; 1 for the last one."""
    return torch.cat([decay[1:], torch.ones_like(decay[:1])]).flip(0).cumprod(0).flip(0)


def _divided_carry(h: Tensor, decay: Tensor, x: Tensor, B: Tensor) -> Tensor:
    rest = decay.prod() / decay.cumprod(0)
    return decay.prod() * h + (rest[:, None] * x).T @ B


CARRY = (
    Wrong(
        "old state does not fade",
        lambda h, decay, x, B: h + (_rest(decay)[:, None] * x).T @ B,
        "when the state that enters does not fade: it fades by the product of all decays.",
    ),
    Wrong(
        "notes do not fade",
        lambda h, decay, x, B: decay.prod() * h + x.T @ B,
        "when what the chunk writes does not fade: note s fades in all steps after s.",
    ),
    Wrong(
        "own decay too",
        lambda h, decay, x, B: decay.prod() * h + ((_rest(decay) * decay)[:, None] * x).T @ B,
        "when decay[s] counts for note s as well: a note fades in the steps after its own.",
    ),
    Wrong(
        "products divided",
        _divided_carry,
        "when you divide by the product up to s: after a decay of 0 that is 0/0.",
    ),
    Wrong(
        "transposed",
        lambda h, decay, x, B: decay.prod() * h + B.T @ (_rest(decay)[:, None] * x),
        "when keys and values are exchanged: the state is [P, N], value times key.",
    ),
)
