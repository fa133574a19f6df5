"""ssd: its definition, its dual, chunks of any size, resets, and decays that are hard to sum."""

from functools import partial

import pytest
import torch
from torch import Tensor

from marslab.kernels import linear_scan, ssd, ssd_quadratic
from marslab.kernels.backends import interpreted
from marslab.kernels.ssd.quadratic import matrix
from marslab.kernels.ssd.work import Operands, draw
from marslab.kernels.testing import assert_close, check

INF = float("inf")
SIZE = (2, 37, 4, 5, 2, 3)
SLOW = pytest.param("triton", marks=pytest.mark.slow)
ALL = ["naive", "torch", "numba"]
FAST = ["torch", "numba", SLOW]


def naive(*operands: Tensor) -> tuple[Tensor, Tensor]:
    return ssd(*operands, return_state=True, backend="naive")


def agrees(backend: str, operands: Operands, chunk_size: int = 16) -> None:
    fast = partial(ssd, return_state=True, backend=backend, chunk_size=chunk_size)
    check(fast, naive, operands, length=operands.x.shape[1])


def small(operands: Operands, backend: str) -> Operands:
    """One row and two heads of the operands for Triton's interpreter, which is slow."""
    if backend != "triton":
        return operands
    x, dt, A, B, C, D, h0 = operands
    head = slice(1, 3)  # of two groups
    return Operands(x[:1, :20, head], dt[:1, :20, head], A[head], B[:1, :20], C[:1, :20], D[head],
                    h0[:1, head])  # fmt: skip


# The definition: answers that need no second implementation.


@pytest.mark.parametrize("backend", ALL)
def test_three_steps_by_hand(backend: str) -> None:
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).view(1, 3, 1, 1)
    dt = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64).view(1, 3, 1)
    A = torch.tensor([0.5], dtype=torch.float64).log()  # one unit of time halves the state
    B = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64).view(1, 3, 1, 2)
    C = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]], dtype=torch.float64).view(1, 3, 1, 2)
    D = torch.tensor([10.0], dtype=torch.float64)
    h0 = torch.tensor([8.0, 0.0], dtype=torch.float64).view(1, 1, 1, 2)
    y, state = ssd(x, dt, A, B, C, D, h0, return_state=True, backend=backend)
    # states: (4 + 1, 0), then (5/4, 2*2), then (5/8 + 4, 2 + 4)
    assert state.flatten().tolist() == pytest.approx([4.625, 6.0], rel=1e-12)
    assert y.flatten().tolist() == pytest.approx([5 + 10, 5.25 + 20, 12 + 40], rel=1e-12)


@pytest.mark.parametrize("backend", ALL)
def test_each_cell_of_the_state_is_a_linear_scan(backend: str) -> None:
    x, dt, A, B, C, D, h0 = draw(SIZE)
    y, state = ssd(x, dt, A, B, C, D, h0, return_state=True, backend=backend)
    keys, queries = (v.repeat_interleave(2, 2) for v in (B, C))
    write = torch.einsum("blh,blhp,blhn->blhpn", dt, x, keys)
    keep = (dt * A).exp()[..., None, None].expand_as(write)
    h = linear_scan(keep.flatten(2), write.flatten(2), h0.flatten(1), backend="naive")
    h = h.view_as(write)
    assert_close(y, torch.einsum("blhpn,blhn->blhp", h, queries) + D[:, None] * x)
    assert_close(state, h[:, -1])


@pytest.mark.parametrize("backend", ALL)
def test_without_decay_it_is_linear_attention(backend: str) -> None:
    x, dt, A, B, C, _, _ = draw((1, 50, 1, 4, 1, 3))
    y = ssd(x, torch.ones_like(dt), torch.zeros_like(A), B, C, backend=backend)
    scores = (C[0, :, 0] @ B[0, :, 0].T).tril()
    assert_close(y[0, :, 0], scores @ x[0, :, 0])


# The dual.


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_the_quadratic_form_is_the_same_map(dtype: torch.dtype) -> None:
    check(partial(ssd_quadratic, return_state=True), naive, draw(SIZE, dtype), length=SIZE[1])


def test_the_quadratic_form_takes_what_ssd_takes() -> None:
    x, dt, A, B, C, _, _ = draw(SIZE, torch.bfloat16, decay_dtype=torch.float32)
    y = ssd_quadratic(x, dt, A, B, C)
    assert y.dtype == torch.bfloat16
    assert_close(y, ssd(x, dt, A, B, C, backend="naive"))
    y, state = ssd_quadratic(*draw((2, 0, 4, 5, 2, 3)), return_state=True)
    assert y.shape == (2, 0, 4, 5) and state.shape == (2, 4, 5, 3)
    with pytest.raises(ValueError, match=r"ssd_quadratic: C must be \[B, L, G, N\]"):
        ssd_quadratic(x, dt, A, B, C[:, 1:])


def test_its_matrix_is_causal_and_gives_y() -> None:
    x, dt, A, B, C, _, _ = draw(SIZE)
    M = matrix(dt, A, B, C)
    assert M.shape == (2, 4, 37, 37) and torch.equal(M, M.tril())
    assert_close(torch.einsum("bhts,bshp->bthp", M, x), ssd(x, dt, A, B, C, backend="naive"))


# Chunks.


@pytest.mark.parametrize("chunk_size", [1, 2, 16, 36, 37, 1000])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_the_chunk_size_does_not_matter(backend: str, chunk_size: int) -> None:
    agrees(backend, draw(SIZE), chunk_size)


@pytest.mark.slow
@pytest.mark.parametrize("dtype, heads, width", [(torch.float64, 1, 17), (torch.float32, 2, 33)])
def test_triton_with_several_tiles_of_everything(
    dtype: torch.dtype, heads: int, width: int
) -> None:
    agrees("triton", draw((1, 18, heads, width, 1, width + 1), dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_triton_cuts_a_long_sequence_into_segments(dtype: torch.dtype) -> None:
    from marslab.kernels.ssd import gpu

    operands = draw((1, 150, 1, 3, 1, 5), dtype)
    assert gpu.Work.of(operands.x, operands.B, 16).segments() == (2, 5)
    agrees("triton", operands)


@pytest.mark.slow
def test_triton_shares_out_the_heads_of_a_group() -> None:
    from marslab.kernels.ssd import gpu

    operands = draw((2, 20, 6, 3, 2, 4))
    assert gpu.Work.of(operands.x, operands.B, 16).parts() == 3
    agrees("triton", operands)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_triton_takes_a_wide_state_in_blocks(dtype: torch.dtype) -> None:
    agrees("triton", draw((1, 20, 2, 3, 1, 140), dtype))


@pytest.mark.slow
def test_triton_keeps_nothing_when_no_gradient_is_wanted() -> None:
    from marslab.kernels.ssd import gpu

    *operands, h0 = draw((1, 20, 2, 3, 1, 5), torch.bfloat16)
    kept = {keep: gpu.forward(*operands, h0, 16, keep, torch.bfloat16) for keep in (False, True)}
    assert kept[False][2].numel() == 0 and kept[True][2].shape == (1, 2, 2, 5, 3)
    for one, other in zip(kept[False][:2], kept[True][:2], strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu" if interpreted() else "cuda"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("steps, N", [(1, 3), (3, 3), (1, 140)])
@pytest.mark.parametrize("skips", [True, False])
def test_triton_decodes_step_by_step_what_it_computes_in_chunks(
    dtype: torch.dtype, steps: int, N: int, skips: bool, device: str
) -> None:
    operands = draw((2, 12, 4, 5, 2, N), dtype, device=device)
    operands.A[1], operands.dt[:, [2, 7]] = -torch.inf, 0.0
    operands = operands._replace(D=operands.D if skips else None)
    whole = ssd(*operands, backend="triton", return_state=True)
    state, parts = operands.h0, []
    for t in range(0, 12, steps):
        x, dt, B, C = (v[:, t : t + steps] for v in (operands.x, operands.dt, *operands[3:5]))
        y, state = ssd(
            x, dt, operands.A, B, C, operands.D, state, backend="triton", return_state=True
        )
        parts.append(y)
    assert_close(torch.cat(parts, 1), whole[0])
    assert_close(state, whole[1], dtype=dtype)  # in chunks tensor cores round what they multiply


# Resets: a decay of exactly 0, at any place of a chunk.


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_resets_inside_chunks(backend: str, dtype: torch.dtype) -> None:
    drawn = draw(SIZE, dtype)
    drawn.A[1::2] = -INF
    drawn.dt[:, 3:9, 1] = 0.0  # no time passes: the state is kept beside A = -inf
    drawn.A[0] = -1e30  # so are these, but for dt = 0
    drawn.dt[:, ::5, 0] = 0.0
    agrees(backend, small(drawn, backend))


@pytest.mark.parametrize("backend", FAST)
def test_what_follows_a_reset_is_as_exact_as_ever(backend: str) -> None:
    """The log of a reset may be any number: beside it the next ones must not be lost."""
    drawn = draw((1, 20, 2, 3, 1, 3))
    drawn.A[:] = -1e30
    drawn.dt[:] *= 1e-30
    drawn.dt[:, ::6] = 0.1
    agrees(backend, drawn)


@pytest.mark.parametrize("backend", ALL)
def test_a_step_without_time_changes_nothing(backend: str) -> None:
    x, dt, A, B, C, D, h0 = draw(SIZE)
    A[1] = -INF
    _, state = ssd(x, torch.zeros_like(dt), A, B, C, D, h0, return_state=True, backend=backend)
    assert torch.equal(state, h0)


@pytest.mark.parametrize("backend", ALL)
def test_after_a_reset_nothing_is_left_of_the_past(backend: str) -> None:
    x, dt, A, B, C, D, h0 = draw(SIZE)
    A[:] = -INF
    y = ssd(x, dt, A, B, C, D, h0, backend=backend)
    x[:, :20] *= 1e6
    assert torch.equal(ssd(x, dt, A, B, C, D, h0, backend=backend)[:, 20:], y[:, 20:])


# Decays whose products underflow, and decays near 1 over many steps.


@pytest.mark.parametrize("rate", [-180.0, -7000.0])
@pytest.mark.parametrize("backend", FAST)
def test_strong_decays_do_not_overflow(backend: str, rate: float) -> None:
    """exp(-cumsum) over a chunk would be exp(18 * 64), or exp(700 * 64)."""
    drawn = draw((1, 130, 2, 3, 1, 3))
    drawn.A[:] = rate
    drawn.dt[:] = 0.1
    drawn.dt[:, 40:50] = 1e-6  # what came just before is still there
    agrees(backend, small(drawn, backend), 64)


@pytest.mark.parametrize("steady", [False, True])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_float32_keeps_its_digits_over_4096_steps(backend: str, steady: bool) -> None:
    """naive in float32 is off by 1e-4 here; this asks for the plain bound, without its help."""
    drawn = draw((1, 4096, 2, 4, 1, 4), torch.float32)
    drawn.A[:] = torch.tensor([-0.1, -0.01])
    if steady:  # the same rounding at every step adds up
        drawn.dt[:] = 1.1e-3
        drawn.B[:] = 1.0
    y, state = ssd(*drawn, return_state=True, backend=backend)
    exact, last = ssd(*(v.double() for v in drawn), return_state=True, backend="numba")
    assert_close(y, exact)
    assert_close(state, last)


# Sentences.


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"dt": torch.full((2, 37, 4), -0.5)}, "ssd: dt must be in [0, inf), got -0.5"),
        ({"dt": torch.full((2, 37, 4), INF)}, "ssd: dt must be in [0, inf), got inf"),
        ({"A": torch.full((4,), 0.25)}, "ssd: A must be in [-inf, 0], got 0.25"),
        (
            {"B": torch.zeros(2, 37, 3, 3), "C": torch.zeros(2, 37, 3, 3)},
            "ssd: G of B [B, L, G, N] must divide the 4 heads of x, got G = 3",
        ),
        ({"C": torch.zeros(2, 37, 1, 3)}, "ssd: C must be [B, L, G, N] = [2, 37, 2, 3], got"),
        ({"D": torch.zeros(4, 5)}, "ssd: D must be [H] = [4], got [4, 5]"),
        ({"h0": torch.zeros(2, 4, 3, 5)}, "ssd: h0 must be [B, H, P, N] = [2, 4, 5, 3], got"),
    ],
)
def test_bad_operands_are_told(changes: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(ValueError) as problem:
        ssd(*draw(SIZE, torch.float32)._replace(**changes))
    assert str(problem.value).startswith(sentence)


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5])
def test_a_bad_chunk_size_is_told(chunk_size: int) -> None:
    told = f"ssd: chunk_size must be an integer of at least 1, got {chunk_size}"
    with pytest.raises(ValueError, match=told):
        ssd(*draw(SIZE), chunk_size=chunk_size)
