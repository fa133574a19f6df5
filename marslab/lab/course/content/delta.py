"""Exercises of 04_rwkv7_delta_rule: write by the delta rule, a step of RWKV-7, two steps as one."""

from collections.abc import Callable

import torch
from torch import Tensor

from marslab.lab.course.content import delta_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "04_rwkv7_delta_rule"
WRITE, STEP, JOIN = (
    recognised(*known) for known in (delta_wrong.WRITE, delta_wrong.STEP, delta_wrong.JOIN)
)


def my_write(S: Tensor, k: Tensor, v: Tensor, rate: float) -> Tensor:
    """The memory after v was written under k: at a rate of 1, k answers v from then on.

    Shapes (V numbers of a value, K of a key): S: [V, K]; k: [K]; v: [V]; returns [V, K]
    """
    missing = v - S @ k
    return S + rate * torch.outer(missing, k)


def my_rwkv7_step(S: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The memory after one step, S diag(e^w) + (S a) b^T + v k^T.

    Shapes (V numbers of a value, K of a key): S: [V, K]; w, k, a, b: [K]; v: [V]; returns [V, K]
    """
    asked = S @ a
    return S * torch.exp(w) + torch.outer(asked, b) + torch.outer(v, k)


def my_step_join(G1: Tensor, U1: Tensor, G2: Tensor, U2: Tensor) -> tuple[Tensor, Tensor]:
    """Two steps S -> S G + U in a row, (G1, U1) and then (G2, U2), as one such step.

    Shapes (V numbers of a value, K of a key): G1, G2: [K, K]; U1, U2: [V, K]; returns G and U
    """
    G = G1 @ G2
    U = U1 @ G2 + U2
    return G, U


def _unit(draw: Draw, K: int) -> Tensor:
    """A key of length 1: along one axis, or aslant between two of them."""
    k = torch.zeros(K, dtype=torch.float64)
    k[draw.integer(0, K - 1)] = 1.0
    if K > 1 and draw.flag():
        k[0], k[1], k[2:] = 0.6, -0.8, 0.0
    return k


def _empty(draw: Draw) -> tuple:
    V, K = draw.size(2), draw.size(2)
    return (
        torch.zeros(V, K, dtype=torch.float64),
        _unit(draw, K),
        draw.tensor(V, low=1, step=1),
        1.0,
    )


def _full(draw: Draw) -> tuple:
    V, K = draw.size(3), draw.size(3)
    return draw.tensor(V, K), _unit(draw, K), draw.tensor(V), 1.0


def _any_write(draw: Draw) -> tuple:
    V, K = draw.size(3), draw.size(3)
    v = draw.tensor(V, low=1, step=1)
    return draw.tensor(V, K), draw.tensor(K), v, draw.choice((1.0, 0.5, 0.25, 2.0))


def _answers(answer: Callable, S: Tensor, k: Tensor, v: Tensor, rate: float) -> None:
    """At rate 1 the key answers what was written."""
    said = answer(S, k, v, rate) @ k
    told = f"Asked right after, the key answers {_numbers(said)}, and {_numbers(v)} was written."
    if torch.allclose(said, S @ k + v):
        told += f" {delta_wrong.ADDED}"
    assert torch.allclose(said, v, rtol=0, atol=1e-6), told


def _spares(answer: Callable, S: Tensor, k: Tensor, v: Tensor, rate: float) -> None:
    """What changed can be seen by the key alone."""
    change = answer(S, k, v, rate) - S
    besides = change - torch.outer(change @ k, k)
    assert besides.abs().max() < 1e-6, delta_wrong.INNOCENT


def _numbers(x: Tensor) -> str:
    return str([round(each, 4) + 0.0 for each in x.tolist()])


def _step(draw: Draw, *, high: int, erases: int = 1, fades: int = 1) -> tuple:
    V, K = draw.size(high), draw.size(high)
    S, v = draw.tensor(V, K, low=1, step=1), draw.tensor(V, low=2, high=3, step=1)
    w, k = fades * draw.tensor(K, low=-2, high=0, step=1), draw.tensor(K, low=1, high=3, step=1)
    a, b = (erases * draw.tensor(K, low=-3, high=-1, step=1) for _ in "ab")
    return S, w, k, v, -a, b


def _reset(draw: Draw) -> tuple:
    S, w, *others = _step(draw, high=3)
    return S, torch.where(w < -1, -torch.inf, w), *others


def _beside_nothing(draw: Draw) -> tuple:
    V, K = draw.size(2), draw.size(2)
    nothing = torch.eye(K, dtype=torch.float64), torch.zeros(V, K, dtype=torch.float64)
    step = draw.tensor(K, K, low=2, high=3, step=1), draw.tensor(V, K, low=1, step=1)
    return (*nothing, *step) if draw.flag() else (*step, *nothing)


def _two_steps(draw: Draw, high: int) -> tuple:
    V, K = draw.size(high), draw.size(high)
    first, then = (
        (draw.tensor(K, K, low=-1, high=3, step=1), draw.tensor(V, K, low=1, step=1))
        for _ in range(2)
    )
    return *first, *then


EXERCISES = (
    Exercise(
        id="delta.1",
        name="my_write",
        notebook=NOTEBOOK,
        title="Write under a key by the delta rule",
        solution=my_write,
        checks=(
            Check("an empty memory takes the pair", _empty, WRITE),
            Check("at a rate of 1 the key answers what was written", _full, law=_answers),
            Check("a key at right angles does not notice", _full, law=_spares),
            Check("goes the share `rate` of the way, for any key", _any_write, WRITE),
        ),
        hints=(
            "What does the memory answer to k before you write, and what is missing from that?",
            "missing = v - S @ k is a vector like v. torch.outer makes a table of it and the key.",
            "S + rate * torch.outer(missing, k): rows belong to the value, columns to the key.",
        ),
        wrong=delta_wrong.WRITE,
    ),
    Exercise(
        id="delta.2",
        name="my_rwkv7_step",
        notebook=NOTEBOOK,
        title="One step of RWKV-7",
        solution=my_rwkv7_step,
        checks=(
            Check("writes v under k", lambda x: _step(x, high=2, erases=0, fades=0), STEP),
            Check(
                "asks with a, puts the answer along b", lambda x: _step(x, high=3, fades=0), STEP
            ),
            Check("each number of the key fades by its own", lambda x: _step(x, high=3), STEP),
            Check("takes w = -inf, which forgets", _reset, STEP),
        ),
        hints=(
            "Three terms, each [V, K]. Begin with v k^T, which is torch.outer(v, k).",
            "S @ a is a vector like v: what the memory answers to a. It goes along b as v goes "
            "along k. All of it asks the S from before the step.",
            "S * torch.exp(w) fades column by column, since w is as long as a row. Add the two "
            "outer products.",
        ),
        wrong=delta_wrong.STEP,
    ),
    Exercise(
        id="delta.3",
        name="my_step_join",
        notebook=NOTEBOOK,
        title="Two steps with matrices, as one step",
        solution=my_step_join,
        checks=(
            Check("a step joined with (identity, 0) stays itself", _beside_nothing, JOIN),
            Check("numbers: one step does what the two did", lambda x: _two_steps(x, 1), JOIN),
            Check("matrices: the order matters", lambda x: _two_steps(x, 3), JOIN),
        ),
        hints=(
            "Take a memory S. What is it after the first step? Put that into the second.",
            "(S G1 + U1) G2 + U2. Multiply out and keep the order: what follows S is the new G, "
            "the rest is the new U.",
            "The new G is G1 @ G2. The new U is U1 @ G2 + U2.",
        ),
        wrong=delta_wrong.JOIN,
    ),
)
