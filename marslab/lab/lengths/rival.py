"""MARS and a Transformer of its size: reading at once, one more step, learning the digits."""

from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.roofline import watch
from marslab.lab.lengths.layers import WARM_UP, turns
from marslab.lab.lengths.plan import LengthsPlan, Stack
from marslab.lab.lengths.table import MODEL
from marslab.layers.attention import KVCache
from marslab.layers.mars_block import MarsBlock, State
from marslab.learning.fit import EpochRecord, fit
from marslab.seeding import seed_everything
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.model import MarsModel
from marslab.tasks import load_digits_sequences
from marslab.thinking.recursion import ReasonerConfig

SPARE = 64  # steps of room behind a filled cache: decoding should not have to move it
FILL = 0.1  # what stands in a filled cache changes no time


class Body(NamedTuple):
    """The blocks of a model, and what they carry on."""

    blocks: nn.ModuleList
    states: list[State]

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """x [B, L, D] through all blocks, each from its state; the states move on."""
        for at, block in enumerate(self.blocks):
            x, self.states[at] = cast(MarsBlock, block).carried(x, self.states[at])
        return x


def blocks(stack: Stack) -> nn.ModuleList:
    """The body of a model, with random weights."""
    torch.manual_seed(0)
    made = (MarsBlock(stack.d_model, stack.block) for _ in range(stack.layers))
    return nn.ModuleList(made).eval()


def parameters(stack: Stack) -> int:
    """How many parameters its blocks have."""
    with torch.device("meta"):
        made = MarsBlock(stack.d_model, stack.block)
    return stack.layers * sum(p.numel() for p in made.parameters())


def readings(plan: LengthsPlan) -> list[dict[str, Any]]:
    """Both models at every length of `reads`, by turns: times, and the most memory."""
    calls = {}
    for kind, stack in plan.models.items():
        body = blocks(stack)
        _through(body, torch.randn(1, WARM_UP, stack.d_model))
        for length in plan.reads:
            calls[kind, length] = partial(_through, body, torch.randn(1, length, stack.d_model))
    return [
        {"part": MODEL, "kind": kind, "length": length, **timed._asdict()}
        for (kind, length), timed in turns(calls, plan.rounds, plan.slow).items()
    ]


def steppings(plan: LengthsPlan) -> list[dict[str, Any]]:
    """Both models taking one more step after every context, the two by turns."""
    found = []
    for rows in plan.rows:
        for context in plan.contexts:
            bodies = {kind: after(stack, rows, context) for kind, stack in plan.models.items()}
            sizes = {kind: state_bytes(body) for kind, body in bodies.items()}
            taken = _steps(bodies, rows, plan)
            for kind in bodies:
                point = {"kind": kind, "rows": rows, "context": context}
                found.append(point | {"ms": taken[kind], "state_bytes": sizes[kind]})
    return found


def after(stack: Stack, rows: int, context: int) -> Body:
    """A body that has read `context` steps.

    A state of one size is that after a few steps; a cache is filled to the length of the context,
    since reading so much would take minutes and give no other time.
    """
    made = blocks(stack)
    body = Body(made, [None] * len(made))  # pyright: ignore[reportArgumentType]
    body.step(torch.randn(rows, WARM_UP, stack.d_model))
    for at, state in enumerate(body.states):
        if isinstance(state, KVCache):
            shape = (*state.k.shape[:2], context + SPARE, state.k.shape[3])
            body.states[at] = KVCache(torch.full(shape, FILL), torch.full(shape, FILL), context)
    return body


def state_bytes(body: Body) -> int:
    """Bytes of what is carried from step to step."""
    return sum(
        state.bytes if isinstance(state, KVCache) else sum(x.nbytes for x in state if x is not None)
        for state in body.states
    )


def lesson(plan: LengthsPlan, kind: str, seed: int) -> dict[str, Any]:
    """One model learns the digits, pixel by pixel; seconds and held-out losses by epoch."""
    stack, split = plan.learners[kind], load_digits_sequences()
    seed_everything(seed)
    model = MarsModel(learner(stack))
    seconds, losses, spent = [], [], 0.0
    began = perf_counter()

    def look(record: EpochRecord) -> None:
        nonlocal spent
        seconds.append(perf_counter() - began - spent)
        losses.append(_held_out(model, split.test_x, split.test_y))
        spent += perf_counter() - began - spent - seconds[-1]

    fit(model, split, epochs=plan.epochs, lr=stack.lr, seed=seed, batch=plan.batch, on_epoch=look)
    return {"kind": kind, "seed": seed, "seconds": seconds, "losses": losses}


def learner(stack: Stack) -> MarsConfig:
    """A classifier of pixels whose blocks are all it has: no memory, no reasoner."""
    return MarsConfig(
        stack.d_model,
        stack.layers,
        n_classes=10,
        input="pixels",
        block=stack.block,
        hdc=HdcConfig(enabled=False),
        reasoner=ReasonerConfig(enabled=False),
    )


def _steps(bodies: dict[str, Body], rows: int, plan: LengthsPlan) -> dict[str, list[float]]:
    """Milliseconds of each step, one body after the other."""
    taken: dict[str, list[float]] = {kind: [] for kind in bodies}
    for at in range(-1, plan.steps):
        for kind, body in bodies.items():
            x = torch.randn(rows, 1, plan.models[kind].d_model)
            body.step(x)  # untimed: the caches are still full of the other model
            seconds = watch(partial(body.step, x))()
            if at >= 0:
                taken[kind].append(1e3 * seconds)
    return taken


@torch.no_grad()
def _through(body: nn.ModuleList, x: Tensor) -> Tensor:
    for block in body:
        x = block(x)
    return x


@torch.no_grad()
def _held_out(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    return F.cross_entropy(model(x), y).item()
