"""How good a reflex is: what it gets right, and whether its confidence can be believed."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.learning.calibration import calibration_error
from marslab.learning.reflex_data import Example, tensors
from marslab.systems.tars.reflex import INTENTS, ReflexCore

COMPLEX = INTENTS.index("complex")


class Scores(NamedTuple):
    """How a reflex does on examples that it did not see.

    Units:
        intent, task, complexity: share that is right, 0..1
        intent_error, confidence_error: expected calibration error over 15 bins, 0..1
        answered: share of the answerable that it is sure enough to answer
        wrongly: share of all examples that it would answer and must not
    """

    intent: float
    intent_error: float
    confidence_error: float
    task: float
    complexity: float
    answered: float
    wrongly: float


@torch.no_grad()
def scores(core: ReflexCore, examples: Sequence[Example]) -> Scores:
    """Score a reflex on labelled examples; a head that is off scores 0.

    >>> 0 <= scores(ReflexCore(), [Example("hi", "greeting", "chat", "trivial")]).intent <= 1
    True
    """
    training = core.training
    core.eval()
    data = tensors(examples)
    out = core(data.ids, data.mask)
    core.train(training)
    sure, predicted = out.intent.softmax(-1).max(-1)
    confidence, may = out.confidence.sigmoid(), may_answer(out.intent, data.intent)
    answers = (confidence > core.config.threshold) & (predicted != COMPLEX)
    easy = data.intent != COMPLEX
    return Scores(
        intent=_share(predicted == data.intent),
        intent_error=calibration_error(sure, predicted == data.intent),
        confidence_error=calibration_error(confidence, may),
        task=0.0 if out.task is None else _share(out.task.argmax(-1) == data.task),
        complexity=0.0
        if out.complexity is None
        else _share(out.complexity.argmax(-1) == data.complexity),
        answered=_share(answers[easy]),
        wrongly=_share(answers & ~may),
    )


def _share(right: Tensor) -> float:
    return right.float().mean().item() if len(right) else 0.0


def may_answer(intent: Tensor, label: Tensor) -> Tensor:
    """Return True where the predicted intent is right and a reflex may answer it."""
    return (intent.argmax(-1) == label) & (label != COMPLEX)
