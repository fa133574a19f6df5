"""The definition: a plain loop over the steps of each chunk, differentiated by autograd."""

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype


def chunk_reduce(x: Tensor, chunk: int, op: str, gamma: Tensor | None) -> Tensor:
    """Return what each completed chunk of `x` boils down to, in the dtype of `x`.

    `gamma` has as many axes as `x`; those of size 1 serve all numbers along them.
    """
    wide, out = state_dtype(x.dtype), []
    for start in range(0, x.shape[1] - chunk + 1, chunk):
        h = x[:, start].to(wide)
        for t in range(start + 1, start + chunk):
            keep = 1.0 if gamma is None else gamma[:, t].to(wide)
            h = keep * h + x[:, t].to(wide)
        out.append(h / chunk if op == "mean" else h)
    return torch.stack(out, dim=1).to(x.dtype) if out else x[:, :0].clone()
