"""Answer the question, with the gate free and with it held, and keep what the trace says."""

from copy import deepcopy
from functools import lru_cache
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

import marslab
from marslab.systems.tars.clamp import clamp
from marslab.systems.tars.generation import Generation, Sampling
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thought import Run
from marslab.tasks.reasoning import check, solve
from marslab.widgets.frame import Say
from marslab.widgets.views import trained
from marslab.widgets.views.waves.setup import FREE, MAX_BYTES, WavesSetup
from marslab.widgets.views.waves.traced import Gates, gates_of


class Depth(NamedTuple):
    """What each wave would write next, the answer so far given.

    Shapes (W waves, A bytes of the answer, its end included):
        best: [W, A], the likeliest id; chance: [W, A], probability of the byte of the answer
    """

    best: np.ndarray
    chance: np.ndarray


class Passed(NamedTuple):
    """One answer, and how it came about.

    Units:
        ids: what was read and written, `prompt` of them read; ended: whether it wrote an end
        right: None where no second solver knows
        seconds: of writing the answer and of the traced pass, on this machine
    """

    text: str
    ids: list[int]
    prompt: int
    ended: bool
    right: bool | None
    gates: Gates
    depth: Depth
    seconds: float

    @property
    def settled(self) -> int:
        """From which wave on, counted from 1, all bytes are those of the answer."""
        same = (self.depth.best == self.depth.best[-1]).all(1)
        return int(np.flatnonzero(~same).max(initial=-1)) + 2


class WavesResult(NamedTuple):
    """All that the view shows; `held` is None while no gate is."""

    setup: WavesSetup
    experts: tuple[str, ...]
    free: Passed
    held: Passed | None


def run(
    setup: WavesSetup, say: Say = lambda line: None, known: WavesResult | None = None
) -> WavesResult:
    """Ask the model of `setup`; the free answer is taken from `known` where that has it.

    Errors:
        UserError: the model has no such gate

    >>> found = run(WavesSetup("47+38=?", "tars-nano"))
    >>> found.free.text, found.free.right, found.held
    ('7+8=15, 4+3+1=8, 85', True, None)
    """
    say(f"Loading {setup.model}; the first time its kernels are compiled, for some seconds")
    tars = _ready(setup.model)
    again = known is not None and (
        (known.setup.question, known.setup.model) == (setup.question, setup.model)
    )
    free = known.free if known is not None and again else _passed(tars, setup.question, say)
    held = None
    if setup.gate != FREE:
        own = deepcopy(tars)  # hooks sit on a model, and another page may run this one
        with clamp(own, *setup.clamp):
            held = _passed(own, setup.question, say)
    return WavesResult(setup, tars.config.block.mole.experts, free, held)


@lru_cache(maxsize=2)
def _ready(name: str) -> Tars:
    """The model, its kernels compiled, so that no answer is timed with that."""
    model = trained.tars(name)
    ids = model.prompt("1+1=?")
    model.lm.step(ids[:, 0], model.lm.prefill(ids))
    return model


@torch.no_grad()
def _passed(tars: Tars, question: str, say: Say) -> Passed:
    began = perf_counter()
    say("Reading the question")
    prompt = tars.prompt(question)
    stop = tars.tokenizer.eos
    writing = Generation(
        tars.lm, tars.lm.prefill(prompt), Sampling(max_bytes=MAX_BYTES, stop=(stop,))
    )
    for _ in writing:
        say(f"Writing byte {len(writing.ids)}")
    said = tars.tokenizer.decode(writing.ids)
    end = [stop] if writing.stopped else []
    goal = prompt.new_tensor([*writing.ids, *end])
    ids = torch.cat([prompt, goal[None]], 1)
    gates, depth = _watched(tars, ids[:, :-1], goal, say)
    return Passed(
        said,
        ids[0].tolist(),
        prompt.shape[1],
        writing.stopped,
        check(question, said) if solve(question) else None,
        gates,
        depth,
        perf_counter() - began,
    )


def _watched(tars: Tars, ids: Tensor, goal: Tensor, say: Say) -> tuple[Gates, Depth]:
    """One pass over question and answer, traced, and what each wave would write for `goal`."""
    last, best, chance = tars.lm.depth(None), [], []
    with marslab.trace() as seen:
        run = Run(tars.lm, ids)
        for wave in range(1, last + 1):
            say(f"Watching wave {wave} of {last}")
            logits = tars.lm.logits(run.wave())[0, -len(goal) :]
            best.append(logits.argmax(-1))
            chance.append(logits.softmax(-1).gather(-1, goal[:, None])[:, 0])
    depth = Depth(torch.stack(best).numpy(), torch.stack(chance).numpy())
    return gates_of(seen, ids.shape[1]), depth
