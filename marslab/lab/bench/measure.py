"""Measures rows: gathers who does the work, checks each result, times those that are right."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import torch
from torch import Tensor

from marslab.kernels.roofline import floor_seconds, matmul_rate
from marslab.kernels.testing import error
from marslab.lab.bench import ops
from marslab.lab.bench.cases import BOTH, Case
from marslab.lab.bench.forms import Form, part, turned
from marslab.lab.bench.report import ARITHMETIC, MEMORY, PEER, YARDSTICK, Absent, Figure, Row
from marslab.lab.bench.timing import BUDGET, Bed, Call, Spread, take_turns
from marslab.lab.bench.variants import Function, Variant, line, loaded, stdout_to_stderr

# Further off than this is another function, not rounding. The exact bounds are the tests' business.
WRONG = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 5e-2}
LEAST = 0.2  # seconds for each variant, also when compilers used up the time of the row
EARLIER = "was wrong or broke on an earlier row, and is not run again"


@dataclass
class Job:
    """One row at work: its operands, the gradient that reaches the result, until when."""

    op: ops.Op
    case: Case
    bed: Bed
    seconds: float
    given: tuple[Tensor, ...] = field(init=False)
    push: Tensor = field(init=False)
    truths: dict[Form, tuple[Tensor, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.given = self.op.draw(self.case, self.bed.tensors)
        random = torch.Generator(self.bed.tensors).manual_seed(ops.SEED + 1)
        shape = self.op.extent(self.case)
        push = torch.randn(shape, generator=random, device=self.bed.tensors)
        self.push = push.to(self.dtype) if self.dtype.is_floating_point else push

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the row."""
        return getattr(torch, self.case.dtype)

    @property
    def left(self) -> float:
        """Seconds that are left for this row."""
        return self.seconds - (time.monotonic() - self.began)


@dataclass
class Ready:
    """A variant that ran and was right, or a yardstick that ran."""

    variant: Variant
    call: Callable[[], tuple[Tensor, ...]]
    error: float | None
    peak: int | None
    note: str


@dataclass(frozen=True)
class Who:
    """Which variants of a row are measured: the risky or the others, without those found wrong.

    peers: other libraries too
    """

    risky: bool = False
    wrong: Collection[str] = ()
    peers: bool = True


def measure(
    case: Case, bed: Bed, repeats: int, machine: str, seconds: float, who: Who = Who()
) -> Row:
    """Measure one row; a variant that is missing, wrong or too late is named in its place.

    Errors:
        torch.AcceleratorError: the device broke down; a note says who ran last
    """
    op = ops.find(case.op)
    floor_ms, bound = floor(op, case, bed.name)
    variants, absent = gather(op, case, bed.name, who)
    job = Job(op, case, bed, seconds)
    outcomes = [prepare(variant, job) for variant in variants]
    ready = [outcome for outcome in outcomes if isinstance(outcome, Ready)]
    absent += [outcome for outcome in outcomes if isinstance(outcome, Absent)]
    calls: dict[str, Call] = {r.variant.name: r.call for r in ready}
    budget = min(BUDGET, max(LEAST, job.left / max(len(calls), 1)))
    spreads = take_turns(calls, repeats, bed.stopwatch, budget)
    figures = [_figure(r, job, spreads[r.variant.name]) for r in ready]
    return Row(case, floor_ms, bound, op.goals(case, machine), figures, absent)


def floor(op: ops.Op, case: Case, device: str) -> tuple[float, str]:
    """The least milliseconds of a row, and whether memory or arithmetic sets them."""
    dtype = getattr(torch, case.dtype)
    cost = op.cost(tuple(case.sizes.values()), dtype.itemsize, case.direction == BOTH)
    moving = floor_seconds(cost.bytes, device)
    working = 0.0
    if dtype.is_floating_point:  # whole numbers are worked on in words, not in products
        working = cost.flops / matmul_rate(device, worker(device, dtype))
    return max(moving, working) * 1e3, ARITHMETIC if working > moving else MEMORY


def worker(device: str, dtype: torch.dtype) -> torch.dtype:
    """The dtype in which a device does arithmetic on `dtype` fastest.

    A CPU's products of 16-bit matrices may be a hundred times slower than those in float32.
    """
    return dtype if dtype == torch.float64 or device == "cuda" else torch.float32


def gather(
    op: ops.Op, case: Case, device: str, who: Who = Who()
) -> tuple[list[Variant], list[Absent]]:
    """Find who does this row on this device, and who does not and why."""
    variants: list[Variant] = []
    absent = []
    for variant in op.variants:
        if device not in variant.devices or variant.risky != who.risky:
            continue
        if variant.kind == PEER and not who.peers:
            continue
        reason = EARLIER if variant.name in who.wrong else variant.missing or variant.unfit(case)
        if not reason:
            variants.append(variant)
        elif variant.kind != YARDSTICK:
            absent.append(Absent(variant.name, variant.kind, reason))
    return variants, absent


def prepare(variant: Variant, job: Job) -> Ready | Absent:
    """Run a variant once as it will be timed, and compare what it gives with float64."""

    def gone(reason: str, failed: bool = True) -> Absent:
        return Absent(variant.name, variant.kind, reason, failed)

    if job.left < 0:
        return gone(f"not run: the {job.seconds:g} s for this row were over", failed=False)
    function = loaded(variant)
    if isinstance(function, str):
        return gone(f"{variant.version} cannot be loaded: {function}".lstrip())
    try:
        with stdout_to_stderr():
            call = Calling(function, variant.form, job)
            off = None if variant.kind == YARDSTICK else call.distance()
            peak = job.bed.peak(call)
    except torch.AcceleratorError as problem:
        problem.add_note(variant.name)
        raise
    except torch.OutOfMemoryError:
        return gone("it needs more memory than the device has", failed=False)
    except Exception as problem:  # someone else's code; ours too must not take the table down
        return gone(f"failed: {line(problem)}")
    most = WRONG.get(job.dtype, 0.0)
    if off is not None and not off <= most:
        return gone(f"wrong result: relative error {off:.1e}, more than {most:.0e}")
    note = "; ".join(filter(None, (variant.version, variant.note)))
    return Ready(variant, call, off, peak, note)


class Calling:
    """A function with its operands in its own form, ready to be run again and again."""

    def __init__(self, function: Function, form: Form, job: Job) -> None:
        self.function, self.form, self.job = function, form, job
        self.both = job.case.direction == BOTH
        self.layouts = form.operands or job.op.operands
        self.layout = form.result or job.op.result
        self.options = job.op.options(job.case)
        self.leaves = tuple(self._leaf(x) for x in form.enter(*job.given))
        self.wanted = [x for x in self.leaves if x.requires_grad]
        self.push = turned(job.push, job.op.result, self.layout).contiguous()

    def __call__(self) -> tuple[Tensor, ...]:
        return self._run(self.push)

    def _leaf(self, x: Tensor) -> Tensor:
        return x.detach().requires_grad_(self.both and x.is_floating_point())

    def _run(self, push: Tensor) -> tuple[Tensor, ...]:
        y = self.function(*self.leaves, **self.options)
        return (y, *torch.autograd.grad(y, self.wanted, push)) if self.both else (y,)

    def distance(self) -> float:
        """The largest relative L2 error of the result and the gradients, on a part of them.

        A gradient that reaches only that part of the result makes also those gradients small work
        that sum over everything.
        """
        few, op = self.job.op.few, self.job.op
        push = torch.zeros_like(self.push)
        part(push, self.layout, few).copy_(part(self.push, self.layout, few))
        y, *gradients = self._run(push)
        layouts = [w for x, w in zip(self.leaves, self.layouts, strict=True) if x.requires_grad]
        got = [turned(part(y.detach(), self.layout, few), self.layout, op.result)]
        got += [part(g, w, few) for g, w in zip(gradients, layouts, strict=True)]
        if self.form not in self.job.truths:
            self.job.truths[self.form] = self._truth()
        expected = self.job.truths[self.form]
        return max(error(g, e).l2 for g, e in zip(got, expected, strict=True))

    def _truth(self) -> tuple[Tensor, ...]:
        few, op = self.job.op.few, self.job.op
        leaves = [
            self._leaf(_wide(part(x.detach(), w, few)))
            for x, w in zip(self.leaves, self.layouts, strict=True)
        ]
        y = (self.form.truth or op.truth)(*self.form.back(*leaves), **self.options)
        if not self.both:
            return (y,)
        push = part(self.job.push, op.result, few).double()
        return (y.detach(), *torch.autograd.grad(y, [x for x in leaves if x.requires_grad], push))


def _wide(x: Tensor) -> Tensor:
    return x.double() if x.is_floating_point() else x


def _figure(r: Ready, job: Job, times: Spread) -> Figure:
    ms = (times.median * 1e3, times.low * 1e3, times.high * 1e3, times.runs)
    own = r.variant.bytes
    if own is None:
        sizes = tuple(job.case.sizes.values())
        moved = job.op.cost(sizes, job.dtype.itemsize, job.case.direction == BOTH).bytes
    else:
        moved = own(job.case)
    return Figure(r.variant.name, r.variant.kind, *ms, moved, r.error, r.peak, r.note)
