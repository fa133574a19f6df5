"""min_gru: its definition, gates at their limits, long memories in 16 bits, every derivative."""

import math
from functools import partial

import pytest
import torch

from marslab.kernels import min_gru
from marslab.kernels.checks import state_dtype
from marslab.kernels.min_gru.work import draw
from marslab.kernels.testing import check, error, limit

ALL = ["naive", "torch", "numba"]
SLOW = pytest.param("triton", marks=pytest.mark.slow)
ANY = torch.ones(2, 3, 4)


def logit(gate: float) -> float:
    return math.log(gate / (1 - gate))


def test_three_steps_by_hand() -> None:
    z = torch.tensor([0.5, 0.25, 0.5], dtype=torch.float64).logit().view(1, 3, 1)
    new = torch.tensor([8.0, 4.0, -1.0], dtype=torch.float64).view(1, 3, 1)
    h, state = min_gru(
        z, new, torch.full((1, 1), 4.0, dtype=torch.float64), return_state=True, backend="naive"
    )
    assert h.flatten().tolist() == pytest.approx([6.0, 5.5, 2.25])
    assert torch.equal(state, h[:, -1])


@pytest.mark.parametrize("backend", [*ALL, SLOW])
def test_a_closed_gate_keeps_and_an_open_one_replaces(backend: str) -> None:
    _, new, h0 = draw((2, 30, 3))
    closed, open_ = torch.full_like(new, -math.inf), torch.full_like(new, math.inf)
    assert torch.equal(min_gru(closed, new, h0, backend=backend), h0[:, None].expand_as(new))
    assert torch.equal(min_gru(open_, new, h0, backend=backend), new)


@pytest.mark.parametrize("backend", [*ALL, SLOW])
def test_the_state_is_a_weighted_mean_of_what_came(backend: str) -> None:
    z, new, h0 = draw((2, 200, 3))
    h = min_gru(z, new, h0, backend=backend)
    came = torch.cat([h0[:, None], new], 1)
    assert (h <= came.cummax(1).values[:, 1:] + 1e-12).all()
    assert (h >= came.cummin(1).values[:, 1:] - 1e-12).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_a_memory_of_thousands_of_steps_fades_in_every_dtype(
    backend: str, dtype: torch.dtype
) -> None:
    z = torch.full((1, 4000, 1), logit(2e-4)).to(dtype)  # in 16 bits 1 - g would be 1
    _, state = min_gru(z, torch.zeros_like(z), torch.ones(1, 1), return_state=True, backend=backend)
    expected = (1 - z[0, 0, 0].double().sigmoid().item()) ** 4000
    assert state.dtype == state_dtype(dtype)
    assert state.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("backend", [*ALL, SLOW])
def test_a_decay_near_zero_keeps_its_digits(backend: str) -> None:
    z = torch.full((1, 1, 1), 40.0, dtype=torch.float64)  # 1 - sigmoid(40) rounds to 0
    h = min_gru(z, torch.zeros_like(z), torch.ones(1, 1, dtype=torch.float64), backend=backend)
    assert h.item() == pytest.approx(math.exp(-40), rel=1e-12, abs=0)


@pytest.mark.parametrize("backend", [*ALL, SLOW])
def test_an_infinite_logit_has_a_gradient_of_zero(backend: str) -> None:
    z, new, h0 = (x.requires_grad_() for x in draw((1, 6, 2)))
    ends = torch.where(torch.arange(6)[:, None] % 2 == 0, math.inf, -math.inf).expand_as(z)
    dz, dnew = torch.autograd.grad(
        min_gru(z + ends, new, h0, backend=backend).sum(), (z, new), allow_unused=True
    )
    assert not dz.any() and dnew.isfinite().all()


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_the_gradient_has_a_gradient(backend: str) -> None:
    operands = tuple(x.requires_grad_() for x in draw((1, 3, 2)))
    assert torch.autograd.gradgradcheck(partial(min_gru, backend=backend), operands)


@pytest.mark.slow
def test_the_gradient_of_triton_has_none_and_says_so() -> None:
    pytest.importorskip("triton")
    z, new, h0 = (x.requires_grad_() for x in draw((1, 3, 2)))
    (dz,) = torch.autograd.grad(
        min_gru(z, new, h0, backend="triton").sum(), (z,), create_graph=True
    )
    with pytest.raises(NotImplementedError, match="^min_gru: .*backend='torch' has it$"):
        dz.sum().backward()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("plan", [(2, 2, 4, 1, 2), (4, 1, 8, 1, 4), (8, 4, 2, 1, 2), (4, 8, 1, 1)])
def test_the_triton_backend_does_not_depend_on_its_tiles(
    plan: tuple[int, ...], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-back over many groups of tiles; the last plan walks."""
    gpu = pytest.importorskip("marslab.kernels.min_gru.gpu")
    monkeypatch.setattr(gpu, "SMALL", (gpu.LookBack if len(plan) == 5 else gpu.Walk)(*plan))
    run = partial(min_gru, return_state=True)
    fast, loop = partial(run, backend="triton"), partial(run, backend="naive")
    check(fast, loop, draw((2, 37, 5), dtype, decay_dtype=torch.float32), length=37)


@pytest.mark.parametrize("gate", [1e-2, 1e-3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_32768_steps_against_the_closed_form(backend: str, dtype: torch.dtype, gate: float) -> None:
    z = torch.full((1, 32768, 1), logit(gate), dtype=dtype)
    exact = 1 - (-z.double()).sigmoid().cumprod(1)
    run = partial(min_gru, z, torch.ones_like(z))
    # Near 1 a float32 decay has few digits left for 1 - g: the loop pays for that too.
    plain = error(run(backend="naive"), exact) if dtype == torch.float32 else (0.0, 0.0)
    for mine, its in zip(error(run(backend=backend), exact), plain, strict=True):
        assert mine <= limit(dtype, length=32768, plain=its)


SENTENCES = {
    "a wider z_logit": (
        (ANY.double(), ANY),
        TypeError,
        "z_logit must be float32 beside h_tilde of torch.float32, got float64",
    ),
    "another D": ((ANY[..., :1], ANY), ValueError, r"z_logit must be \[B, L, D\] = \[2, 3, 4\]"),
    "h_tilde of rank 2": ((ANY, ANY[0]), ValueError, r"h_tilde must be \[B, L, D\], got \[3, 4\]"),
    "h0 of another B": (
        (ANY, ANY, ANY[:1, 0]),
        ValueError,
        r"h0 must be \[B, D\] = \[2, 4\], got \[1, 4\]",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_bad_input_gets_a_sentence(case: str) -> None:
    args, kind, sentence = SENTENCES[case]
    with pytest.raises(kind, match=f"^min_gru: {sentence}"):
        min_gru(*args)
