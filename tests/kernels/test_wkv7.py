"""wkv7: its definition, what a delta rule promises, its domain, and decays that end everything.

What it shares with every op (backends, gradients, cuts, NaN, torch.func) is in test_contract*.py.
"""

import math
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels import joining, launching, wkv7
from marslab.kernels.backends import interpreted
from marslab.kernels.testing import assert_close, check, compare
from marslab.kernels.wkv7 import naive
from marslab.kernels.wkv7.work import Operands, draw

ALL = ["naive", "torch", "numba"]
FAST = ALL[1:]


def step(*vectors: list[float]) -> list[Tensor]:
    """Vectors of one step of one head, as [1, 1, 1, width]."""
    return [torch.tensor(x, dtype=torch.float64).view(1, 1, 1, -1) for x in vectors]


def run(backend: str, operands: Operands) -> tuple[Tensor, Tensor]:
    return wkv7(*operands, return_state=True, backend=backend)


# The definition.


@pytest.mark.parametrize("backend", ALL)
def test_three_steps_by_hand(backend: str) -> None:
    half = math.log(0.5)
    steps = [
        # r, w, k, v, a, b
        step([1, 1], [0, 0], [1, 0], [2, 3], [0, 0], [0, 0]),  # S = [[2, 0], [3, 0]]
        step([1, 0], [half, 0], [0, 1], [4, 5], [1, 0], [0, 1]),  # S a = (2, 3)
        step([1, 1], [-math.inf, 0], [0, 0], [9, 9], [0, 0], [0, 0]),  # the first key is forgotten
    ]
    r, w, k, v, a, b = (torch.cat(x, 1) for x in zip(*steps, strict=True))
    y, state = wkv7(r, w, k, v, a, b, return_state=True, backend=backend)
    assert_close(y[0, :, 0], torch.tensor([[2, 3], [1, 1.5], [6, 8]], dtype=torch.float64))
    assert_close(state[0, 0], torch.tensor([[0, 6], [0, 8]], dtype=torch.float64))


@pytest.mark.parametrize("backend", ALL)
def test_without_a_and_b_it_is_a_memory_that_only_decays(backend: str) -> None:
    r, w, k, v, a, b, s0 = draw((2, 40, 2, 3, 5), edges=0.0)
    zero = torch.zeros_like(a)
    y = wkv7(r, w, k, v, zero, zero, backend=backend)
    past = w.cumsum(1)
    age = (past[:, :, None] - past[:, None]).exp()  # [B, t, i, H, K]
    held = torch.einsum("bthk,bihk,btihk->btih", r, k, age)
    causal = torch.ones(40, 40).tril()[None, :, :, None]
    assert_close(y, torch.einsum("btih,bihv->bthv", held * causal, v))


@pytest.mark.parametrize("backend", ALL)
def test_the_state_has_values_as_rows_and_r_reads_it(backend: str) -> None:
    r, w, k, a, b = (torch.zeros(1, 1, 1, 3) for _ in range(5))
    v = torch.zeros(1, 1, 1, 5)
    k[..., 0], v[..., 2], r[..., 1] = 1, 1, 1
    y, state = wkv7(r, w, k, v, a, b, return_state=True, backend=backend)
    assert state[0, 0].nonzero().tolist() == [[2, 0]]
    assert not y.any()  # r asks for another key than the one written


# A delta rule: what is written is read, and what was there before is gone.


def write(key: Tensor, value: Tensor, rate: float, state: Tensor, backend: str) -> Tensor:
    """The state after (key, value) was written at a rate; 1 replaces what was there."""
    key, value = (x.view(1, 1, 1, -1) for x in (key, value))
    keep = torch.zeros_like(key)
    operands = (key, keep, rate * key, value, -key, rate * key, state)
    return wkv7(*operands, return_state=True, backend=backend)[1]


@pytest.mark.parametrize("backend", ALL)
def test_what_is_written_is_read_and_a_second_write_changes_nothing(backend: str) -> None:
    keys = F.normalize(torch.randn(12, 64, dtype=torch.float64), dim=-1)
    values = torch.randn(12, 16, dtype=torch.float64)
    state = torch.zeros(1, 1, 16, 64, dtype=torch.float64)
    for key, value in zip(keys, values, strict=True):
        state = write(key, value, 1.0, state, backend)
        assert F.cosine_similarity(state[0, 0] @ key, value, dim=0) > 0.99
    again = write(keys[-1], values[-1], 1.0, state, backend)
    assert_close(again, state)
    halfway = write(keys[-1], -values[-1], 0.5, state, backend)
    assert (halfway[0, 0] @ keys[-1]).abs().max() < 1e-12  # half of v and half of -v


@pytest.mark.parametrize("backend", ALL)
def test_orthogonal_keys_do_not_disturb_each_other(backend: str) -> None:
    keys, values = torch.eye(8, dtype=torch.float64), torch.randn(8, 3, dtype=torch.float64)
    state = torch.zeros(1, 1, 3, 8, dtype=torch.float64)
    for key, value in zip(keys, values, strict=True):
        state = write(key, value, 1.0, state, backend)
    state = write(keys[3], values[0], 1.0, state, backend)
    values[3] = values[0]
    assert_close(state[0, 0] @ keys.T, values.T)


# Decays: 0 in the log keeps all, -inf ends all.


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("at", [0, 7, 15, 16, 17, 39])
def test_w_of_minus_infinity_forgets_everything(backend: str, at: int) -> None:
    operands = draw((2, 40, 2, 3, 5), edges=0.0)
    operands.w[:, at] = -torch.inf
    operands.a[:, at] = 0
    y, state = run(backend, operands)
    later = [x[:, at:] for x in operands[:-1]]
    alone = Operands._make([*later, torch.zeros_like(operands.s0)])
    fresh, last = run(backend, alone)
    assert_close(y[:, at:], fresh)
    assert_close(state, last)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("w", [0.0, -1e-9, -18.0, -1e4, -torch.inf])
def test_one_w_for_all_steps_and_its_gradient(backend: str, w: float) -> None:
    operands = draw((1, 40, 1, 3, 5))
    operands.w[:] = w
    check(lambda *x: run(backend, Operands(*x)), naive.wkv7, operands, length=40)
    asked = operands.w.requires_grad_()
    (slope,) = torch.autograd.grad(run(backend, operands)[0].sum(), asked)
    assert slope.isfinite().all() and (w > -torch.inf or not slope.any())


@pytest.mark.parametrize("backend", FAST)
def test_float16_does_not_overflow_where_decays_add_up(backend: str) -> None:
    operands = draw((1, 200, 1, 8, 8), torch.float16)
    operands.w[:] = -11.5  # exp of the sum of two is below float16, of minus the sum above it
    check(lambda *x: run(backend, Operands(*x)), naive.wkv7, operands, length=200)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_long_sequences_stay_exact(dtype: torch.dtype) -> None:
    operands = draw((1, 32768 if dtype == torch.float32 else 8192, 1, 4, 4), dtype, edges=0.0)
    operands.w.copy_((torch.rand_like(operands.w) * 0.1 + 0.9).log())
    length = operands.v.shape[1]
    exact = [x.double() for x in operands]
    y, state = run("numba", operands)
    assert_close(y, wkv7(*exact, backend="numba"), length=length)
    chunked, last = run("torch", operands)
    assert_close(chunked, wkv7(*exact, backend="numba"), length=length)
    assert_close(state, last, length=2 * length)


# Bad input.


@pytest.mark.parametrize("bad", [1e-6, 0.5, torch.inf])
def test_a_w_above_zero_is_refused(bad: float) -> None:
    operands = draw((1, 3, 1, 2, 2))
    operands.w[0, 1, 0, 1] = bad
    with pytest.raises(ValueError, match=rf"^wkv7: w must be in \[-inf, 0\], got {bad:.6g}$"):
        wkv7(*operands)


def test_the_dtypes_must_agree() -> None:
    operands = draw((1, 3, 1, 2, 2), torch.bfloat16)._replace(k=torch.zeros(1, 3, 1, 2))
    with pytest.raises(TypeError, match="^wkv7: k must be bfloat16 beside v of torch.bfloat16"):
        wkv7(*operands)


# numba.


def test_numba_keeps_nothing_when_no_gradient_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    operands, kept = draw((1, 40, 1, 3, 5)), []
    with_gradient = run("numba", operands)
    kernels = joining.KERNELS["wkv7 numba"]

    def forward(*args):
        out = kernels.forward(*args)
        kept.extend(x.numel() for x in out[2:])
        return out

    monkeypatch.setitem(joining.KERNELS, "wkv7 numba", kernels._replace(forward=forward))
    with torch.no_grad():
        without = run("numba", operands)
    assert kept == [0, 0]
    assert all(torch.equal(x, y) for x, y in zip(with_gradient, without, strict=True))


@pytest.mark.parametrize("backend", ["naive", "numba"])
def test_a_nan_reaches_no_earlier_step(backend: str) -> None:
    operands = draw((1, 40, 1, 3, 5))
    clean = run(backend, operands)[0]
    operands.b[0, 21] = torch.nan
    y = run(backend, operands)[0]
    assert torch.equal(y[:, :21], clean[:, :21]) and y[:, 21].isnan().all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_head_shared_by_threads_has_the_same_gradients(threads: int) -> None:
    import numba

    before = numba.get_num_threads()
    if threads > before:
        pytest.skip("one thread here")
    numba.set_num_threads(threads)
    try:
        rows = compare(
            lambda *x: run("numba", Operands(*x)), naive.wkv7, draw((1, 40, 1, 5, 70)), length=40
        )
    finally:
        numba.set_num_threads(before)
    assert all(row.ok for row in rows)


# Triton, in the interpreter where no GPU is; what every op promises is in test_contract_triton.py.

needs_triton = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed"),
]
on_triton = pytest.mark.parametrize(
    "device", [pytest.param("cpu" if interpreted() else "cuda", marks=needs_triton)]
)


@on_triton
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_one_key_written_again_and_again_costs_triton_no_digits(device: str, rate: float) -> None:
    operands = draw((1, 20, 1, 16, 4), torch.float32, edges=0.0, device=device)
    operands.a[:] = operands.a[:, :1]
    operands.b[:] = -rate * operands.a
    operands.w[:] = 0.0
    check(lambda *x: run("triton", Operands(*x)), naive.wkv7, operands, length=20)


@on_triton
@pytest.mark.parametrize("w", [-18.0, -1e4, -torch.inf])
def test_triton_takes_mild_and_strong_decays_in_one_sequence(device: str, w: float) -> None:
    operands = draw((1, 40, 1, 4, 3), edges=0.0, device=device)
    operands.w[:, [3, 21], :, 1:3] = w  # in the first two chunks of 16, for two keys of four
    check(lambda *x: run("triton", Operands(*x)), naive.wkv7, operands, length=40)
    asked = operands.w.requires_grad_()
    (slope,) = torch.autograd.grad(run("triton", operands)[0].sum(), asked)
    assert slope.isfinite().all() and (w > -torch.inf or not slope[:, [3, 21], :, 1:3].any())


@on_triton
def test_triton_decodes_step_by_step_what_it_computes_in_chunks(device: str) -> None:
    operands = draw((2, 18, 1, 5, 3), device=device)
    whole = run("triton", operands)
    with torch.no_grad():
        state, parts = operands.s0, []
        for t in range(18):
            one = Operands._make([*(x[:, t : t + 1] for x in operands[:-1]), state])
            y, state = run("triton", one)
            parts.append(y)
    assert_close(torch.cat(parts, 1), whole[0])
    assert_close(state, whole[1])


@pytest.mark.parametrize("K, wide", [(3, "ieee"), (64, "bf16")])
def test_triton_rounds_no_operands_where_there_are_few_keys(
    monkeypatch: pytest.MonkeyPatch, K: int, wide: str
) -> None:
    pytest.importorskip("triton")
    from marslab.kernels.wkv7 import gpu

    for module in (gpu, launching):
        monkeypatch.setattr(module, "interpreted", lambda: False)
    s0 = torch.zeros(1, 1, 2, K)
    assert gpu._math(s0.bfloat16(), K).wide == wide
    assert gpu._room(s0.bfloat16(), s0, 5).dtype == (torch.float32 if K == 3 else torch.bfloat16)
