"""The mean of everything so far: what a causal model may use where a design says mean-pool."""

from typing import Literal, overload

import torch
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.kernels.checks import is_tensor, shaped, state_dtype


@overload
def running_mean(
    x: Tensor,
    before: Tensor | None = None,
    position: int = 0,
    *,
    return_state: Literal[False] = False,
) -> Tensor: ...
@overload
def running_mean(
    x: Tensor, before: Tensor | None = None, position: int = 0, *, return_state: Literal[True]
) -> tuple[Tensor, Tensor]: ...
def running_mean(x, before=None, position=0, *, return_state=False):
    """Return the mean of all steps up to each: m[t] = m[t-1] + (x[t] - m[t-1]) / (position+t+1).

    The last step of the result is what to carry on as `before`. For 16-bit x that is too coarse: a
    mean of more than some hundred steps stops to move. return_state=True gives it in float32.

    Each step is a weighted mean of the last mean and x, with weights that add up to exactly 1 also
    after rounding; so errors do not pile up, however large `position` is.

    Shapes (B batch, L length, D width):
        x: [B, L, D] floating point
        before: [B, D], the mean of the `position` steps before x; x's dtype or float32
        returns: [B, L, D] in the dtype of x; with return_state=True also the last mean [B, D], in
            float32 for 16- and 32-bit inputs

    Units:
        position: steps before x, at least 0; at 0 `before` counts for nothing

    Errors:
        TypeError: x is not a floating tensor
        ValueError: other shapes, `position` is negative, or it is positive and `before` is missing

    Source:
        TARS v3, section 3.3, h = mean-pool(x), made causal.

    >>> running_mean(torch.tensor([[[2.0], [4.0], [9.0]]])).flatten().tolist()
    [2.0, 3.0, 5.0]
    >>> running_mean(torch.tensor([[[9.0]]]), torch.tensor([[3.0]]), 2).item()
    5.0
    """
    wide = _check(x, before, position)
    h0 = x.new_zeros(x.shape[0], x.shape[2], dtype=wide) if before is None else before.to(wide)
    if x.shape[1] == 1:  # a step of decoding: one small op in place of a scan
        state = torch.lerp(h0, x[:, 0].to(wide), 1 / (position + 1))
        mean = state.unsqueeze(1)
    else:
        count = torch.arange(position, position + x.shape[1], device=x.device, dtype=torch.float64)
        kept = (count / (count + 1)).to(wide).view(1, -1, 1)
        new = x.to(wide) * (1 - kept)  # exact: so that both weights add up to 1
        mean, state = linear_scan(kept.expand_as(x), new, h0, return_state=True)
    mean = mean.to(x.dtype)
    return (mean, state) if return_state else mean


def _check(x: Tensor, before: Tensor | None, position: int) -> torch.dtype:
    """The dtype of the sum; raises unless the operands fit together."""
    name = "running_mean"
    is_tensor(name, "x", x)
    shaped(name, "x", x, "[B, L, D]", (None, None, None))
    wide = state_dtype(x.dtype)
    if position < 0:
        raise ValueError(f"{name}: position must be at least 0, got {position}")
    if before is not None:
        is_tensor(name, "before", before)
        shaped(name, "before", before, "[B, D]", (x.shape[0], x.shape[2]))
    elif position:
        raise ValueError(
            f"{name}: at position {position} the mean of the steps before is needed: give before"
        )
    return wide
