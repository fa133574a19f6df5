"""CRSM's Mamba layers: what one costs by its length and its width, and what it must remember."""

import math

import torch
from torch.utils.flop_counter import FlopCounterMode

from marslab.kernels import selective_scan
from marslab.kernels.selective_scan.work import cost, draw
from marslab.lab.claims.outcome import Outcome
from marslab.layers import SelectiveSSM

WIDTH, STATES = 2048, 256  # the design's hidden_size and d_state
EXPAND = 2
STEPS = (1, 2, 16, 256, 2048)


def layer_cost() -> Outcome:
    """Operations of one layer at the design's sizes, counted; exponents in length and width."""
    longer = math.log2(_operations(128, WIDTH) / _operations(64, WIDTH))
    wider = math.log2(_operations(64, WIDTH) / _operations(64, WIDTH // 2))
    figures = {
        "length_exponent": longer,
        "width_exponent": wider,
        "gflop_per_token": _operations(64, WIDTH) / 64 / 1e9,
        "share_of_the_scan": cost((1, 64, EXPAND * WIDTH, STATES), 4).flops
        / _operations(64, WIDTH),
    }
    says = (
        f"In the length the cost of a layer has the power {longer:.2f}, as promised. In the width "
        f"it has {wider:.2f}, between B L D and the D squared of its projections: the scan is "
        f"{figures['share_of_the_scan']:.0%} of it at the design's d_state of {STATES}."
    )
    return Outcome(figures, says)


def decode_state() -> Outcome:
    """What is carried from token to token, by the number of tokens read one at a time."""
    torch.manual_seed(0)
    longest = draw((1, STEPS[-1], 8, 16), torch.float32)
    x, dt, A, B, C, D, h = longest
    y, last = selective_scan(*longest, return_state=True)
    sizes, out = {}, []
    for t in range(STEPS[-1]):
        now = slice(t, t + 1)
        part, h = selective_scan(
            x[:, now], dt[:, now], A, B[:, now], C[:, now], D, h, return_state=True
        )
        out.append(part)
        if t + 1 in STEPS:
            sizes[t + 1] = h.numel() * h.element_size()
    off = (torch.cat(out, 1) - y).abs().max() / y.abs().max()
    figures = {
        "state_growth": max(sizes.values()) / min(sizes.values()),
        "error_token_by_token": max(off.item(), ((h - last).abs().max() / last.abs().max()).item()),
        "state_mb_at_the_printed_size": 24 * EXPAND * WIDTH * STATES * 4 / 1e6,
    }
    says = (
        f"The state of the scan is as large after {STEPS[-1]:,} tokens as after 1, and token by "
        "token gives what the whole sequence gives. At the printed size it is "
        f"{figures['state_mb_at_the_printed_size']:.0f} MB in float32 for one sequence."
    )
    return Outcome(figures, says)


def _operations(length: int, width: int) -> int:
    """Multiply-adds count two; matrix products by torch's counter, the scan by its own cost."""
    layer = SelectiveSSM(width, d_state=STATES, expand=EXPAND, enabled=False)
    inner = EXPAND * width
    with torch.device("meta"):
        projections = [layer.to_dt, layer.to_B_and_C]
        u = torch.empty(1, length, inner)
    with FlopCounterMode(display=False) as counter:
        layer.to("meta")(torch.empty(1, length, width, device="meta"))
        for each in projections:
            each(u)
    return counter.get_total_flops() + cost((1, length, inner, STATES), 4).flops
