"""Measures rows: gathers ours, the yardstick and the peers, checks each result, times the rest."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from marslab.kernels import available, linear_scan
from marslab.kernels.roofline import floor_seconds
from marslab.kernels.testing import error
from marslab.lab.bench import cases as work
from marslab.lab.bench.cases import BOTH, Case, Inputs
from marslab.lab.bench.peers import PEERS, PLAIN, Form, Peer, Scan, stdout_to_stderr
from marslab.lab.bench.report import OURS, PEER, YARDSTICK, Absent, Figure, Row
from marslab.lab.bench.timing import Bed, Call, Spread, take_turns

ADD = "torch.add"
BACKENDS = {"cpu": ("numba", "torch", "naive"), "cuda": ("triton", "torch")}
# Further off than this is another function, not rounding. The exact bounds are the tests' business.
WRONG = {"float32": 1e-3, "bfloat16": 5e-2}
CHANNELS = 16  # compared with float64, of the last batch row, over the whole length


EARLIER = "was wrong or broke on an earlier row, and is not run again"


@dataclass
class Candidate:
    """A scan to be timed on one row: what it is called with, and what it is."""

    name: str
    kind: str
    scan: Scan
    form: Form = PLAIN
    note: str = ""


@dataclass
class Ready:
    """A candidate that ran and was right."""

    candidate: Candidate
    call: Callable[[], tuple[Tensor, ...]]
    error: float
    peak: int | None


def measure(case: Case, bed: Bed, repeats: int, machine: str, wrong: Collection[str] = ()) -> Row:
    """Measure one row; who cannot run or is wrong is named in its place.

    `wrong` names peers that were wrong or broke before: they stay out, for one that writes where
    it should not takes the whole device down.
    """
    given = work.inputs(case, bed.tensors)
    candidates, absent = gather(case, bed.name, wrong)
    outcomes = [prepare(candidate, case, given, bed) for candidate in candidates]
    ready = [outcome for outcome in outcomes if isinstance(outcome, Ready)]
    absent += [outcome for outcome in outcomes if isinstance(outcome, Absent)]
    calls: dict[str, Call] = {r.candidate.name: r.call for r in ready}
    if case.direction != BOTH:
        calls[ADD] = lambda: torch.add(given.a, given.b)
    spreads = take_turns(calls, repeats, bed.stopwatch)
    figures = [_figure(r, case, spreads[r.candidate.name]) for r in ready]
    if ADD in spreads:
        note = "reads two arrays, writes one"
        figures.append(
            Figure(ADD, YARDSTICK, *_ms(spreads[ADD]), bytes=3 * given.a.nbytes, note=note)
        )
    floor_ms = floor_seconds(case.bytes, bed.name) * 1e3
    return Row(case, floor_ms, case.goal_ms(machine), figures, absent)


def _figure(r: Ready, case: Case, times: Spread) -> Figure:
    about = (case.bytes, r.error, r.peak, r.candidate.note)
    return Figure(r.candidate.name, r.candidate.kind, *_ms(times), *about)


def _ms(times: Spread) -> tuple[float, float, float, int]:
    return times.median * 1e3, times.low * 1e3, times.high * 1e3, times.runs


def gather(
    case: Case, device: str, wrong: Collection[str] = ()
) -> tuple[list[Candidate], list[Absent]]:
    """Find who does this row on this device, and who does not and why."""
    candidates, absent = [], []
    for name in BACKENDS[device]:
        found = _ours(name)
        (candidates if isinstance(found, Candidate) else absent).append(found)
    for peer in PEERS:
        if peer.device == device:
            found = Absent(peer.name, PEER, EARLIER) if peer.name in wrong else _peer(peer, case)
            (candidates if isinstance(found, Candidate) else absent).append(found)
    return candidates, absent


def _ours(name: str) -> Candidate | Absent:
    backend = available()[name]
    if not backend.ok:
        return Absent(name, OURS, backend.reason)
    return Candidate(name, OURS, lambda a, b: linear_scan(a, b, backend=name))


def _peer(peer: Peer, case: Case) -> Candidate | Absent:
    version = peer.version
    if not version:
        return Absent(peer.name, PEER, f"not installed: pip install {peer.install}")
    unfit = peer.unfit(case)
    if unfit:
        return Absent(peer.name, PEER, unfit)
    scan = _loaded(peer)
    if isinstance(scan, str):
        return Absent(peer.name, PEER, f"{version} cannot be loaded: {scan}", failed=True)
    note = f"{version}; {peer.note}".removesuffix("; ")
    return Candidate(peer.name, PEER, scan, peer.form, note)


@lru_cache(maxsize=len(PEERS))
def _loaded(peer: Peer) -> Scan | str:
    """The peer's function, or why there is none; a compiler runs once, even to fail."""
    try:
        with stdout_to_stderr():
            return peer.load()
    except Exception as problem:  # someone else's code, compilers included: anything may go wrong
        return _line(problem)


def prepare(candidate: Candidate, case: Case, given: Inputs, bed: Bed) -> Ready | Absent:
    """Run a candidate once as it will be timed, and compare what it gives with float64."""
    form, both = candidate.form, case.direction == BOTH
    x, y = (t.detach().requires_grad_(both) for t in form.enter(given.a, given.b))
    dh = form.turn(given.dh).contiguous() if both else given.dh

    def call() -> tuple[Tensor, ...]:
        h = candidate.scan(x, y)
        return (h, *torch.autograd.grad(h, (x, y), dh)) if both else (h,)

    try:
        with stdout_to_stderr():
            off = distance(call(), (x, y), dh, form)
            peak = bed.peak(call)
    except Exception as problem:  # as above; ours too must not take the whole table down
        return Absent(candidate.name, candidate.kind, f"failed: {_line(problem)}", failed=True)
    if not off <= WRONG[case.dtype]:
        reason = f"wrong result: relative error {off:.1e}, more than {WRONG[case.dtype]:.0e}"
        return Absent(candidate.name, candidate.kind, reason, failed=True)
    return Ready(candidate, call, off, peak)


def distance(
    got: tuple[Tensor, ...], operands: tuple[Tensor, Tensor], dh: Tensor, form: Form
) -> float:
    """The largest relative L2 error of h and the gradients against float64, on a few channels."""

    def cut(t: Tensor) -> Tensor:
        last = form.turn(t.detach())[-1:]
        return last[:, :, :: max(1, last.shape[2] // CHANNELS)].double()

    both = len(got) > 1
    x, y = (cut(t).requires_grad_(both) for t in operands)
    h = linear_scan(form.decay(x), y, backend="torch")
    expected = (h, *torch.autograd.grad(h, (x, y), cut(dh))) if both else (h,)
    return max(error(cut(g), e).l2 for g, e in zip(got, expected, strict=True))


def _line(problem: BaseException) -> str:
    text = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {text[0][:200] if text else 'no message'}"
