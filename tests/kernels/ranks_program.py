"""One rank of test_ranks.py: `python ranks_program.py RANK WORLD STORE`; prints case -> problem.

A case passes with "". Sentences of expected errors are returned as they are, to be compared.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import accumulate
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from marslab.kernels import linear_scan, ssd
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.ssd import work as ssd_work
from marslab.kernels.testing import assert_close

RANK, WORLD = int(sys.argv[1]), int(sys.argv[2])
B, D = 2, 3


def part(x: Tensor, lengths: list[int]) -> Tensor:
    """This rank's steps of a whole sequence."""
    start = [0, *accumulate(lengths)][RANK]
    return x[:, start : start + lengths[RANK]]


def grad(x: Tensor) -> Tensor:
    return torch.zeros_like(x) if x.grad is None else x.grad


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def equals_one_process(
    lengths: list[int],
    dtype: torch.dtype = torch.float64,
    *,
    reverse: bool = False,
    with_h0: bool = True,
    with_state: bool = True,
    backend: str = "numba",
) -> None:
    torch.manual_seed(len(lengths) + sum(lengths))  # the same whole sequence on every rank
    a, b, h0 = draw((B, sum(lengths), D), dtype, decay=(0.5, 1.0))
    weights = torch.randn_like(b), *torch.randn((WORLD, B, D), dtype=h0.dtype)
    mine = [leaf(part(a, lengths)), leaf(part(b, lengths)), leaf(h0)]
    wide = torch.complex128 if dtype.is_complex else torch.float64
    one = [leaf(x.to(wide)) for x in (a, b, h0)]
    scan = partial(linear_scan, reverse=reverse, return_state=True)
    h, state = scan(*mine[: 2 + with_h0], group=dist.group.WORLD, backend=backend)
    whole, last = scan(*one[: 2 + with_h0], backend="naive")
    length = sum(lengths)
    assert_close(h, part(whole, lengths), "h", dtype=dtype, length=length)
    assert_close(state, last, "state", dtype=dtype, length=length)

    # each rank weighs the state in its own way: the loss is the sum over ranks
    loss = (h * part(weights[0], lengths)).sum() + with_state * (state * weights[1 + RANK]).sum()
    all_states = torch.stack(weights[1:]).sum(0) * with_state
    total = (whole * weights[0]).sum() + (last * all_states).sum()
    for x in (loss, total):
        (torch.view_as_real(x).sum() if x.is_complex() else x).backward()
    first = WORLD - 1 if reverse else 0
    da, db, dh0 = map(grad, one)
    expected = [part(da, lengths), part(db, lengths), dh0 * (first == RANK)][: 2 + with_h0]
    for name, x, wanted in zip(("da", "db", "dh0"), mine, expected, strict=False):
        assert x.grad is not None, f"{name} is missing"
        assert_close(x.grad, wanted, name, dtype=dtype, length=length, gradient=True)


def ssd_equals_one_process(
    lengths: list[int],
    dtype: torch.dtype = torch.float64,
    *,
    with_h0: bool = True,
    backend: str = "numba",
) -> None:
    torch.manual_seed(sum(lengths))
    whole = ssd_work.draw((B, sum(lengths), 4, 3, 2, 5), dtype)
    weights = torch.randn_like(whole.x), *torch.randn((WORLD, *whole.h0.shape), dtype=torch.float64)
    mine = [leaf(part(x, lengths) if x.ndim > 2 and x is not whole.h0 else x) for x in whole]
    one = [leaf(x.double()) for x in whole]
    run = partial(ssd, return_state=True, chunk_size=8)
    y, state = run(*mine[: 6 + with_h0], group=dist.group.WORLD, backend=backend)
    expected, last = run(*one[: 6 + with_h0], backend="naive")
    near = partial(assert_close, dtype=dtype, length=sum(lengths))
    near(y, part(expected, lengths), "y")
    near(state, last, "state")

    ((y * part(weights[0], lengths)).sum() + (state * weights[1 + RANK]).sum()).backward()
    ((expected * weights[0]).sum() + (last * torch.stack(weights[1:]).sum(0)).sum()).backward()
    for name, x, all_of_it in zip(whole._fields[: 6 + with_h0], mine, one, strict=False):
        assert x.grad is not None, f"d{name} is missing"
        if name in ("A", "D"):  # weights: the whole gradient is the sum over ranks
            dist.all_reduce(x.grad)
            near(x.grad, grad(all_of_it), f"d{name}", gradient=True)
        elif name == "h0":
            near(x.grad, grad(all_of_it) * (RANK == 0), "dh0", gradient=True)
        else:
            near(x.grad, part(grad(all_of_it), lengths), f"d{name}", gradient=True)


def ssd_mismatch() -> str:
    operands = ssd_work.draw((B, 4, 2 + 2 * RANK, 3, 2, 5))
    return sentence(lambda: ssd(*operands, group=dist.group.WORLD))


def one_rank_wants_gradients() -> None:
    """Rank 0 trains, the others hold constants; nobody may wait for a gradient that never comes."""
    torch.manual_seed(5)
    a, b, _ = draw((B, 8, D))
    lengths = [4, 4]
    mine = leaf(part(b, lengths)) if RANK == 0 else part(b, lengths)
    h = linear_scan(part(a, lengths), mine, group=dist.group.WORLD)
    h.sum().backward()
    one = leaf(b)
    linear_scan(a, one).sum().backward()
    if RANK == 0:
        assert_close(grad(mine), part(grad(one), lengths), "db", gradient=True)


def second_derivatives() -> None:
    torch.manual_seed(6)
    inputs = draw((B, 9, D))
    lengths = [4, 5]
    mine = [leaf(part(x, lengths)) for x in inputs[:2]]
    one = [leaf(x) for x in inputs[:2]]
    for args, group in ((mine, dist.group.WORLD), (one, None)):
        h = linear_scan(*args, group=group)
        grads = torch.autograd.grad(h.square().sum(), args, create_graph=True)
        torch.stack([g.square().sum() for g in grads]).sum().backward()
    for name, x, whole in zip("ab", mine, one, strict=True):
        assert_close(grad(x), part(grad(whole), lengths), f"second d{name}", gradient=True)


def nothing_recorded_without_gradients() -> None:
    a, b, _ = draw((B, 4, D))
    with torch.no_grad():
        h = linear_scan(a.requires_grad_(), b, group=dist.group.WORLD)
    assert not h.requires_grad


def states_are_equal_on_all_ranks() -> None:
    a, b, _ = draw((B, 40, D), torch.float32)
    _, state = linear_scan(a, b, group=dist.group.WORLD, return_state=True)
    states = [torch.empty_like(state) for _ in range(WORLD)]
    dist.all_gather(states, state)
    assert all(torch.equal(states[0], x) for x in states)


def sentence(call: Callable) -> str:
    try:
        call()
    except (TypeError, ValueError) as problem:
        return f"{type(problem).__name__}: {problem}"
    return "nothing was raised"


def mismatch(shape: tuple[int, int, int], dtype: torch.dtype, reverse: bool) -> str:
    a, b, _ = draw(shape, dtype)
    return sentence(lambda: linear_scan(a, b, reverse=reverse, group=dist.group.WORLD))


def not_a_member() -> str:
    group: Any = dist.new_group([0])
    a, b, h0 = draw((B, 4, D))
    if RANK == 0:  # a group of one is the plain scan
        assert_close(linear_scan(a, b, h0, group=group), linear_scan(a, b, h0), "group of one")
        return ""
    return sentence(lambda: linear_scan(a, b, h0, group=group))


def not_a_group() -> str:
    a, b, _ = draw((B, 4, D))
    group: Any = "world"
    return sentence(lambda: linear_scan(a, b, group=group))


F64, F32 = torch.float64, torch.float32
CASES: dict[str, Callable] = {
    "equal parts": partial(equals_one_process, [20, 20]),
    "unequal parts": partial(equals_one_process, [7, 40]),
    "an empty first part": partial(equals_one_process, [0, 9]),
    "an empty last part": partial(equals_one_process, [9, 0]),
    "nothing at all": partial(equals_one_process, [0, 0]),
    "one step each": partial(equals_one_process, [1, 1]),
    "reverse": partial(equals_one_process, [7, 40], reverse=True),
    "reverse, an empty last part": partial(equals_one_process, [9, 0], reverse=True),
    "without h0": partial(equals_one_process, [7, 12], with_h0=False),
    "loss without the state": partial(equals_one_process, [7, 12], with_state=False),
    "reverse, loss without the state": partial(
        equals_one_process, [7, 12], reverse=True, with_state=False
    ),
    "float32": partial(equals_one_process, [50, 30], F32),
    "bfloat16": partial(equals_one_process, [50, 30], torch.bfloat16),
    "complex128": partial(equals_one_process, [7, 12], torch.complex128),
    "torch backend": partial(equals_one_process, [7, 12], backend="torch"),
    "one rank wants gradients": one_rank_wants_gradients,
    "second derivatives": second_derivatives,
    "nothing recorded without gradients": nothing_recorded_without_gradients,
    "states are equal on all ranks": states_are_equal_on_all_ranks,
    "ssd": partial(ssd_equals_one_process, [7, 20]),
    "ssd, an empty first part": partial(ssd_equals_one_process, [0, 9]),
    "ssd without h0": partial(ssd_equals_one_process, [9, 8], with_h0=False, backend="torch"),
    "ssd in bfloat16": partial(ssd_equals_one_process, [30, 20], torch.bfloat16),
    "mismatch of H": ssd_mismatch,
    "mismatch of B": lambda: mismatch((2 + RANK, 4, D), F64, False),
    "mismatch of D": lambda: mismatch((B, 4, 3 + RANK), F64, False),
    "mismatch of dtype": lambda: mismatch((B, 4, D), (F64, F32)[RANK], False),
    "mismatch of reverse": lambda: mismatch((B, 4, D), F64, RANK == 1),
    "not a member": not_a_member,
    "not a group": not_a_group,
    "after all errors": partial(equals_one_process, [5, 6]),
}


def main() -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group(
        "gloo",
        init_method=f"file://{sys.argv[3]}",
        rank=RANK,
        world_size=WORLD,
        timeout=timedelta(seconds=60),
    )
    told = {}
    for name, case in CASES.items():
        try:
            told[name] = case() or ""
        except AssertionError as problem:
            told[name] = f"AssertionError: {problem}"
    dist.destroy_process_group()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
