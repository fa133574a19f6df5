"""One layer of each kind, all of one width, reading longer and longer sequences."""

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from marslab.kernels.roofline import watch
from marslab.lab.bench.memory import HighWater
from marslab.lab.lengths.plan import FUSED, WRITTEN_OUT, LengthsPlan
from marslab.lab.lengths.table import LAYER
from marslab.layers.attention import CausalAttention
from marslab.layers.mars_block import Core, MarsBlock, MarsBlockConfig

WARM_UP = 16  # steps of the call that finds its compiled code
Key = TypeVar("Key", bound=Hashable)


class Timed(NamedTuple):
    """Milliseconds of each round, and the most bytes that the first call held."""

    ms: list[float]
    peak_bytes: int | None


def layer(kind: str, plan: LengthsPlan) -> nn.Module:
    """A MarsBlock whose inner width is its width, or causal attention, of this kind."""
    torch.manual_seed(0)
    if kind in (WRITTEN_OUT, FUSED):
        return CausalAttention(plan.width, heads=plan.heads, fused=kind == FUSED)
    core = cast(Core, kind)
    return MarsBlock(plan.width, MarsBlockConfig(core, plan.states, plan.heads, expand=1))


def readings(plan: LengthsPlan) -> list[dict[str, Any]]:
    """Every kind at every length: times by turns, the most memory, what a gradient keeps."""
    models = {kind: layer(kind, plan).eval() for kind in plan.layers}
    calls = {}
    for kind, lengths in plan.layers.items():
        _read(models[kind], torch.randn(1, WARM_UP, plan.width))
        for length in lengths:
            calls[kind, length] = partial(_read, models[kind], torch.randn(1, length, plan.width))
    found = []
    for (kind, length), timed in turns(calls, plan.rounds, plan.slow).items():
        kept = kept_bytes(models[kind], length, plan.width) if length in plan.kept else None
        found.append(
            {"part": LAYER, "kind": kind, "length": length, **timed._asdict(), "kept_bytes": kept}
        )
    return found


def turns(calls: Mapping[Key, Callable[[], object]], rounds: int, slow: float) -> dict[Key, Timed]:
    """Time every call once in each round, so that a busy minute hits all of them.

    A first call of each tells the memory; one of more than `slow` seconds is not repeated, and its
    only time counts.
    """
    found: dict[Key, Timed] = {}
    for key, call in calls.items():
        with HighWater() as memory:
            seconds = watch(call)()
        found[key] = Timed([1e3 * seconds] if seconds > slow else [], memory.bytes)
    again = [key for key, timed in found.items() if not timed.ms]
    for _ in range(rounds):
        for key in again:
            found[key].ms.append(1e3 * watch(calls[key])())
    return found


def kept_bytes(model: nn.Module, length: int, width: int) -> int:
    """Bytes that autograd holds after a forward pass, each storage once, weights left out."""
    held: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        y = model(torch.randn(1, length, width))
    del y
    return sum(held.values())


@torch.no_grad()
def _read(model: nn.Module, x: Tensor) -> Tensor:
    return model(x)
