"""h[t] = (1 - g[t]) * h[t-1] + g[t] * h_tilde[t], with a gate g that does not see h."""

from typing import Literal, overload

from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype
from marslab.kernels.linear_scan import implementation
from marslab.kernels.min_gru import as_scan, naive

BACKENDS = ("naive", "torch", "numba", "triton")


@overload
def min_gru(
    z_logit: Tensor,
    h_tilde: Tensor,
    h0: Tensor | None = None,
    *,
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def min_gru(
    z_logit: Tensor,
    h_tilde: Tensor,
    h0: Tensor | None = None,
    *,
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
def min_gru(z_logit, h_tilde, h0=None, *, return_state=False, backend="auto"):
    """Solve h[t] = (1 - g[t]) * h[t-1] + g[t] * h_tilde[t] with g = sigmoid(z_logit).

    Shapes (B batch, L length, D width):
        z_logit, h_tilde: [B, L, D] of one real dtype; `z_logit` may be float32 beside a 16-bit
            `h_tilde`
        h0: [B, D], the state before the first step; zeros if None
        returns: h [B, L, D] in the dtype of `h_tilde`; with return_state=True also the last state
            [B, D], in float32 for 16- and 32-bit inputs, in float64 otherwise

    Units:
        z_logit: any; a gate of 1/n makes a memory of n steps, and its logit is -log(n - 1)

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ, or `backend` is named and cannot run here

    Source:
        Feng et al. 2024, "Were RNNs all we needed?", section 3.1.

    >>> import torch
    >>> half, one = torch.zeros(1, 3, 1), torch.ones(1, 3, 1)
    >>> min_gru(half, one).flatten().tolist()
    [0.5, 0.75, 0.875]
    """
    _check(z_logit, h_tilde, h0)
    state = state_dtype(h_tilde.dtype)
    name = choose("min_gru", backend, h_tilde.device, BACKENDS)
    if h0 is None:
        width = 0 if name == "triton" else h_tilde.shape[2]
        h0 = h_tilde.new_zeros((h_tilde.shape[0], width), dtype=state)
    operands = z_logit, h_tilde, h0.to(state)
    if name == "naive":
        h, last = naive.min_gru(*operands)
    elif name == "triton":
        from marslab.kernels.min_gru import gpu

        h, last = gpu.min_gru(*operands)
    else:
        h, last = as_scan.min_gru(implementation(name), *operands)
    return (h, last) if return_state else h


def _check(z_logit: Tensor, h_tilde: Tensor, h0: Tensor | None) -> None:
    is_tensor("min_gru", "h_tilde", h_tilde)
    allowed = {h_tilde.dtype, state_dtype(h_tilde.dtype)}
    beside = f"beside h_tilde of {h_tilde.dtype}"
    is_tensor("min_gru", "z_logit", z_logit, only=allowed, because=beside)
    shaped("min_gru", "h_tilde", h_tilde, "[B, L, D]", (None, None, None))
    shaped("min_gru", "z_logit", z_logit, "[B, L, D]", tuple(h_tilde.shape))
    if h0 is not None:
        is_tensor("min_gru", "h0", h0, only=allowed, because=beside)
        shaped("min_gru", "h0", h0, "[B, D]", (h_tilde.shape[0], h_tilde.shape[2]))
    on_one_device("min_gru", z_logit=z_logit, h_tilde=h_tilde, h0=h0)
