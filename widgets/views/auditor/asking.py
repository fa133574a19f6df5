"""A trained TARS asked: its thought wave by wave from the trace, and what it says after a wave."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

import marslab
from marslab.learning.tars.scoring import held_out, replies
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thinking import Thinker
from marslab.tasks.reasoning import Problem, check
from marslab.widgets.frame import Say
from marslab.widgets.views import trained
from marslab.widgets.views.auditor.setup import THRESHOLDS, AuditorSetup
from marslab.widgets.views.auditor.stops import Audited

SIDE_BY_SIDE = 64  # prompts between two lines of progress
Answers = list[dict[int, str]]


class Thought(NamedTuple):
    """One thought of the model: its events "auditor" from the trace, and its answers.

    `task` is what the reflex takes the question for; `answers` holds what the model says after
    each wave at which some threshold of the slider stops it, and after the last one.
    """

    events: pd.DataFrame
    task: str | None
    answers: dict[int, str]


class Batch(NamedTuple):
    """Thoughts about problems that training never showed, and whether each answer was right.

    Shapes (B problems, T waves):
        f, entropy, halting: [B, T] from the trace; entropy in nats, halting a probability
        said: for each problem its answers by wave, as far as they were asked for
    """

    problems: list[Problem]
    f: Tensor
    entropy: Tensor
    halting: Tensor
    said: Answers

    def right(self, waves: Sequence[int]) -> list[bool]:
        """Whether each problem's answer after its wave is right."""
        rows = zip(self.problems, self.said, waves, strict=True)
        return [check(problem, said[wave]) for problem, said, wave in rows]


def thought(tars: Tars, question: str, task: str | None = None) -> pd.DataFrame:
    """The events "auditor" of a thought that takes all its waves, whatever any rule says.

    >>> from marslab.systems.tars.config import TarsConfig
    >>> events = thought(Tars(TarsConfig(d_model=32)).eval(), "2+2=?")
    >>> len(events) == TarsConfig().waves.count and "f" in events
    True
    """
    exits = replace(tars.config.exits, rule="fixed")
    with marslab.trace() as seen:
        Thinker(tars.lm, exits).think(tars.prompt(question), task=task)
    return seen.frame("auditor")


def question(setup: AuditorSetup, say: Say) -> Thought:
    """Let the model think about the question of `setup`, and answer where it may stop."""
    tars = trained.tars(setup.model)
    task = tars.reflex.read([setup.question])[0].task
    say("Thinking")
    events = thought(tars, setup.question, task)
    waves = reached(_steps([events]), setup.rule)
    return Thought(events, task, answers(tars, [setup.question], waves, say)[0])


def batch(setup: AuditorSetup, say: Say) -> Batch:
    """Let the model think about problems of the families that it was trained on."""
    tars = trained.tars(setup.model)
    problems = held_out(setup.size, trained.families(setup.model), setup.seed)
    found = []
    for at, problem in enumerate(problems, 1):
        say(f"Thinking about problem {at} of {len(problems)}")
        found.append(thought(tars, problem.prompt))
    f = _steps(found)
    said = answers(tars, [each.prompt for each in problems], reached(f, setup.rule), say)
    return Batch(problems, f, _steps(found, "entropy"), _steps(found, "halting"), said)


def reached(f: Tensor, rule: str) -> list[set[int]]:
    """For each thought [B, T] the waves at which a threshold of the slider stops it; the last.

    >>> reached(torch.ones(1, 6), "ours")
    [{6}]
    """
    audited, last = Audited(f), f.shape[1]
    found = torch.stack([audited.stops(each, rule).wave for each in THRESHOLDS], 1)
    return [{*row, last} for row in found.tolist()]


def answers(tars: Tars, prompts: Sequence[str], waves: Sequence[set[int]], say: Say) -> Answers:
    """What the model says to each prompt after each of its waves; `say` may stop it in between."""
    wanted = [(wave, at) for at, those in enumerate(waves) for wave in those]
    sizes = [len(tars.prompt(prompt)[0]) for prompt in prompts]
    wanted.sort(key=lambda one: (one[0], sizes[one[1]]))
    found: Answers = [{} for _ in prompts]
    done = 0
    for _, alike in groupby(wanted, key=lambda one: (one[0], sizes[one[1]])):
        rows = list(alike)
        for start in range(0, len(rows), SIDE_BY_SIDE):
            some = rows[start : start + SIDE_BY_SIDE]
            say(f"Answering, {done} of {len(wanted)} done")
            texts = [prompts[at] for _, at in some]
            given = replies(tars.lm, tars.tokenizer, texts, [wave for wave, _ in some])
            for (wave, at), reply in zip(some, given, strict=True):
                found[at][wave] = reply.text
            done += len(some)
    return found


def _steps(found: Sequence[pd.DataFrame], name: str = "f") -> Tensor:
    return torch.tensor([each[name].tolist() for each in found], dtype=torch.float64)
