"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor


def min_gru(z_logit: Tensor, h_tilde: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `h_tilde`, and the last state in that of `h0`."""
    h, out = h0, []
    for z, new in zip(z_logit.to(h0.dtype).unbind(1), h_tilde.to(h0.dtype).unbind(1), strict=True):
        take, keep = torch.sigmoid(z), torch.sigmoid(-z)  # g and 1 - g, each with all its digits
        h = keep * h + take * new
        out.append(h)
    if not out:
        return h_tilde.clone(), h0.clone()
    return torch.stack(out, dim=1).to(h_tilde.dtype), h
