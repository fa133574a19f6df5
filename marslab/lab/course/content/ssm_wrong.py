"""Known wrong answers to the exercises of notebook 02, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _step(h: Tensor, keeps: Tensor, takes: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    h = keeps * h + takes
    return h, (C[:, None] * h).sum(-1)


def _without_dt(h, x, dt, A, B, C) -> tuple[Tensor, Tensor]:
    return _step(h, (dt[..., None] * A).exp(), x[..., None] * B[:, None], C)


def _growing(h, x, dt, A, B, C) -> tuple[Tensor, Tensor]:
    return _step(h, (-dt[..., None] * A).exp(), (dt * x)[..., None] * B[:, None], C)


def _read_before(h, x, dt, A, B, C) -> tuple[Tensor, Tensor]:
    new, _ = _step(h, (dt[..., None] * A).exp(), (dt * x)[..., None] * B[:, None], C)
    return new, (C[:, None] * h).sum(-1)


def _exchanged(h, x, dt, A, B, C) -> tuple[Tensor, Tensor]:
    return _step(h, (dt[..., None] * A).exp(), (dt * x)[..., None] * C[:, None], B)


def _laid_out_wrong(h, x, dt, A, B, C) -> tuple[Tensor, Tensor]:
    return _step(h, (dt[..., None] * A).exp(), (dt * x)[:, None] * B[..., None], C)


STEP = (
    Wrong(
        "no dt before the input",
        _without_dt,
        "when dt is missing before B x: the longer a step, the more it takes in.",
    ),
    Wrong(
        "wrong sign",
        _growing,
        "with exp(-dt A): A is negative already, so the state would grow.",
    ),
    Wrong(
        "read before the step",
        _read_before,
        "when y is read from the state before the step: first write, then read.",
    ),
    Wrong(
        "B and C exchanged",
        _exchanged,
        "when B and C are exchanged: B writes, C reads.",
    ),
    Wrong(
        "laid out the other way",
        _laid_out_wrong,
        "when B x is laid out as [rows, N, D]: the state is [rows, D, N].",
    ),
)


def _kernel(decay: Tensor, weight: Tensor, ages: Tensor) -> Tensor:
    return (decay ** ages.to(decay)[:, None] * weight).sum(-1)


def _age_as_factor(decay: Tensor, push: Tensor, C: Tensor, length: int) -> Tensor:
    ages = torch.arange(length).to(decay)[:, None]
    return (C * push * torch.where(ages == 0, 1.0, ages * decay)).sum(-1)


KERNEL = (
    Wrong(
        "ages from 1",
        lambda decay, push, C, length: _kernel(decay, C * push, torch.arange(1, length + 1)),
        "when the newest input has age 1: it is read in the step that wrote it, at age 0.",
    ),
    Wrong(
        "oldest first",
        lambda decay, push, C, length: _kernel(decay, C * push, torch.arange(length).flip(0)),
        "when the oldest input stands first: K[0] is the weight of the newest.",
    ),
    Wrong(
        "age as a factor",
        _age_as_factor,
        "when the decay is multiplied by the age: it acts once in each step, so it is a power.",
    ),
    Wrong(
        "one decay for all",
        lambda decay, push, C, length: _kernel(
            decay.mean()[None], (C * push).sum()[None], torch.arange(length)
        ),
        "when the states share their mean decay: each fades at its own rate, so add them up last.",
    ),
)


def _plain(dt: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    keeps = torch.exp(dt * A)
    return keeps, (keeps - 1) / A


def _chosen_afterwards(dt: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    keeps, takes = _plain(dt, A)
    return keeps, torch.where(A == 0, dt, takes)


def _unsafe_gradient(dt: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    z = dt * A
    return torch.exp(z), torch.where(A == 0, dt, torch.expm1(z) / A)


def _flat_at_zero(dt: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    z, safe = dt * A, torch.where(A == 0, 1.0, A)
    return torch.exp(z), torch.where(A == 0, dt, torch.expm1(z) / safe)


FADING = (
    Wrong(
        "euler",
        lambda dt, A: (torch.exp(dt * A), dt.clone()),
        "with euler's dt: while the input comes in, the state is fading already.",
    ),
    Wrong(
        "mean decay",
        lambda dt, A: (torch.exp(dt * A), torch.expm1(dt * A) / (dt * A)),
        "when you divide by dt A: that is the mean decay of a step, and the step is dt long.",
    ),
)
STANDING = (
    Wrong("plain fraction", _plain, "from the plain fraction: at A = 0 it is 0/0."),
    Wrong(
        "a small number added",
        lambda dt, A: (torch.exp(dt * A), (torch.exp(dt * A) - 1) / (A + 1e-8)),
        "when a small number is added to A: at A = 0 that gives 0 over the small number.",
    ),
    Wrong(
        "digits lost",
        _chosen_afterwards,
        "from exp(z) - 1 near z = 0, where most digits cancel: torch.expm1(z) keeps them.",
    ),
)
NAN_GRADIENT = (
    "The gradient of A is NaN: torch.where hides the 0/0 of the branch that it does not take, but "
    "the gradient still passes there. Make the divisor safe before you divide."
)
NEAR_ZERO = "near 0 the fraction (exp(z) - 1) / z is 1 + z / 2, not 1 alone."
# Right in value: only the law of the gradient can tell these.
IN_GRADIENT = (
    Wrong("unsafe gradient", _unsafe_gradient, NAN_GRADIENT),
    Wrong("flat at 0", _flat_at_zero, NEAR_ZERO),
)
