"""The gate does not see h: all gates at once, then one linear scan does the rest."""

import torch
from torch import Tensor

from marslab.kernels.linear_scan import Scan


def min_gru(scan: Scan, z_logit: Tensor, h_tilde: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `h_tilde`, and the last state in that of `h0`.

    `scan` is a backend of `linear_scan`. Around it stand plain tensor operations in the dtype of
    the state: rounded to bfloat16, a decay 1 - g is 1 for every g up to 1/512, and never forgets.
    """
    z = z_logit.to(h0.dtype)
    inflow = torch.sigmoid(z) * h_tilde.to(h0.dtype)
    h, state = scan(torch.sigmoid(-z), inflow, h0, False)  # 1 - sigmoid(z) would lose digits
    return h.to(h_tilde.dtype), state
