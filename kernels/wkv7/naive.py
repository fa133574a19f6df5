"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor


def wkv7(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, H, V] in the dtype of `v`, and the last state [B, H, V, K]."""
    S, out = s0, []
    rows = (x.to(S.dtype).unsqueeze(-2).unbind(1) for x in (r, w, k, a, b))  # [B, H, 1, K] each
    columns = v.to(S.dtype).unsqueeze(-1).unbind(1)  # [B, H, V, 1]
    for r_t, w_t, k_t, a_t, b_t, v_t in zip(*rows, columns, strict=True):
        S = S * w_t.exp() + (S @ a_t.mT) @ b_t + v_t @ k_t
        out.append((S @ r_t.mT).squeeze(-1))
    if not out:
        return v.clone(), s0.clone()
    return torch.stack(out, dim=1).to(v.dtype), S
