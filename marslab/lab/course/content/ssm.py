"""Exercises of 02_selective_ssm: a selective step, the kernel of a fixed model, an exact step."""

from collections.abc import Callable

import torch
from torch import Tensor

from marslab.lab.course.content import ssm_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "02_selective_ssm"
STEP, KERNEL = recognised(*ssm_wrong.STEP), recognised(*ssm_wrong.KERNEL)
FADING = recognised(*ssm_wrong.FADING)
FRACTION, DIGITS = recognised(*ssm_wrong.STANDING[:2]), recognised(ssm_wrong.STANDING[2])


def my_selective_step(
    h: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of all rows and channels: h = exp(dt A) h + dt B x, and then y = C h.

    Shapes (R rows, D channels, N states): h: [R, D, N]; x, dt: [R, D]; A: [D, N]; B, C: [R, N];
    returns the new h, [R, D, N], and y, [R, D]
    """
    dt, x = dt[:, :, None], x[:, :, None]
    h = torch.exp(dt * A) * h + dt * B[:, None, :] * x
    y = (C[:, None, :] * h).sum(-1)
    return h, y


def my_kernel(decay: Tensor, push: Tensor, C: Tensor, length: int) -> Tensor:
    """The weight K that an input has in the output, for the ages 0, 1, ...

    Shapes (N states): decay, what a step keeps, push, what it takes in of x, C, how it is read:
    [N] each; returns [length]
    """
    K = torch.zeros(length, dtype=decay.dtype, device=decay.device)
    left = push
    for age in range(length):
        K[age] = (C * left).sum()
        left = decay * left
    return K


def my_zoh(dt: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """What a step keeps, exp(dt A), and takes in, (exp(dt A) - 1) / A, which is dt where A is 0.

    Shapes: dt, A: [n] each; returns two tensors, [n] each
    """
    z = dt * A
    near = z.abs() < 1e-4
    safe = torch.where(near, 1.0, z)
    mean = torch.where(near, 1 + z / 2 + z * z / 6, torch.expm1(safe) / safe)
    return torch.exp(z), dt * mean


def _operands(draw: Draw, *, rows: int = 1, channels: int = 1, states: int = 1) -> tuple:
    R, D, N = draw.size(rows), draw.size(channels), draw.size(states)
    h, x = draw.tensor(R, D, N, low=1, step=1), draw.tensor(R, D, low=1, high=3, step=1)
    dt, A = draw.tensor(R, D, low=0.5, high=1), draw.tensor(D, N, low=-1, high=-0.5)
    return h, x, dt, A, *(draw.tensor(R, N, low=1, high=3, step=1) for _ in "BC")


def _no_time(draw: Draw) -> tuple:
    h, x, dt, *others = _operands(draw)
    return h, x, 0 * dt, *others


def _fixed(draw: Draw, *, states: int, length: int) -> tuple:
    N = draw.size(states)
    push = 1 + 2 * draw.tensor(N, low=0, high=1, step=1)  # not 2, which undoes a decay of 0.5
    C = draw.tensor(N, low=2, high=3, step=1)
    return draw.tensor(N, low=0.25, high=0.75), push, C, draw.size(length)


def _forgetful(draw: Draw) -> tuple:
    N = draw.size(2)
    decay = draw.tensor(N, low=0, high=1, step=0.5)
    return decay, draw.tensor(N), draw.tensor(N), draw.size(4)


def _fading(draw: Draw) -> tuple:
    n = draw.size(3)
    return draw.tensor(n, low=0.5, step=0.5), draw.tensor(n, low=-2, high=-0.5, step=0.5)


def _standing(draw: Draw) -> tuple:
    dt = draw.tensor(draw.size(2), low=1, step=1)
    return dt, torch.zeros_like(dt)


def _nearly_standing(draw: Draw) -> tuple:
    dt = draw.tensor(1, low=1, high=3, step=1)
    return dt, torch.full_like(dt, -draw.choice((1e-12, 1e-13, 1e-9)))


def _slope(answer: Callable, dt: Tensor, A: Tensor) -> None:
    """The derivative of what is taken in, by A, where A is 0."""
    A = A.clone().requires_grad_()
    bare = getattr(answer, "answer", answer)  # a guarded call gets copies: no gradient passes
    takes = bare(dt, A)[1]
    assert takes.requires_grad, "No gradient reaches A: compute with tensors all the way."
    (slope,) = torch.autograd.grad(takes.sum(), A)
    assert not slope.isnan().any(), ssm_wrong.NAN_GRADIENT
    wanted = dt * dt / 2
    assert torch.allclose(slope, wanted, rtol=0, atol=1e-6), (
        f"The derivative by A is {slope.tolist()}, expected dt * dt / 2 = {wanted.tolist()}: "
        f"{ssm_wrong.NEAR_ZERO}"
    )


EXERCISES = (
    Exercise(
        id="ssm.1",
        name="my_selective_step",
        notebook=NOTEBOOK,
        title="One selective step of all rows and channels",
        solution=my_selective_step,
        checks=(
            Check("a step of no time leaves the state as it is", _no_time, STEP),
            Check("one row, one channel, one state", _operands, STEP),
            Check("reads the sum over the states", lambda x: _operands(x, states=3), STEP),
            Check(
                "keeps rows and channels apart",
                lambda draw: _operands(draw, rows=3, channels=3, states=3),
                STEP,
            ),
        ),
        hints=(
            "Write the shape of each operand under it. The state is [R, D, N]: which axis does "
            "dt lack, and which B?",
            "dt[:, :, None] and x[:, :, None] are [R, D, 1], B[:, None, :] and C[:, None, :] are "
            "[R, 1, N]. A fits as it is. Now every product is [R, D, N].",
            "h = torch.exp(dt[:, :, None] * A) * h + (dt * x)[:, :, None] * B[:, None, :], then "
            "y is the sum of C[:, None, :] * h over its last axis.",
        ),
        wrong=ssm_wrong.STEP,
    ),
    Exercise(
        id="ssm.2",
        name="my_kernel",
        notebook=NOTEBOOK,
        title="The convolution kernel of a fixed model",
        solution=my_kernel,
        checks=(
            Check(
                "an input counts in its own step",
                lambda draw: _fixed(draw, states=1, length=1),
                KERNEL,
            ),
            Check("fades with its age", lambda x: _fixed(x, states=1, length=4), KERNEL),
            Check("adds up the states", lambda x: _fixed(x, states=3, length=4), KERNEL),
            Check("takes a decay of 0", _forgetful, KERNEL),
        ),
        hints=(
            "Follow one input of 1. What is in each state right after its step, and one step on?",
            "At age 0 the states hold push, at age k they hold decay ** k * push. K[k] is what C "
            "reads of them.",
            "Start with left = push. For each age: K[age] = (C * left).sum(), then left = decay "
            "* left.",
        ),
        wrong=ssm_wrong.KERNEL,
    ),
    Exercise(
        id="ssm.3",
        name="my_zoh",
        notebook=NOTEBOOK,
        title="An exact step that survives A = 0",
        solution=my_zoh,
        checks=(
            Check("an input that holds still", _fading, FADING),
            Check("takes in dt where A is 0", _standing, FRACTION),
            Check("keeps its digits near A = 0", _nearly_standing, DIGITS),
            Check("has the right gradient at A = 0", _standing, law=_slope),
        ),
        hints=(
            "Work with z = dt * A: what is taken in is dt times (exp(z) - 1) / z. What does that "
            "fraction tend to as z goes to 0?",
            "torch.expm1(z) is exp(z) - 1 with all its digits. For small |z| use the series "
            "1 + z / 2 + z * z / 6, and torch.where to choose between the two.",
            "near = z.abs() < 1e-4, then safe = torch.where(near, 1.0, z), so that nothing is "
            "divided by 0, also in the gradient: torch.where(near, series, torch.expm1(safe) / "
            "safe).",
        ),
        wrong=(*ssm_wrong.FADING, *ssm_wrong.STANDING, *ssm_wrong.IN_GRADIENT),
    ),
)
