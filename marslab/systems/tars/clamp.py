"""Hold a gate of TARS at one value, to see what hangs on it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf, log
from typing import Literal

import torch
from torch import Tensor, nn

from marslab.errors import UserError, unknown
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.system import Tars
from marslab.systems.tars.wave import Wave

Gate = Literal["merge", "need", "novelty"]
GATES: tuple[Gate, ...] = ("merge", "need", "novelty")
ALL = "*"


def gates(model: Tars | TarsLM) -> tuple[str, ...]:
    """Name the gates of a model that `clamp` can hold; a "*" stands for all of its waves.

    >>> from marslab.systems.tars.config import TarsConfig
    >>> gates(TarsLM(TarsConfig(d_model=32)))[:4]
    ('waves.*.merge', 'waves.*.need', 'waves.*.novelty', 'waves.0.merge')
    """
    waves = _waves(model)
    there = [kind for kind in GATES if any(_heads(wave, kind) for wave in waves)]
    return tuple(f"waves.{at}.{kind}" for at in (ALL, *range(len(waves))) for kind in there)


@contextmanager
def clamp(model: Tars | TarsLM, gate: str, value: float | None) -> Iterator[None]:
    """Hold a gate at `value` inside the `with` block; None holds nothing, to the bit.

    "waves.2.merge" is alpha of the third wave, the share of its right block; "waves.2.need" is how
    much memory both of its blocks ask for, "waves.2.novelty" how much of their results they keep;
    "waves.*.need" is that of all waves. Each gate is the sigmoid of a linear map: a forward hook
    puts logit(value) in its place, so that the trace shows `value` too. In eval mode a novelty
    below the cut still passes the block over. Tied waves are one module, held in every pass. The
    memory gate does nothing while there is no memory: in the first wave, unless a hub knows of one.

    The hooks sit on the model: who else runs it meanwhile meets them too.

    Units:
        value: 0 to 1

    Errors:
        UserError: the model has no such gate
        ValueError: value is not from 0 to 1

    >>> import marslab
    >>> from marslab.systems.tars.config import TarsConfig
    >>> lm = TarsLM(TarsConfig(d_model=32)).eval()
    >>> with marslab.trace() as t, clamp(lm, "waves.2.merge", 0.25):
    ...     _ = lm(torch.zeros(1, 1, dtype=torch.int64))
    >>> round(float(t.frame("wave").alpha[2]), 6)
    0.25
    """
    known = gates(model)
    if gate not in known:
        raise UserError(unknown("gate", gate, known))
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"clamp: value must be from 0 to 1 or None, got {value}")
    if value is None:
        yield
        return
    _, which, kind = gate.split(".")
    waves = _waves(model)
    with ExitStack() as held:
        for wave in waves if which == ALL else [waves[int(which)]]:
            for head in _heads(wave, kind):
                held.enter_context(_held(wave, head, _logit(value)))
        yield


def _waves(model: Tars | TarsLM) -> list[Wave]:
    lm = model.lm if isinstance(model, Tars) else model
    return [wave for wave in lm.waves if isinstance(wave, Wave)]


def _heads(wave: Wave, kind: str) -> list[nn.Module]:
    """The linear maps whose sigmoids are the gate."""
    if kind == "merge":
        return [] if wave.merge is None else [wave.merge.gate]
    blocks = (wave.left, wave.right)
    if kind == "novelty":
        return [block.novelty.outer for block in blocks if block.novelty is not None]
    ways = [block.injection for block in blocks if block.injection is not None]
    # Both blocks may share one way in, which must not be held twice.
    return list(dict.fromkeys(way.gate for way in ways if way.mode == "dynamic"))


@contextmanager
def _held(wave: Wave, head: nn.Module, level: float) -> Iterator[None]:
    """Hold what `head` gives while `wave` runs: other waves may use the same head."""
    inside = False

    def enter(*_: object) -> None:
        nonlocal inside
        inside = True

    def leave(*_: object) -> None:
        nonlocal inside
        inside = False

    def hold(_module: nn.Module, _given: object, found: Tensor) -> Tensor | None:
        return torch.full_like(found, level) if inside else None

    hooks = (
        wave.register_forward_pre_hook(enter),
        head.register_forward_hook(hold),
        wave.register_forward_hook(leave, always_call=True),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _logit(value: float) -> float:
    if value in (0, 1):
        return inf if value else -inf
    return log(value / (1 - value))
