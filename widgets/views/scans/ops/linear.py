"""Elementwise recurrences: `linear_scan`, and `min_gru`, whose gate comes from the input."""

import torch

from marslab.kernels import linear_scan, min_gru
from marslab.kernels.linear_scan import BACKENDS
from marslab.kernels.linear_scan import work as linear_work
from marslab.kernels.min_gru import BACKENDS as GRU_BACKENDS
from marslab.kernels.min_gru import work as gru_work
from marslab.widgets.views.scans import pictures, signals
from marslab.widgets.views.scans.registry import Given, ScanOp
from marslab.widgets.views.scans.setup import SOURCES, ScanSetup

SIZES = {"B": "B, sequences", "L": "L (steps)", "D": "D, channels"}
OPENING = 4.0  # how much further an input of 1 opens a gate, on the scale of its logit


def linear_scan_operands(setup: ScanSetup) -> Given:
    """Make a and b for `linear_scan`: a leaky average of the input, b = (1 - a) x.

    Channels of random numbers and of text differ in their time constant, from 1 step to `tau`;
    the columns of a digit share one.

    >>> linear_scan_operands(ScanSetup(B=2, L=5, D=3)).operands.b.shape
    torch.Size([2, 5, 3])
    """
    x, ticks = signals.signal(setup)
    taus, labels = signals.channels(setup)
    shape, place = setup.shape, signals.place(setup)
    a, x = torch.exp(-1 / taus).expand(shape), x.expand(shape)
    b = ((1 - a) * x).to(**place).contiguous()
    h0 = torch.zeros(shape[0], shape[2], **signals.wide_place(setup))
    operands = linear_work.Operands(a.to(**place).contiguous(), b, h0)
    return Given(operands, x[0], labels, ticks)


def min_gru_operands(setup: ScanSetup) -> Given:
    """Make a gate that opens with the input: the brighter x is, the more of it is taken in.

    At the mean of the input a channel forgets as its time constant says.

    >>> min_gru_operands(ScanSetup(op="min_gru", B=2, L=5, D=3)).operands.z_logit.shape
    torch.Size([2, 5, 3])
    """
    x, ticks = signals.signal(setup)
    taus, labels = signals.channels(setup)
    x = x.expand(setup.shape)
    at_rest = torch.expm1(1 / taus).log()  # 1 - sigmoid of it is exp(-1 / tau)
    z_logit = at_rest + OPENING * (x - x.mean((1, 2), keepdim=True))
    h0 = torch.zeros(setup.B, setup.shape[2], **signals.wide_place(setup))
    place = signals.place(setup)
    operands = gru_work.Operands(z_logit.to(**place), x.to(**place).contiguous(), h0)
    return Given(operands, x[0], labels, ticks)


OPERATIONS = (
    ScanOp(
        name="linear_scan",
        function=linear_scan,
        formula="h[t] = a[t] · h[t−1] + b[t]",
        backends=BACKENDS,
        letters=linear_work.LETTERS,
        sizes=lambda setup: setup.shape,
        cost=lambda setup: linear_work.cost(setup.shape, setup.itemsize),
        controls={"tau": "Time constant τ (steps)", **SIZES, "reverse": "Direction"},
        operands=linear_scan_operands,
        sources=SOURCES,
        options=lambda setup: {"reverse": setup.reverse},
        pictures=pictures.over_time("state h", "input x; b = (1 − a) x"),
    ),
    ScanOp(
        name="min_gru",
        function=min_gru,
        formula="h[t] = (1 − g[t]) · h[t−1] + g[t] · h̃[t],  g = σ(z[t])",
        backends=GRU_BACKENDS,
        letters=gru_work.LETTERS,
        sizes=lambda setup: setup.shape,
        cost=lambda setup: gru_work.cost(setup.shape, setup.itemsize),
        controls={"tau": "Time constant τ at rest (steps)", **SIZES},
        operands=min_gru_operands,
        sources=SOURCES,
        pictures=pictures.over_time("state h", "input x = h̃"),
    ),
)
