"""y[t] = gamma[0] * gamma[1] * ... * gamma[t]: what is left of step -1 after each step."""

from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, within
from marslab.kernels.decay_product import naive, torch_ops

BACKENDS = ("naive", "torch")


def decay_product(gamma: Tensor, *, backend: str = "auto") -> Tensor:
    """Multiply decays along the sequence, exactly where one is 0 or 1, and never by division.

    There is no state to hand on: of a sequence cut in two, multiply the products of the second
    part by the last product of the first.

    Shapes (B batch, L length):
        gamma: [B, L, ...], a real dtype
        returns: [B, L, ...] in the dtype of `gamma`

    Units:
        gamma: the share that is kept in a step, in [0, 1]

    Errors:
        TypeError: not a tensor, or not of a real dtype
        ValueError: fewer than two axes, a number outside [0, 1] (on CUDA looked for with
            MARSLAB_CHECK=1 only), or `backend` is named and cannot run here

    >>> import torch
    >>> decay_product(torch.tensor([[0.5, 1.0, 0.5, 0.0, 0.5]])).tolist()
    [[0.5, 0.5, 0.25, 0.0, 0.0]]
    """
    is_tensor("decay_product", "gamma", gamma)
    if gamma.ndim < 2:
        raise ValueError(f"decay_product: gamma must be [B, L, ...], got {list(gamma.shape)}")
    within("decay_product", "gamma", gamma, 0.0, 1.0, "in [0, 1]")
    name = choose("decay_product", backend, gamma.device, BACKENDS)
    return (naive if name == "naive" else torch_ops).decay_product(gamma)
