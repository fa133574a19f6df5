"""How time, memory and operations grow with the length of a sequence."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from marslab.kernels import selective_scan, ssd, wkv7
from marslab.kernels.roofline import watch
from marslab.kernels.selective_scan import work as selective_work
from marslab.kernels.ssd import work as ssd_work
from marslab.kernels.wkv7 import work as wkv_work
from marslab.lab.claims.outcome import Outcome

LENGTHS = (4096, 8192, 16384, 32768, 65536)
ROUNDS = 9  # each times every length once, so that a busy minute hits all of them
COUNTED = (16, 32, 64)
SHORT, LONG = 64, 4096
WIDTH, STATES = 32, 16


def time_of_a_scan() -> Outcome:
    """Exponent of the time over the length, from medians of rounds; operations counted exactly."""
    torch.manual_seed(0)
    operands = {L: selective_work.draw((1, L, WIDTH, STATES), torch.float32) for L in LENGTHS}
    calls = {L: _scan(operands[L]) for L in LENGTHS}
    for call in calls.values():
        call()
    rounds = [{L: watch(call)() for L, call in calls.items()} for _ in range(ROUNDS)]
    medians = {L: median(each[L] for each in rounds) for L in LENGTHS}
    slopes = sorted(exponent(each) for each in rounds)
    figures = {
        "time_exponent": exponent(medians),
        "time_exponent_lowest_round": slopes[0],
        "time_exponent_highest_round": slopes[-1],
        "operations_exponent": doublings([_operations(L) for L in COUNTED]),
        "us_per_1000_steps": 1e9 * medians[LENGTHS[-1]] / LENGTHS[-1],
        "rounds": ROUNDS,
    }
    says = (
        f"From {LENGTHS[0]:,} to {LENGTHS[-1]:,} steps the time of selective_scan grows with the "
        f"length to the power {figures['time_exponent']:.2f} ({slopes[0]:.2f} to {slopes[-1]:.2f} "
        f"over {ROUNDS} rounds). Counted on the loop, each step takes the same operations."
    )
    return Outcome(figures, says)


def memory_of_training() -> Outcome:
    """Bytes that the layer's scan keeps for its gradient, and bytes of the state, by length."""
    kept = {L: _kept_for_backward(L) for L in (1024, 2048, 4096)}
    state = {L: _state_bytes(L) for L in (1, SHORT, LONG)}
    figures = {
        "training_exponent": doublings([kept[L] for L in (1024, 2048, 4096)]),
        "state_growth": max(state.values()) / min(state.values()),
        "state_bytes": state[LONG],
        "training_bytes_per_step": (kept[4096] - kept[2048]) / 2048,
    }
    says = (
        f"For the gradient the scan keeps {figures['training_bytes_per_step']:,.0f} bytes a step, "
        f"the length to the power {figures['training_exponent']:.2f}. Its state has "
        f"{state[LONG]:,} bytes after 1 step as after {LONG:,}."
    )
    return Outcome(figures, says)


def state_of_tars() -> Outcome:
    """Bytes of TARS's two states, SSD and WKV, after few and after many steps."""
    torch.manual_seed(0)
    sizes = {L: _bytes(_tars_states(L)) for L in (1, SHORT, LONG)}
    cut, whole = _tars_states(LONG, cuts=4), _tars_states(LONG)
    off = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(cut, whole, strict=True))
    figures = {
        "state_growth": max(sizes.values()) / min(sizes.values()),
        "state_bytes": sizes[LONG],
        "error_when_continued": off,
        "prefill_bytes_per_step": (_prefill_bytes(2 * SHORT) - _prefill_bytes(SHORT)) / SHORT,
    }
    says = (
        f"The two states have {sizes[LONG]:,} bytes after 1 step as after {LONG:,}, and reading on "
        "from them equals reading all at once. (A prompt that is read at once does take memory: "
        f"{figures['prefill_bytes_per_step']:,.0f} bytes a step.)"
    )
    return Outcome(figures, says)


def exponent(sizes: Mapping[int, float]) -> float:
    """The slope of log(value) over log(length), by least squares.

    >>> round(exponent({1: 3.0, 2: 12.0, 4: 48.0}), 6)
    2.0
    """
    x, y = ([math.log(v) for v in values] for values in (sizes.keys(), sizes.values()))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


def doublings(counts: Sequence[int]) -> float:
    """The exact exponent of counts at n, 2n and 4n; what is there at length 0 does not matter.

    >>> doublings([7 + 3 * n for n in (8, 16, 32)])
    1.0
    """
    return math.log2((counts[2] - counts[1]) / (counts[1] - counts[0]))


class _Counter(TorchDispatchMode):
    """Adds up the elements that torch's operations give: work, counted and not timed."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor) and not func.is_view:
            self.elements += out.numel()
        return out


def _operations(length: int) -> int:
    """Elements written by the loop that defines selective_scan."""
    operands = selective_work.draw((1, length, WIDTH, STATES))
    with _Counter() as counter:
        selective_scan(*operands, backend="naive")
    return counter.elements


def _scan(operands: Sequence[Tensor]) -> Callable[[], Tensor]:
    return lambda: selective_scan(*operands)


def _kept_for_backward(length: int) -> int:
    """Bytes of the tensors that autograd holds after a forward pass, each storage once."""
    operands = [x.requires_grad_() for x in selective_work.draw((1, length, WIDTH, STATES))]
    held: dict[int, int] = {}

    def keep(x: Tensor) -> Tensor:
        held[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        y = selective_scan(*operands)
    del y
    return sum(held.values())


def _state_bytes(length: int) -> int:
    operands = selective_work.draw((1, length, WIDTH, STATES), torch.float32)
    return _bytes([selective_scan(*operands, return_state=True)[1]])


def _tars_states(length: int, cuts: int = 1) -> list[Tensor]:
    """The states of SSD and WKV after `length` steps, read in so many pieces."""
    torch.manual_seed(0)
    ssd_all = ssd_work.draw((1, length, 4, 16, 1, 16))
    wkv_all = wkv_work.draw((1, length, 4, 16, 16), edges=0.0)
    first, second = ssd_all.h0, wkv_all.s0
    for at in range(cuts):
        part = slice(at * length // cuts, (at + 1) * length // cuts)
        x, dt, B, C = (v[:, part] for v in (ssd_all.x, ssd_all.dt, ssd_all.B, ssd_all.C))
        _, first = ssd(x, dt, ssd_all.A, B, C, ssd_all.D, first, return_state=True)
        r, w, k, v, a, b = (each[:, part] for each in wkv_all[:-1])
        _, second = wkv7(r, w, k, v, a, b, second, return_state=True)
    return [first, second]


def _prefill_bytes(length: int) -> int:
    """What goes in and comes out when a prompt is read at once."""
    operands = wkv_work.draw((1, length, 4, 16, 16))
    return _bytes([*operands[:-1], wkv7(*operands)])


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(x.numel() * x.element_size() for x in tensors)
