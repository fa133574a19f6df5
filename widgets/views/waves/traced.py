"""What the trace of one pass says of its waves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.tracing import Event, Trace, Value


class Gates(NamedTuple):
    """The gates of one pass over L bytes, and what passed between its waves.

    Shapes (W waves, L bytes, E experts, 2 W blocks, the left one of a wave before the right):
        alpha, correction, spine: [W, L]; spine is NaN where there was no memory before
        need, strength, novelty: [2 W, L]; need and strength are NaN likewise
        routing: [2 W, L, E]
        memory: [W, W], cosine of the memories after two waves, mean over the bytes

    Units:
        alpha, need, strength, novelty, routing: 0 to 1; spine, memory: cosines
        correction: its length relative to that of the two sides merged
    """

    alpha: np.ndarray
    correction: np.ndarray
    spine: np.ndarray
    need: np.ndarray
    strength: np.ndarray
    novelty: np.ndarray
    routing: np.ndarray
    memory: np.ndarray


def gates_of(seen: Trace, length: int) -> Gates:
    """Sort the events of one pass over `length` bytes by wave.

    Errors:
        UserError: the model has no such part, so that there is nothing to be seen of it
    """
    missing = {"wave", "spine", "novelty", "mole", "block"} - set(seen.names())
    if missing:
        raise UserError(
            f"this model tells nothing of {', '.join(sorted(missing))}: choose one with all parts"
        )
    waves = by_wave(seen)
    routed = [e.fields["weights"] for wave in waves for e in wave if e.name == "mole"]
    memories = [wave[-1].fields["memory"] for wave in waves]
    return Gates(
        _rows(waves, length, "wave", "alpha"),
        _rows(waves, length, "wave", "correction"),
        _rows(waves, length, "spine", "cosine"),
        _rows(waves, length, "injection", "need", 2),
        _rows(waves, length, "injection", "strength", 2),
        _rows(waves, length, "novelty", "novelty", 2),
        torch.stack(_tensors(routed))[:, 0].numpy(),
        _alike(torch.stack(_tensors(memories))[:, 0].numpy()),
    )


def by_wave(seen: Trace) -> list[list[Event]]:
    """The events of each wave; "block" is the last one of a wave.

    >>> events = Trace()
    >>> for name in ("wave", "block", "wave", "block", "logits"):
    ...     events.add(name, None, {})
    >>> [[event.name for event in wave] for wave in by_wave(events)]
    [['wave', 'block'], ['wave', 'block']]
    """
    waves: list[list[Event]] = [[]]
    for event in seen.events:
        waves[-1].append(event)
        if event.name == "block":
            waves.append([])
    return waves[:-1]


def _rows(
    waves: list[list[Event]], length: int, name: str, field: str, each: int = 1
) -> np.ndarray:
    """One row for each time that a wave tells `name`, up to `each`; NaN where it does not."""
    rows = np.full((len(waves) * each, length), np.nan)
    for at, wave in enumerate(waves):
        told = _tensors([event.fields[field] for event in wave if event.name == name])
        for side, values in enumerate(told):
            rows[at * each + side] = values.reshape(-1).numpy()
    return rows


def _tensors(values: Sequence[Value]) -> list[Tensor]:
    """Those that are tensors: the spine has but a NaN where there was no memory."""
    return [value for value in values if isinstance(value, Tensor)]


def _alike(memories: np.ndarray) -> np.ndarray:
    """The mean over the bytes of each cosine, [W, W], of memories [W, L, M]."""
    unit = memories / np.linalg.norm(memories, axis=-1, keepdims=True)
    return np.einsum("ilm,jlm->ij", unit, unit) / memories.shape[1]
