"""The methods by name, as studies and the table name them."""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from marslab.errors import UserError, unknown
from marslab.learning.continual.ewc import PRINTED as LAMBDA
from marslab.learning.continual.ewc import Ewc, OnlineEwc
from marslab.learning.continual.hdc_replay import HdcReplay
from marslab.learning.continual.lwf import LearningWithoutForgetting
from marslab.learning.continual.method import Combined, Method
from marslab.learning.continual.models import MemoryMlp, mlp
from marslab.learning.continual.replay import ExperienceReplay, Joint
from marslab.learning.continual.reptile import Reptile
from marslab.learning.continual.si import SynapticIntelligence
from marslab.learning.continual.slots import SlotUpdate
from marslab.learning.continual.sparse import PRINTED as SHARE
from marslab.learning.continual.sparse import SparseUpdate
from marslab.tasks.continual import Scenario


class Entry(NamedTuple):
    """How a method is made: from its strength (None where it has none) and a seed."""

    make: Callable[[float, int], Method]
    strength: float | None
    model: Callable[[Scenario, int], nn.Module] = mlp


METHODS: dict[str, Entry] = {
    "naive": Entry(lambda strength, seed: Method(), None),
    "joint": Entry(lambda strength, seed: Joint(), None),
    "ewc": Entry(lambda strength, seed: Ewc(strength, seed=seed), LAMBDA),
    "online-ewc": Entry(lambda strength, seed: OnlineEwc(strength, seed=seed), LAMBDA),
    "si": Entry(lambda strength, seed: SynapticIntelligence(strength), 1.0),
    "lwf": Entry(lambda strength, seed: LearningWithoutForgetting(strength), 1.0),
    "replay": Entry(lambda strength, seed: ExperienceReplay(int(strength), seed=seed), 200),
    "sparse": Entry(lambda strength, seed: SparseUpdate(strength), SHARE),
    "ewc-sparse": Entry(
        lambda strength, seed: Combined(Ewc(strength, seed=seed), SparseUpdate()), LAMBDA
    ),
    "reptile": Entry(lambda strength, seed: Reptile(), None),
    "sparse-slots": Entry(lambda strength, seed: SlotUpdate(int(strength)), 16, MemoryMlp),
    "hdc-replay": Entry(lambda strength, seed: HdcReplay(seed=seed), None),
    "ewc-hdc-replay": Entry(
        lambda strength, seed: Combined(Ewc(strength, seed=seed), HdcReplay(seed=seed)), LAMBDA
    ),
}


def find_method(name: str) -> Entry:
    """Return the entry of a method.

    Errors:
        UserError: no such method

    >>> find_method("ewc").strength
    1000.0
    """
    if name not in METHODS:
        raise UserError(unknown("method", name, METHODS))
    return METHODS[name]


def make_method(name: str, strength: float | None = None, seed: int = 0) -> Method:
    """Return a fresh method; without a strength with its own.

    `strength` is lambda of EWC, c of SI, alpha of LwF, examples of replay, the share of the sparse
    update and the slots of the sparse memory.

    Errors:
        UserError: no such method, or one without a strength that is given one

    >>> make_method("naive", strength=2.0)
    Traceback (most recent call last):
    marslab.errors.UserError: the method naive has no strength: leave it out
    """
    entry = find_method(name)
    if entry.strength is None and strength is not None:
        raise UserError(f"the method {name} has no strength: leave it out")
    chosen = entry.strength if strength is None else strength
    return entry.make(0.0 if chosen is None else chosen, seed)
