"""The operations that the Scans view can run. A later one registers itself here."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.kernels.linear_scan import BACKENDS, work
from marslab.widgets.views.scans.setup import DTYPES, ScanSetup


class Operands(NamedTuple):
    """What goes into an op, and how to speak about it.

    Shapes (B batch, L length, D width):
        a, b: [B, L, D], the op's operands
        x: [L, D], the input of the first sequence, before it is weighted
        labels: D names; ticks: L names or None
    """

    a: Tensor
    b: Tensor
    x: Tensor
    labels: list[str]
    ticks: list[str] | None


class ScanOp(NamedTuple):
    """One operation: its name, how it is written, made, called, and what it costs at least."""

    name: str
    formula: str
    backends: tuple[str, ...]
    operands: Callable[[ScanSetup], Operands]
    call: Callable[[Operands, ScanSetup, str], Tensor]
    bytes: Callable[[ScanSetup], int]
    flops: Callable[[ScanSetup], int]
    source: str


OPS: dict[str, ScanOp] = {}


def register(op: ScanOp) -> None:
    """Offer `op` in the Scans view.

    Errors:
        ValueError: there is one of that name already
    """
    if op.name in OPS:
        raise ValueError(f"register: {op.name!r} is registered already")
    OPS[op.name] = op


def linear_scan_operands(setup: ScanSetup) -> Operands:
    """Make a and b for `linear_scan`: a leaky average of the input, b = (1 - a) x.

    Channels of random numbers and of text differ in their time constant, from 1 step to `tau`;
    the columns of a digit share one.

    >>> linear_scan_operands(ScanSetup(B=2, L=5, D=3)).b.shape
    torch.Size([2, 5, 3])
    """
    x, ticks = _SIGNALS[setup.source](setup)
    shape = setup.shape
    if setup.source == "digit":
        taus = torch.full((shape[2],), setup.tau, dtype=torch.float64)
        labels = [f"column {i}" for i in range(shape[2])]
    else:
        taus = torch.logspace(0, 1, shape[2], base=setup.tau, dtype=torch.float64)
        taus[-1] = setup.tau  # also when there is one channel
        labels = [f"τ = {tau:.3g}" for tau in taus.tolist()]
    a = torch.exp(-1 / taus).expand(shape)
    place = {"dtype": DTYPES[setup.dtype], "device": setup.device}
    x = x.expand(shape)
    b = ((1 - a) * x).to(**place).contiguous()
    return Operands(a.to(**place).contiguous(), b, x[0], labels, ticks)


def _random(setup: ScanSetup) -> tuple[Tensor, None]:
    generator = torch.Generator().manual_seed(setup.seed)
    batch, length, _ = setup.shape
    return torch.randn(batch, length, 1, generator=generator, dtype=torch.float64), None


def _text(setup: ScanSetup) -> tuple[Tensor, list[str]]:
    from marslab.text import ByteTokenizer

    ids = ByteTokenizer().encode(setup.text)
    ticks = [chr(i) if 32 < i < 127 else "␣" if i == 32 else f"{i:02x}" for i in ids]
    return torch.tensor(ids, dtype=torch.float64).reshape(1, -1, 1) / 255, ticks


def _digit(setup: ScanSetup) -> tuple[Tensor, list[str]]:
    from marslab.tasks.digits import load_digits_sequences

    split = load_digits_sequences(seed=0)
    images = torch.cat([torch.as_tensor(split.train_x), torch.as_tensor(split.test_x)])
    chosen = torch.arange(setup.digit, setup.digit + setup.B) % len(images)
    return images[chosen].double(), [f"row {i}" for i in range(8)]


_SIGNALS = {"random": _random, "text": _text, "digit": _digit}


def _bytes(setup: ScanSetup) -> int:
    return work.cost(setup.shape, setup.itemsize).bytes


def _call(operands: Operands, setup: ScanSetup, backend: str) -> Tensor:
    return linear_scan(operands.a, operands.b, reverse=setup.reverse, backend=backend)


register(
    ScanOp(
        name="linear_scan",
        formula="h[t] = a[t] · h[t−1] + b[t]",
        backends=BACKENDS,
        operands=linear_scan_operands,
        call=_call,
        bytes=_bytes,
        flops=lambda setup: 2 * setup.elements,
        source="linear_scan(operands.a, operands.b, reverse={reverse}, backend={backend!r})",
    )
)
