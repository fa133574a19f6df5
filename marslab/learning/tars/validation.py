"""What a trained TARS can do on problems that it never saw, and which way of stopping is best."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from marslab.learning.tars import scoring
from marslab.learning.tars.each_wave import flawless, worked
from marslab.learning.tars.plan import Validation
from marslab.learning.tars.scoring import Reply, accuracy, exact, held_out, observations, replies
from marslab.systems.tars.config import ExitConfig
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thinking import rule_of
from marslab.tasks.reasoning import Problem
from marslab.thinking.exits import Observation

TWO_DIGITS = {"add": 0.5, "sub": 0.5}
QUADRATICS = {"quadratic": 1.0}
RULES = ("auditor", "entropy", "halting", "small_step")
QUESTIONS = (
    "Привет!",
    "Сколько дней в году?",
    "Реши: 3x^2 - 12x + 9 = 0",
    "Докажи, что корень из 2 иррационально",
)


def validate(
    tars: Tars, plan: Validation, families: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Every score of a trained model, as plain numbers: what the model card shows.

    `families` are those it was trained on; None means all of them.
    """
    lm, count = tars.lm, plan.problems
    asked = held_out(count, families)
    mixed = accuracy(asked, _answers(tars, asked))
    special = {
        "two_digits": [each for each in held_out(count, TWO_DIGITS) if _two_digits(each)],
        "quadratics": held_out(min(count, 400), QUADRATICS)
        if families is None or "quadratic" in families
        else [],
    }
    return {
        "held_out": mixed,
        **{
            name: accuracy(problems, _answers(tars, problems))
            for name, problems in special.items()
            if problems
        },
        "depth": {
            str(waves): share for waves, share in enumerate(exact(lm, tars.tokenizer, asked), 1)
        },
        "exits": exit_table(tars, held_out(plan.exits, families)),
        "walkthrough": [_asked(tars, question) for question in QUESTIONS],
        "counts": {"held_out": len(asked)} | {name: len(p) for name, p in special.items() if p},
    }


def exit_table(tars: Tars, asked: Sequence[Problem]) -> list[dict[str, Any]]:
    """For each way of stopping: accuracy, mean waves, share of the FLOPs of all waves, firings.

    An answer is right here if it is the generator's, byte for byte. The cost of a wave is about
    the same whichever it is, so a thought's share of the FLOPs is its share of the waves. `fired`
    is the share of the questions where the rule itself said stop.
    """
    lm = tars.lm
    most, right = lm.config.waves.count, flawless(lm, worked(tars.tokenizer, asked))
    seen = observations(lm, tars.tokenizer, [each.prompt for each in asked])
    fixed = ((f"fixed {waves}", [waves] * len(asked)) for waves in range(1, most + 1))
    table = [_row(name, right, waves, 1.0) for name, waves in fixed]
    for name in RULES:
        exits = ExitConfig(rule=name)  # pyright: ignore[reportArgumentType]
        stops = [_stop(lm, exits, most, each) for each in seen]
        fired = sum(said for _, said in stops) / len(stops)
        table.append(_row(name, right, [waves for waves, _ in stops], fired))
    return table


def _stop(
    lm: TarsLM, exits: ExitConfig, most: int, seen: Sequence[Observation]
) -> tuple[int, bool]:
    found = rule_of(exits, lm.halting, most, None).run(seen)
    return int(found.wave), bool(found.fired)


def _row(name: str, right: Tensor, waves: Sequence[int], fired: float) -> dict[str, Any]:
    """A row of the table; right [waves, problems] says where each depth answers without fault."""
    mean = sum(waves) / len(waves)
    hits = [right[wave - 1, at].item() for at, wave in enumerate(waves)]
    return {
        "rule": name,
        "accuracy": sum(hits) / len(hits),
        "waves": mean,
        "flops": mean / len(right),
        "fired": fired,
    }


def _answers(tars: Tars, asked: Sequence[Problem]) -> list[Reply]:
    return replies(tars.lm, tars.tokenizer, [each.prompt for each in asked])


def _two_digits(problem: Problem) -> bool:
    """Whether a sum or difference has two numbers of two digits."""
    numbers = "".join(c if c.isdigit() else " " for c in problem.prompt).split()
    return len(numbers) == 2 and all(len(number) == 2 for number in numbers)


def _asked(tars: Tars, question: str) -> dict[str, Any]:
    with torch.no_grad():
        answer = tars.ask(question, max_bytes=scoring.MOST)
    return {"question": question, **vars(answer)}
