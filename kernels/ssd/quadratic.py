"""The dual of the recurrence: one L x L matrix applied to the sequence, as in attention.

Every output is written as a weighted sum over all inputs so far. It costs L^2 and exists to be
read, and to be compared with.
"""

from typing import Literal, overload

from torch import Tensor

from marslab.kernels.ssd.decay import decays, log_decay, wide
from marslab.kernels.ssd.operands import check, filled


def matrix(dt: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """M[t, s] = exp(sum of dt_k A over s < k <= t) * (C_t . B_s) * dt_s for s <= t, else 0.

    Shapes (B batch, L length, H heads, G groups, N state):
        dt: [B, L, H]; A: [H]; B, C: [B, L, G, N], float32 or float64
        returns: [B, H, L, L], row t, column s
    """
    return _weights(decays(log_decay(dt, A, wide(B)).mT, B.dtype).pairs, dt, B, C)


def _weights(pairs: Tensor, dt: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The matrix, from the decays between all pairs of steps, [B, H, L, L]."""
    scores = (C.movedim(1, 2) @ B.movedim(1, 2).mT).repeat_interleave(dt.shape[2] // B.shape[2], 1)
    return scores * pairs * dt.to(B.dtype).mT[:, :, None, :]


@overload
def ssd_quadratic(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    return_state: Literal[False] = False,
) -> Tensor: ...
@overload
def ssd_quadratic(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    return_state: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def ssd_quadratic(x, dt, A, B, C, D=None, h0=None, *, return_state=False):
    """Compute `ssd` as one masked matrix product over the whole sequence.

    Time and memory grow with L^2. Plain tensor operations on any device, so there is no backend
    to choose; derivatives of every order.

    Shapes (B batch, L length, H heads, P head width, G groups, N state):
        x: [B, L, H, P]; dt: [B, L, H]; A, D: [H]; B, C: [B, L, G, N]; h0: [B, H, P, N]
        returns: y [B, L, H, P]; with return_state=True also the last state [B, H, P, N]

    Errors:
        TypeError, ValueError: as for `ssd`

    Source:
        Dao & Gu 2024, "Transformers are SSMs", section 3.

    >>> import torch
    >>> one = torch.ones(1, 3, 1, 1)
    >>> ssd_quadratic(one, one[..., 0], torch.zeros(1), one, one).flatten().tolist()
    [1.0, 2.0, 3.0]
    """
    check("ssd_quadratic", x, dt, A, B, C, D, h0)
    D, h0 = filled(x, B, D, h0)
    if x.shape[1] == 0:
        return (x.clone(), h0.clone()) if return_state else x.clone()
    dtype, per_group = h0.dtype, x.shape[2] // B.shape[2]
    values, steps, B, C = (v.to(dtype) for v in (x, dt, B, C))
    values = values.movedim(1, 2)  # [B, H, L, P]
    pairs, keep, rest, total = decays(log_decay(dt, A, wide(h0)).mT, dtype)
    keys, queries = (v.movedim(1, 2).repeat_interleave(per_group, 1) for v in (B, C))
    y = _weights(pairs, steps, B, C) @ values + keep[..., None] * (queries @ h0.mT)
    y = (y + D.to(dtype)[:, None, None] * values).movedim(1, 2).to(x.dtype)
    state = ((rest * steps.mT)[..., None] * values).mT @ keys
    state = state + (total[..., None, None] * h0).to(dtype)
    return (y, state) if return_state else y
