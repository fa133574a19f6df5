"""Joins the two kernels of a backend to autograd, torch.func, compile and export.

For ops whose backward is a kernel of its own; `linear_scan`, whose backward is a scan again, has
its own (linear_scan/autograd.py). Neither kernel is ever called bare: each stands in a Function.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

RESULTS = 2  # the outputs of a forward kernel that are differentiable: the result and the state


class Kernels(NamedTuple):
    """The two custom ops of a backend.

    forward: (*tensors, *options) -> (result, state, *kept), kept for the backward alone
    backward: (*tensors, result, state, *kept, dresult, dstate, *options) -> a gradient per tensor
    twice: what the caller can write to get the gradient of the gradient
    """

    forward: Callable
    backward: Callable
    twice: str = "backend='torch'"


KERNELS: dict[str, Kernels] = {}  # "<op> <backend>" -> its kernels, filled by their modules


def unwatched(*tensors: Tensor) -> bool:
    """Whether a kernel may be called bare: nobody asks for a derivative, and nothing is traced.

    The way through a Function costs about as much as a small kernel: decoding does without. Where
    gradients are on, `tensors` are all those that one might be asked of.
    """
    return not (
        torch.compiler.is_compiling()
        or (torch.is_grad_enabled() and (not tensors or any(x.requires_grad for x in tensors)))
        or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportAttributeAccessIssue]
        or forward_ad._current_level >= 0
    )


def wanted(*tensors: Tensor) -> bool:
    """Whether a gradient may be asked for, so that the forward has to keep what it needs.

    Where something else looks through the tensors it is not seen on them: then, perhaps.
    """
    return torch.is_grad_enabled() and (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportAttributeAccessIssue]
        or any(x.requires_grad for x in tensors)
    )


def join(key: str, tensors: tuple[Tensor, ...], *options: object) -> tuple[Tensor, Tensor]:
    """Run the kernels of `key`, differentiable once: the result and the last state."""
    result, state, *_ = join_all(key, tensors, *options)
    return result, state


def join_all(key: str, tensors: tuple[Tensor, ...], *options: object) -> tuple[Tensor, ...]:
    """Like `join`; also returns what the forward kernel kept."""
    if unwatched():
        return KERNELS[key].forward(*tensors, *options)
    distinct: list[Tensor] = []
    for x in tensors:  # torch.compile takes no tensor twice
        distinct.append(x.view_as(x) if any(x is y for y in distinct) else x)
    return Joined.apply(key, len(distinct), *distinct, *options)  # pyright: ignore[reportReturnType]


def _plain(args: tuple) -> tuple:
    """The arguments of `apply`: torch.compile puts a context before them when it sees `*args`."""
    return args if isinstance(args[0], str) else args[1:]


def _one_by_one(function, info, in_dims, args) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """The vmap rule: a call for each element, since gradients of weights must stay apart."""
    outs = []
    for i in range(info.batch_size):
        each = (x if d is None else x.select(d, i) for x, d in zip(args, in_dims, strict=True))
        outs.append(function.apply(*each))
    stacked = tuple(torch.stack(parts) for parts in zip(*outs, strict=True))
    return stacked, (0,) * len(stacked)


class Joined(torch.autograd.Function):
    """(key, count of tensors, *tensors, *options) -> (result, state, *kept)."""

    @staticmethod
    def forward(*args):
        key, _count, *rest = _plain(args)
        return KERNELS[key].forward(*rest)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.key, ctx.count, *args = inputs
        ctx.options = args[ctx.count :]
        ctx.mark_non_differentiable(*output[RESULTS:])
        ctx.set_materialize_grads(False)  # or what was kept, which is large, gets zeros beside it
        ctx.save_for_backward(*args[: ctx.count], *output)

    @staticmethod
    def backward(ctx, *grads):
        saved = ctx.saved_tensors
        results = saved[ctx.count : ctx.count + RESULTS]
        pushed = [
            torch.zeros_like(x) if g is None else g
            for g, x in zip(grads[:RESULTS], results, strict=True)
        ]
        count = len(saved) + RESULTS
        out = JoinedGradient.apply(ctx.key, count, *saved, *pushed, *ctx.options)
        return None, None, *out, *(None for _ in ctx.options)  # pyright: ignore[reportGeneralTypeIssues]

    @staticmethod
    def vmap(info, in_dims, *args):
        return _one_by_one(Joined, info, in_dims, args)


class JoinedGradient(torch.autograd.Function):
    """(key, count of tensors, *saved, dresult, dstate, *options) -> gradients."""

    @staticmethod
    def forward(*args):
        key, _count, *rest = _plain(args)
        return KERNELS[key].backward(*rest)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.key = inputs[0]

    @staticmethod
    def backward(ctx, *grads):
        raise NotImplementedError(
            f"{ctx.key.split()[0]}: the gradient of the gradient is not written for this backend;"
            f" {KERNELS[ctx.key].twice} has it"
        )

    @staticmethod
    def vmap(info, in_dims, *args):
        return _one_by_one(JoinedGradient, info, in_dims, args)
