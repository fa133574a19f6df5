"""Sentences for bad input: the argument's name, what it got, what it needs."""

import os
from collections.abc import Iterable

import torch
from torch import Tensor

REAL = (torch.bfloat16, torch.float16, torch.float32, torch.float64)


def state_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which a recurrence over `dtype` accumulates.

    >>> state_dtype(torch.bfloat16), state_dtype(torch.float64)
    (torch.float32, torch.float64)
    """
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype


def is_tensor(
    op: str,
    name: str,
    x: object,
    *,
    also: Iterable[torch.dtype] = (),
    only: Iterable[torch.dtype] | None = None,
    because: str = "",
) -> None:
    """Raise TypeError unless `x` is a tensor of a dtype that the op takes."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{op}: {name} must be a torch.Tensor, got {type(x).__name__}")
    allowed = (*REAL, *also) if only is None else tuple(only)
    if x.dtype not in allowed:
        wanted = " or ".join(sorted(str(d).removeprefix("torch.") for d in allowed))
        raise TypeError(
            f"{op}: {name} must be {wanted} {because}".rstrip()
            + f", got {str(x.dtype).removeprefix('torch.')}"
        )


def shaped(op: str, name: str, x: Tensor, letters: str, sizes: tuple[int | None, ...]) -> None:
    """Raise ValueError unless `x` has these sizes; None stands for any."""
    fits = x.ndim == len(sizes) and all(
        want is None or have == want for have, want in zip(x.shape, sizes, strict=True)
    )
    if not fits:
        known = None not in sizes
        need = f"{letters} = {list(sizes)}" if known else letters
        raise ValueError(f"{op}: {name} must be {need}, got {list(x.shape)}")


def on_one_device(op: str, **tensors: Tensor | None) -> None:
    """Raise ValueError unless all tensors live on one device."""
    if len({x.device for x in tensors.values() if x is not None}) > 1:
        told = ", ".join(f"{name} on {x.device}" for name, x in tensors.items() if x is not None)
        raise ValueError(f"{op}: all tensors must be on one device, got {told}")


def within(op: str, name: str, x: Tensor, low: float, high: float, domain: str) -> None:
    """Raise ValueError unless every number of `x` is in [low, high]; NaN travels on.

    On a GPU only with MARSLAB_CHECK=1, since looking forces the device to finish; never while a
    graph is being compiled.
    """
    if torch.compiler.is_compiling() or (x.is_cuda and os.environ.get("MARSLAB_CHECK") != "1"):
        return
    x = _bare(x.detach())
    if x.numel() == 0 or x.is_meta:
        return
    least, most = (v.item() for v in x.aminmax())
    if not (least >= low and most <= high):  # a NaN hides the others from aminmax
        x = x[~x.isnan()]
        bad = x[(x < low) | (x > high)]
        if bad.numel():
            raise ValueError(f"{op}: {name} must be {domain}, got {bad[0].item():.6g}")


def _bare(x: Tensor) -> Tensor:
    """The numbers under torch.func's wrappers, which do not let themselves be looked at."""
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    while functorch.is_functorch_wrapped_tensor(x):
        x = functorch.get_unwrapped(x)
    return x
