"""MM-Rec's core: whether one associative scan can compute a gate that sees the state."""

import torch

from marslab.kernels import gated_recurrence, linear_scan
from marslab.kernels.gated_recurrence.work import draw
from marslab.kernels.testing import error
from marslab.lab.claims.outcome import Outcome

SIZES = (4, 1024, 32)


def core_as_a_scan() -> Outcome:
    """One scan with the gates of the first state against the loop; and how two steps compose."""
    torch.manual_seed(0)
    z, W, gamma, h0 = draw(SIZES, norm=1.0, decay=(0.9, 0.99))
    exact = gated_recurrence(z, W, gamma, h0, backend="naive")
    gate = torch.sigmoid(h0 @ W.T)[:, None]
    h, info = gated_recurrence(z, W, gamma, h0, method="newton", return_info=True)
    figures = {
        "error_of_one_scan": error(linear_scan(gamma, z * gate, h0), exact).l2,
        "spread_of_two_steps": _symmetric_spread(2),
        "spread_of_one_step": _symmetric_spread(1),
        "sweeps_for_the_exact_states": info.iterations,
        "error_after_the_sweeps": error(h, exact).worst,
    }
    says = (
        "A scan that takes the gates as they are at the start is "
        f"{figures['error_of_one_scan']:.0%} off. Two steps are not a step of the same "
        "kind, so nothing can be joined. "
        f"{info.iterations} sweeps, a scan each, find the exact states."
    )
    return Outcome(figures, says)


def _symmetric_spread(steps: int) -> float:
    """How far f(h) + f(-h) varies with h after so many steps.

    For one step it is z, whatever h is, because sigmoid(x) + sigmoid(-x) = 1. If two steps were
    one step with other numbers, it would not vary for two either.
    """
    h0 = torch.tensor([[0.0], [0.5], [1.0], [2.0], [5.0]], dtype=torch.float64)
    z = torch.tensor([3.0, -2.0], dtype=torch.float64).view(1, 2, 1).expand(5, 2, 1)[:, :steps]
    W, gamma = torch.tensor([[2.0]], dtype=torch.float64), torch.full_like(z, 0.5)
    up, down = (gated_recurrence(z, W, gamma, h)[:, -1, 0] for h in (h0, -h0))
    return ((up + down).max() - (up + down).min()).item()
