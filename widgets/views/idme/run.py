"""Think with the pool, and keep what the trace says of every round."""

import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

import marslab
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thinking import Thinker
from marslab.thinking.idme import IDME
from marslab.thinking.loops import KINDS, LoopDetector, Loops
from marslab.thinking.pool import MatrixPool
from marslab.tracing import Trace, emit, recording
from marslab.widgets.figures.idme_record import IdmeRecord, idme_record
from marslab.widgets.frame import Say
from marslab.widgets.views import trained
from marslab.widgets.views.idme.setup import IdmeSetup
from marslab.widgets.views.idme.turning import turning

MOST = 48  # bytes of an answer


class Answers(NamedTuple):
    """The answer without the pool, and with what the pool added."""

    off: str
    on: str


class IdmeRun(NamedTuple):
    """All that the view shows; `answers` is None where no model was asked.

    Shapes (R winners, D width):
        path: [R + 1, D], the states of the thought from the first round on
    """

    setup: IdmeSetup
    trace: Trace
    record: IdmeRecord
    path: Tensor
    answers: Answers | None


@dataclass(frozen=True)
class ToldDetector(LoopDetector):
    """A loop detector that tells the trace what it sees of one thought.

    Emits "idme_loop": kind, lag, ratio, window, the state before and the new one.

    >>> with marslab.trace() as seen:
    ...     _ = ToldDetector().check(torch.eye(4)[None, [0, 1, 0, 1, 0, 1, 0]])
    >>> seen.events[0].fields["kind"], seen.events[0].fields["lag"]
    ('cycle', 2)
    """

    def check(self, states: Tensor) -> Loops:
        """Judge a batch of thoughts [B, n, D], and tell of the first."""
        loops = super().check(states)
        if recording():
            emit(
                "idme_loop",
                kind=KINDS[int(loops.kind[0])],
                lag=int(loops.lag[0]),
                ratio=float(loops.ratio[0]),
                window=self.window,
                before=states[0, -2],
                new=states[0, -1],
            )
        return loops


def run(setup: IdmeSetup, say: Say = lambda line: None) -> IdmeRun:
    """Think as `setup` says.

    Errors:
        UserError: the model's file is damaged

    >>> found = run(IdmeSetup(source="turning", angle=90))
    >>> found.record.reason, found.record.rounds[-1].loop.kind
    ('loop', 'cycle')
    """
    if setup.source == "turning":
        return _turned(setup, say)
    say(f"Loading {setup.model}")
    tars = trained.tars(setup.model)
    lm = copy.deepcopy(tars.lm)  # the shipped one is everybody's, and a pool grows
    lm.idme = _core(lm, setup)
    prompt = tars.prompt(setup.question)
    for time in range(setup.asked):
        say(f"Asking before, {time + 1} of {setup.asked}")
        _thought(lm, tars, prompt, setup)
    say("Thinking")
    with marslab.trace() as seen:
        _tell_pool(lm.idme)
        on = _thought(lm, tars, prompt, setup)
    say("Answering without the pool and with it")
    off = lm.prefill(prompt.expand(2, -1))
    return _kept(setup, seen, Answers(*_said(tars, lm, off, on)))


def _turned(setup: IdmeSetup, say: Say) -> IdmeRun:
    say("Turning")
    idme, h = turning(setup)
    idme.detector = ToldDetector(near=setup.near)
    with marslab.trace() as seen:
        _tell_pool(idme)
        found = idme(h)
        emit("idme_end", rounds=int(found.rounds), reason=found.reason[0])
    return _kept(setup, seen, None)


def _kept(setup: IdmeSetup, seen: Trace, answers: Answers | None) -> IdmeRun:
    return IdmeRun(setup, seen, idme_record(seen), path_of(seen), answers)


def _core(lm: TarsLM, setup: IdmeSetup) -> IDME:
    """IDME with the reader's settings, the model's value head, and its blocks or fresh ones."""
    old = lm.idme
    assert old is not None  # every shipped TARS has one
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setup.seed)
        pool = old.pool if setup.pool == "trained" else MatrixPool(old.pool.config)
        detector = ToldDetector(near=setup.near)
        config = replace(setup.config, value_width=old.config.value_width)
        made = IDME(pool, config, auditor=setup.judge, detector=detector)
    made.value_head = old.value_head
    return made.eval().requires_grad_(False)


def _tell_pool(idme: IDME) -> None:
    emit("idme_pool", efficiency=idme.pool.efficiency)


def _thought(lm: TarsLM, tars: Tars, prompt: Tensor, setup: IdmeSetup) -> TarsState:
    """The state after all waves and the rounds; no exit rule may end the waves before."""
    spent = replace(tars.config.exits, rule="small_step", small_step=0.0)
    task = tars.reflex.read([setup.question])[0].task
    thinker = Thinker(lm, spent, learn=True)
    return thinker.think(prompt, task=task, most_rounds=setup.rounds).state


@torch.no_grad()
def _said(tars: Tars, lm: TarsLM, off: TarsState, on: TarsState) -> list[str]:
    """Both greedy answers, side by side: two rows cost what one does."""
    assert on.steer is not None
    state = off._replace(
        logits=torch.cat([off.logits[:1], on.logits]),
        steer=torch.cat([torch.zeros_like(on.steer), on.steer]),
    )
    end, rows = tars.tokenizer.eos, list[Tensor]()
    done = torch.zeros(2, dtype=torch.bool)
    while len(rows) < MOST:
        byte = state.logits.argmax(-1).cpu()
        done |= byte == end
        if bool(done.all()):
            break
        rows.append(torch.where(done, end, byte))
        _, state = lm.step(byte.to(off.logits.device), state)
    said = torch.stack(rows, 1).tolist() if rows else [[], []]
    return [tars.tokenizer.decode([byte for byte in row if byte != end]) for row in said]


def path_of(trace: Trace) -> Tensor:
    """The states of a thought, first to last, from what its detector told; [R + 1, D].

    >>> path_of(run(IdmeSetup(source="turning", rounds=3)).trace).shape
    torch.Size([4, 4])
    """
    seen = [event.fields for event in trace.events if event.name == "idme_loop"]
    won = [round.winner >= 0 for round in idme_record(trace).rounds]
    first = [told["before"] for told in seen[:1]]
    taken = [told["new"] for told, wins in zip(seen, won, strict=False) if wins]
    return torch.stack([*first, *taken])  # pyright: ignore[reportArgumentType]
