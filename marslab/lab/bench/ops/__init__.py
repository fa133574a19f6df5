"""One module for each op that is timed: its sizes, its goals, its truth and who else does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from marslab.kernels.roofline import Cost
from marslab.lab.bench.cases import SEED, Case, Goal, Size
from marslab.lab.bench.variants import Variant

NAMES = (
    "linear_scan",
    "min_gru",
    "selective_scan",
    "ssd",
    "wkv7",
    "ssd_step",
    "wkv7_step",
    "gated_recurrence",
    "decay_product",
    "chunk_reduce",
    "ternary_matmul",
    "circular_conv",
    "circular_corr",
    "hamming_topk",
)


def _no_options(case: Case) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Op:
    """An op as the benchmark knows it. The order of `variants` is that of the measurement."""

    name: str
    letters: tuple[str, ...]
    operands: tuple[str, ...]  # the layout of each, as letters
    result: str  # the layout of what is compared
    draw: Callable[[Case, torch.device], tuple[Tensor, ...]]
    cost: Callable[..., Cost]  # of (sizes, itemsize, backward)
    truth: Callable[..., Tensor]  # in float64; all variants are compared with it
    sizes: Mapping[str, tuple[Size, ...]]  # for "cpu", "cuda" and "quick"
    few: Mapping[str, int]  # how much of which letter is compared
    variants: tuple[Variant, ...]
    inputs: str  # how they are drawn, in words
    options: Callable[[Case], dict[str, Any]] = _no_options  # that every function is given
    shape: Callable[[Case], tuple[int, ...]] | None = None  # of a result with letters of its own

    def cases(self, device: str, quick: bool = False) -> list[Case]:
        """List the rows for "cpu" or "cuda", in the order in which they are measured."""
        return [
            Case(self.name, dict(zip(self.letters, size.numbers, strict=True)), size.dtype, way)
            for size in self.sizes["quick" if quick else device]
            for way in size.directions
        ]

    def extent(self, case: Case) -> tuple[int, ...]:
        """The shape of the result of a row."""
        if self.shape is not None:
            return self.shape(case)
        return tuple(case.sizes[letter] for letter in self.result)

    def goals(self, case: Case, machine: str) -> list[Goal]:
        """List the goals of a row on a machine of this name."""
        numbers = tuple(case.sizes.values())
        found = {
            goal: None
            for sizes in self.sizes.values()
            for size in sizes
            if (size.numbers, size.dtype) == (numbers, case.dtype)
            for goal in size.goals.get(case.direction, ())
        }
        return [goal for goal in found if goal.machine in machine]


def find(name: str) -> Op:
    """Load what is known of one of NAMES."""
    return import_module(f"marslab.lab.bench.ops.{name}").OP


def drawn(
    draw: Callable[..., Any], keep: tuple[str, ...], *, float32: tuple[str, ...] = (), **law: Any
) -> Callable[[Case, torch.device], tuple[Tensor, ...]]:
    """The same random operands for a row every time, those named in `keep`, by an op's own `draw`.

    Those named in `float32` are float32 beside 16-bit ones.
    """

    def given(case: Case, device: torch.device) -> tuple[Tensor, ...]:
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(SEED)
            sizes, dtype = tuple(case.sizes.values()), getattr(torch, case.dtype)
            found = draw(sizes, dtype, device=device, **law)
        wide = {name: getattr(found, name).float() for name in float32}
        return tuple(wide.get(name, getattr(found, name)) for name in keep)

    return given
