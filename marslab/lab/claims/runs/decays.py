"""MM-Rec's long products of decays: the plan in log space, its clamp, and what a scan does."""

import math

import torch
from torch import Tensor

from marslab.kernels import decay_product, linear_scan
from marslab.kernels.testing import error
from marslab.lab.claims.outcome import Outcome

LENGTH = 32_768  # the context that the design asks for
DECAY = 0.99  # its initial decay
CLAMP = -50.0
LONG = 65_536
WRONG = 0.01  # a state that is off by more than this share is wrong


def clamped() -> Outcome:
    """States by running sums of logs, clamped as printed, where the true state settles at 100."""
    gamma = torch.full((1, LENGTH, 1), DECAY, dtype=torch.float64)
    h = linear_scan(gamma, torch.ones_like(gamma))[0, :, 0]
    by_sums = _by_running_sums(gamma, CLAMP)
    ours = linear_scan(gamma.float(), torch.ones_like(gamma).float())[0, :, 0]
    open_ = _by_running_sums(gamma.float(), -math.inf)
    figures = {
        "first_wrong_step": _first_wrong(by_sums, h),
        "state_at_end": round(by_sums[-1].item(), 1),
        "true_state_at_end": round(h[-1].item(), 1),
        "unclamped_float32_first_wrong": _first_wrong(open_, h),
        "ours_first_wrong": _first_wrong(ours, h),
    }
    says = (
        f"At decay {DECAY} the clamped sum counts: {figures['state_at_end']:,.0f} after "
        f"{LENGTH:,} steps where {figures['true_state_at_end']:.0f} is right. linear_scan has no "
        "wrong step."
    )
    return Outcome(figures, says)


def added_back() -> Outcome:
    """exp(sum of logs - max) + max against the product, over the design's own context."""
    sums = torch.full((LENGTH,), DECAY, dtype=torch.float64).log().cumsum(0)
    largest = sums.max()
    as_printed, right = (sums - largest).exp() + largest, sums.exp()
    off = (as_printed / right - 1).abs() > WRONG
    figures = {
        "wrong_steps": int(off.sum()),
        "negative_shares": int((as_printed < 0).sum()),
        "at_minus_3_with_max_minus_1": math.exp(-3 + 1) - 1,
        "right_there": math.exp(-3),
    }
    says = (
        f"{figures['negative_shares']:,} of {LENGTH:,} shares come out negative. What is taken off "
        "in the exponent comes back as a factor, and that factor is the underflow."
    )
    return Outcome(figures, says)


def in_log_space() -> Outcome:
    """exp of the sum of logs in float32: where it becomes 0, its error, its gradient at 0."""
    gamma = torch.full((1, LENGTH, 1), DECAY)
    exact = decay_product(gamma.double())
    by_logs, ours = gamma.log().cumsum(1).exp(), decay_product(gamma)
    normal = (exact > torch.finfo(torch.float32).tiny).flatten()
    off = {name: _relative(y, exact, normal) for name, y in (("logs", by_logs), ("ours", ours))}
    figures = {
        "first_zero_by_logs": _first_zero(by_logs),
        "first_zero_by_product": _first_zero(ours),
        "nan_gradients_at_zero": _nan_gradients(lambda g: g.log().cumsum(1).exp()),
        "nan_gradients_ours": _nan_gradients(decay_product),
        "error_by_logs": off["logs"],
        "error_ours": off["ours"],
    }
    says = (
        f"exp of the sum is 0 from step {figures['first_zero_by_logs']:,} on, as the product is "
        f"from step {figures['first_zero_by_product']:,}: logs move the underflow into the last "
        "exp. At a decay of 0 their gradient is not a number."
    )
    return Outcome(figures, says)


def scanned() -> Outcome:
    """memory[t] = memory[t-1] decay + input, scanned in float32, against a loop in float64."""
    torch.manual_seed(0)
    decays = torch.tensor([0.9, 0.99, 0.999, 0.9999, 1.0], dtype=torch.float64)
    a = decays.expand(1, LONG, len(decays)).clone()
    b = torch.rand_like(a)
    a[:, ::1000, 0] = 0.0  # resets
    exact = linear_scan(a, b, backend="naive")
    h = linear_scan(a.float(), b.float())
    off = (h.double() / exact - 1).abs()
    # float32 holds 0.9999 as 0.99989998: an error of the number, not of the scan.
    rounded = linear_scan(a.float().double(), b.float().double(), backend="naive")
    figures = {
        "wrong_steps": int((off > WRONG).sum()),
        "largest_error": off.max().item(),
        "largest_error_on_rounded_inputs": error(h, rounded).worst,
    }
    says = (
        f"{LONG:,} steps in float32 with decays from 0 to 1: no state is off by more than "
        f"{figures['largest_error']:.1e}."
    )
    return Outcome(figures, says)


def initial_decay() -> Outcome:
    """What the design's initial decay leaves of a token after its required context."""
    left = DECAY**LENGTH
    half_life = math.log(0.5) / math.log(DECAY)
    figures = {
        "log10_left": math.log10(DECAY) * LENGTH,
        "half_life": half_life,
        "left_in_float32": float(torch.tensor(left).float()),
        "decay_for_half": 0.5 ** (1 / LENGTH),
    }
    says = (
        f"Half of a token is left after {half_life:.0f} steps, 10^{figures['log10_left']:.0f} of "
        f"it after {LENGTH:,}. To keep half, a decay of {figures['decay_for_half']:.7f} is needed."
    )
    return Outcome(figures, says)


def _by_running_sums(gamma: Tensor, least: float) -> Tensor:
    """h_t = P_t sum_i 1 / P_i, with log P the running sum, clamped from below."""
    product = gamma.log().cumsum(1).clamp(least, 0).exp()
    return (product * (1 / product).cumsum(1))[0, :, 0]


def _first_wrong(h: Tensor, exact: Tensor) -> int:
    """The first step (from 1) that is off by more than WRONG; one past the end if none is."""
    right = (h.double() / exact - 1).abs() <= WRONG  # NaN and infinity are not
    return len(h) + 1 if right.all() else int((~right).nonzero()[0]) + 1


def _first_zero(y: Tensor) -> int:
    return int((y.flatten() == 0).nonzero()[0]) + 1


def _relative(y: Tensor, exact: Tensor, where: Tensor) -> float:
    return (y.double() / exact - 1).abs().flatten()[where].max().item()


def _nan_gradients(product) -> int:
    """How many of the gradients of the sum of all products are NaN at (0.5, 0, 0.5)."""
    gamma = torch.tensor([[[0.5], [0.0], [0.5]]], requires_grad=True)
    (grad,) = torch.autograd.grad(product(gamma).sum(), gamma)
    return int(grad.isnan().sum())
