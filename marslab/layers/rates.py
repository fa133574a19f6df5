"""Where the decays of a state space start: rates A and steps dt, so that exp(dt A) is the decay."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

RateInit = Literal["integers", "ones", "random"]


def log_rates(n: int, how: RateInit = "integers") -> Tensor:
    """Return log(-A) of `n` states: A = -1 .. -n, all -1, or -n to a random power.

    "integers" is S4D-Real, "random" draws -A log-uniformly from 1 to n.

    Shapes:
        returns: [n] float32

    Errors:
        ValueError: no such start

    Source:
        Gu et al. 2022, "On the parameterization and initialization of diagonal state space models".

    >>> log_rates(3).exp().tolist()
    [1.0, 2.0, 3.0...]
    """
    if how == "integers":
        return torch.arange(1.0, n + 1).log()
    if how == "ones":
        return torch.zeros(n)
    if how == "random":
        return torch.rand(n) * math.log(n)
    raise ValueError(f"decays start as one of {', '.join(get_args(RateInit))}, got {how!r}")


def check_steps(kind: str, steps: tuple[float, float]) -> None:
    """Raise ValueError unless 0 < least <= largest."""
    if not 0 < steps[0] <= steps[1]:
        raise ValueError(f"{kind}: steps must be 0 < least <= largest, got {steps}")


@torch.no_grad()
def spread_steps(bias: nn.Parameter, steps: tuple[float, float]) -> None:
    """Set `bias` so that softplus(bias) is spread evenly in log scale over `steps`.

    >>> bias = nn.Parameter(torch.zeros(3))
    >>> spread_steps(bias, (0.01, 1.0))
    >>> [round(dt, 6) for dt in torch.nn.functional.softplus(bias).tolist()]
    [0.01, 0.1, 1.0]
    """
    dt = torch.logspace(math.log10(steps[0]), math.log10(steps[1]), len(bias))
    bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # softplus undone
