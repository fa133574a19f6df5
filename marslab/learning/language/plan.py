"""How a language model is trained, as a tree of frozen dataclasses that travels as JSON."""

import json
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from marslab.config import from_json, to_json
from marslab.errors import UserError

Option = bool | int | float | str


@dataclass(frozen=True)
class Phase:
    """One stretch of training: which parameters learn, from what, how fast.

    A parameter is trained if one of the globs `train` matches its name and none of `freeze` does.
    `shares` says which part of the steps each of `lengths` gets; left empty, four lengths get
    25/25/30/20 % and any other number equal parts. `mixture` weighs the parts of the corpus by
    name, and is for the source of batches to read. `loss` is handed to the model's `losses`.
    `optimizer` "muon" trains hidden matrices with Muon and the rest with AdamW.

    Units:
        lr: largest learning rate; warmup: share of the steps in which it is reached
        floor: share of lr that is left at the end
        tokens: in the batch of one step; accumulate: pieces in which that batch is computed
        label_smoothing: share of the uniform distribution; handed to `losses` unless 0

    >>> Phase("all", steps=0, lr=3e-4)
    Traceback (most recent call last):
    ValueError: phase 'all': steps must be positive, got 0
    """

    name: str
    steps: int
    lr: float
    lengths: tuple[int, ...] = (64, 128, 256, 512)
    shares: tuple[float, ...] = ()
    tokens: int = 8192
    accumulate: int = 1
    warmup: float = 0.05
    floor: float = 0.1
    train: tuple[str, ...] = ("*",)
    freeze: tuple[str, ...] = ()
    mixture: dict[str, float] = field(default_factory=dict)
    loss: dict[str, Option] = field(default_factory=dict)
    label_smoothing: float = 0.1
    optimizer: Literal["muon", "adamw"] = "adamw"

    def __post_init__(self) -> None:
        where = f"phase {self.name!r}"
        for name in ("steps", "lr", "tokens", "accumulate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{where}: {name} must be positive, got {getattr(self, name)}")
        for name in ("warmup", "floor", "label_smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{where}: {name} must be in 0..1, got {getattr(self, name)}")
        if not self.lengths or min(self.lengths) < 1:
            raise ValueError(f"{where}: lengths must be positive, got {list(self.lengths)}")
        if self.shares and (
            len(self.shares) != len(self.lengths)
            or min(self.shares) < 0
            or abs(sum(self.shares) - 1) > 1e-6
        ):
            raise ValueError(
                f"{where}: shares must be {len(self.lengths)} numbers, one per length, that add "
                f"up to 1, got {list(self.shares)}"
            )


@dataclass(frozen=True)
class LanguagePlan:
    """The phases of a training and what they share. The same plan gives the same weights.

    Units:
        ema: decay of the average of the weights a step, 0 for none
        clip: largest norm of the gradient, 0 for no limit
        weight_decay: of matrices and tables; gains and biases have none
        momentum: of Muon; betas: of AdamW

    >>> plan = LanguagePlan((Phase("one", 10, 3e-4), Phase("two", 5, 1e-4, freeze=("ssd.*",))))
    >>> plan.steps, plan.at(12).phase.name, plan.at(12).step
    (15, 'two', 2)
    """

    phases: tuple[Phase, ...]
    seed: int = 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    ema: float = 0.0
    clip: float = 1.0
    weight_decay: float = 0.1
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.95)

    def __post_init__(self) -> None:
        names = [phase.name for phase in self.phases]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"the phases of a plan need different names, got {names}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in 0..1, 1 left out, got {self.ema}")
        for name in ("seed", "clip", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.precision not in ("fp32", "bf16", "fp16"):
            raise ValueError(f"precision must be fp32, bf16 or fp16, got {self.precision!r}")

    @property
    def steps(self) -> int:
        """How many steps all phases take."""
        return sum(phase.steps for phase in self.phases)

    def at(self, step: int) -> "Place":
        """The phase in which a step of the whole training falls, and its number there."""
        left = step
        for number, phase in enumerate(self.phases):
            if left < phase.steps:
                return Place(number, phase, left)
            left -= phase.steps
        raise ValueError(f"the plan has {self.steps} steps, got step {step}")


class Place(NamedTuple):
    """A phase, its number among the phases, and a step within it."""

    number: int
    phase: Phase
    step: int


def same_plan(began: str, plan: LanguagePlan, where: str) -> None:
    """Raise UserError that names what differs between the JSON of a begun plan and `plan`.

    >>> began = to_json(LanguagePlan((Phase("one", 10, 3e-4),)))
    >>> same_plan(began, LanguagePlan((Phase("one", 10, 1e-4),)), "run")
    Traceback (most recent call last):
    marslab.errors.UserError: the training in run was begun with another plan: phases.0.lr was
    0.0003, is 0.0001. Go on with the plan it was begun with, or choose another folder
    """
    before = json.loads(to_json(from_json(LanguagePlan, began)))
    found = _differences(before, json.loads(to_json(plan)), "")
    if found:
        raise UserError(
            f"the training in {where} was begun with another plan: {'; '.join(found[:3])}"
            f"{' and more' if len(found) > 3 else ''}. "
            "Go on with the plan it was begun with, or choose another folder"
        )


def _differences(one: object, two: object, name: str) -> list[str]:
    """Where two JSON values differ, by dotted names."""
    if isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            return [f"{name} had {len(one)} values, has {len(two)}"]
        one, two = dict(enumerate(one)), dict(enumerate(two))
    if isinstance(one, dict) and isinstance(two, dict):
        keys = [*one, *(key for key in two if key not in one)]
        inside = [_differences(one.get(k), two.get(k), f"{name}.{k}".lstrip(".")) for k in keys]
        return [told for part in inside for told in part]
    return [] if one == two else [f"{name} was {one}, is {two}"]
