"""The whole training of a TARS preset, as its `training:` section says."""

import json
from dataclasses import dataclass, field

from marslab.config import from_json, read_preset
from marslab.errors import UserError
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.learning.tars.data import DataConfig
from marslab.systems.tars.config import TarsConfig

STAGES = ("data", "reflex", "mingru-lm", "brain", "ternary", "assemble", "validate")
TRANSFER_WIDTH = 512  # of the MinGRU language model whose embedding a wide brain begins with


@dataclass(frozen=True)
class EmbeddingPlan:
    """The MinGRU language model; only a brain of at least its width can take its embedding (T53).

    Units:
        tokens: of one step
    """

    width: int = TRANSFER_WIDTH
    layers: int = 6
    steps: int = 2000
    lr: float = 3e-4
    tokens: int = 8192


@dataclass(frozen=True)
class TernaryPlan:
    """Fine-tuning with weights of -1, 0 and 1; 0 steps leave the stage out."""

    steps: int = 0
    lr: float = 5e-5
    tokens: int = 8192


@dataclass(frozen=True)
class Validation:
    """How many held-out problems are asked at the end, and how many for the table of exit rules."""

    problems: int = 2000
    exits: int = 300


@dataclass(frozen=True)
class TarsTraining:
    """All of it. The phases of `brain` are named brain.1, brain.2 and so on.

    `facts` names the phases in which retrieved texts stand beside the questions.

    >>> TarsTraining().brain.phases[0].name
    'brain.1'
    """

    data: DataConfig = field(default_factory=DataConfig)
    embedding: EmbeddingPlan = field(default_factory=EmbeddingPlan)
    brain: LanguagePlan = field(default_factory=lambda: LanguagePlan(default_phases()))
    facts: tuple[str, ...] = ("brain.4",)
    ternary: TernaryPlan = field(default_factory=TernaryPlan)
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        names = [phase.name for phase in self.brain.phases]
        if any(not name.startswith("brain.") for name in names):
            raise ValueError(f"training.brain.phases must be named brain.1, brain.2, got {names}")
        if set(self.facts) - set(names):
            raise ValueError(f"training.facts must name phases of {names}, got {list(self.facts)}")


def default_phases(steps: int = 1000) -> tuple[Phase, ...]:
    """The four phases of the design: all; streams and fusion; experts and pool; retrieval.

    The two streams share one projection, so in phase 2 it stays as it is with the SSD stream: what
    learns are the parts of WKV that are its own, the fusion and the way out.

    >>> [phase.lr for phase in default_phases()]
    [0.0003, 0.0001, 3e-05, 1.5e-05]
    """
    streams = ("*.core.wkv.*", "*.core.fuse.*", "*.core.mix", "*.core.to_model.*")
    return (
        Phase("brain.1", steps, 3e-4),
        Phase("brain.2", steps, 1e-4, train=streams),
        Phase("brain.3", steps, 3e-5, train=("*.mole.*", "idme.*"), loss={"rounds": 2}),
        Phase("brain.4", steps, 1.5e-5, train=("*.core.wkv.*", "*.core.to_rag.*", "injection.*")),
    )


def ternary_plan(plan: TernaryPlan, brain: LanguagePlan) -> LanguagePlan:
    """Fine-tuning of a trained brain: everything learns, in rows as long as the brain's last."""
    phase = Phase(
        "ternary", plan.steps, plan.lr, lengths=brain.phases[-1].lengths[-1:], tokens=plan.tokens
    )
    return LanguagePlan((phase,), brain.seed)


def training_of(preset: str) -> tuple[TarsConfig, TarsTraining]:
    """The model's config and its training, as the preset says.

    Errors:
        UserError: no such preset, it is no TARS, or a setting that is refused

    >>> training_of("digits-scan")
    Traceback (most recent call last):
    marslab.errors.UserError: the preset digits-scan is of the system digits-scan: ...
    """
    found = read_preset(preset)
    if found["system"] != "tars":
        raise UserError(
            f"the preset {preset} is of the system {found['system']}: `marslab train tars` needs "
            "one of the system tars"
        )
    # Rebuilt as a checkpoint's config is, not validated: a machine to train on has no pydantic.
    config = from_json(TarsConfig, json.dumps(found.get("config", {})))
    return config, from_json(TarsTraining, json.dumps(found.get("training", {})))
