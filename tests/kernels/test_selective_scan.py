"""selective_scan: its definition, the limits of both discretisations, resets, long memories."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from marslab.kernels import selective_scan
from marslab.kernels.selective_scan import naive, torch_ops
from marslab.kernels.selective_scan.work import Operands, draw
from marslab.kernels.testing import assert_close, check, error, limit

ALL = ["naive", "torch", "numba"]
FAST = ALL[1:]
KINDS = ["zoh", "euler"]
SLOW = pytest.param("triton", marks=pytest.mark.slow)


def agrees(backend: str, operands: Operands, kind: str = "zoh") -> None:
    scan = partial(selective_scan, discretisation=kind, return_state=True)
    fast, loop = partial(scan, backend=backend), partial(scan, backend="naive")
    check(fast, loop, operands, length=operands.x.shape[1])


# The definition.


def test_three_steps_by_hand() -> None:
    """One channel, two states: one halves in a unit of time, one keeps all."""
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).view(1, 3, 1)
    dt = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64).view(1, 3, 1)
    A = torch.tensor([[-math.log(2), 0.0]], dtype=torch.float64)
    B = torch.tensor([[1.0, 1.0], [3.0, 1.0], [9.0, 9.0]], dtype=torch.float64)[None]
    C = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)[None]
    D = torch.tensor([10.0], dtype=torch.float64)
    scan = partial(selective_scan, x, dt, A, B, C, D, return_state=True, backend="naive")
    y, state = scan(discretisation="euler")
    # h: (1, 1), then (1/4 + 2*3*2, 1 + 2*1*2), then held for no time
    assert state.flatten().tolist() == pytest.approx([12.25, 5.0])
    assert y.flatten().tolist() == pytest.approx([1 + 10, 12.25 + 20, 17.25 + 40])
    _, state = scan(discretisation="zoh")
    # (1 - 2^-dt) / log 2 in place of dt: 0.5 / log 2, then 0.75 / log 2
    first, second = 0.5 / math.log(2), 0.75 / math.log(2)
    assert state.flatten().tolist() == pytest.approx([first / 4 + second * 3 * 2, 5.0])


@pytest.mark.parametrize("backend", ALL)
def test_zoh_is_the_exact_answer_to_a_held_input_however_it_is_cut(backend: str) -> None:
    """dh/dt = A h + B x over one second: in 1 step, in 7, in 1000, and in closed form."""
    A = -torch.tensor([[0.0, 1e-9, 0.3, 2.0, 40.0]], dtype=torch.float64)
    one = torch.ones(1, 1, 5, dtype=torch.float64)
    exact = torch.where(A == 0, 1.0, torch.expm1(A) / torch.where(A == 0, 1.0, A))
    for steps in (1, 7, 1000):
        x = torch.ones(1, steps, 1, dtype=torch.float64)
        gates = one.expand(1, steps, 5)
        _, state = selective_scan(x, x / steps, A, gates, gates, return_state=True, backend=backend)
        assert_close(state[0], exact)


def test_fixed_gates_are_a_convolution() -> None:
    """With dt, B and C the same at each step y is x convolved with C exp(k dt A) dB."""
    operands = draw((2, 40, 3, 4))
    dt, B, C = (v[:, :1].expand_as(v) for v in (operands.dt, operands.B, operands.C))
    decay, hold = naive.discretise(dt, operands.A, True)
    kernel = (decay.cumprod(1) / decay * hold * (B * C)[:, :, None]).sum(-1)  # [B, L, D]
    size = 2 * kernel.shape[1]
    spectrum = torch.fft.rfft(kernel, size, 1) * torch.fft.rfft(operands.x, size, 1)
    convolved = torch.fft.irfft(spectrum, size, 1)[:, : kernel.shape[1]]
    y = selective_scan(operands.x, dt, operands.A, B, C, backend="naive")
    assert_close(y, convolved)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", [*FAST, SLOW])
def test_both_discretisations_agree_with_naive(backend: str, kind: str) -> None:
    size = (1, 6, 2, 2) if backend == "triton" else (2, 100, 5, 3)
    agrees(backend, draw(size), kind)


def test_rows_and_channels_do_not_mix_when_batch_equals_width() -> None:
    """The design's M2: [B, N] states broadcast against [B, D, N] run silently when B == D."""
    operands = draw((3, 20, 3, 2))
    whole = selective_scan(*operands, backend="naive")
    for row in range(3):
        alone = [v if n in "AD" else v[row : row + 1] for n, v in operands._asdict().items()]
        assert_close(selective_scan(*alone, backend="naive")[0], whole[row])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ALL)
def test_the_response_to_a_steady_input_is_bounded(backend: str, kind: str) -> None:
    """The design's M3: without dt in B the gain is 1 / (1 - decay); here about 1 / |A|."""
    x, dt = torch.ones(1, 400, 1), torch.full((1, 400, 1), 0.05)
    gate, A = torch.ones(1, 400, 1), torch.tensor([[-0.5]])
    y = selective_scan(x, dt, A, gate, gate, discretisation=kind, backend=backend)
    assert y[0, -1].item() == pytest.approx(2.0, rel=0.02)


# Where a formula could fail: rates and steps near 0, resets, one channel or state, many.


@pytest.mark.parametrize("rate", [0.0, -1e-300, -1e-9, -1e-3, -0.2, -0.35, -1.0, -700.0])
def test_the_mean_decay_and_its_slopes_at_any_rate(rate: float) -> None:
    """(exp(z) - 1) / z and two derivatives against their integrals, mean of s^k exp(s z)."""
    z = torch.tensor(rate, dtype=torch.float64, requires_grad=True)
    mean = naive.mean_decay(z)
    (first,) = torch.autograd.grad(mean, z, create_graph=True)
    (second,) = torch.autograd.grad(first, z)
    # integrate where exp(s z) lives: s in [0, min(1, 40 / |z|)], 2000 Simpson panels
    end = min(1.0, 40.0 / max(-rate, 1e-9))
    s = torch.linspace(0, end, 4001, dtype=torch.float64)
    simpson = torch.full_like(s, 2.0)
    simpson[1::2], simpson[0], simpson[-1] = 4.0, 1.0, 1.0
    for k, value in enumerate((mean, first, second)):
        integral = (simpson * s**k * (s * rate).exp()).sum() * end / 4000 / 3
        assert value.item() == pytest.approx(integral.item(), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", [*FAST, SLOW])
def test_rates_and_steps_from_zero_to_a_reset(backend: str, kind: str, dtype: torch.dtype) -> None:
    operands = draw((1, 6, 2, 9) if backend == "triton" else (2, 40, 3, 9), dtype)
    rates = [0.0, -math.inf, -1e-7, -3e38, -0.5, -5.0, -30.0, -1e3, -0.1]
    A = operands.A.clone()
    A[:] = torch.tensor(rates[: A.shape[1]], dtype=dtype)
    dt = operands.dt.clone()
    dt[:, ::3], dt[:, 1::5], dt[:, 4] = 0.0, 1e-12, 50.0
    operands = operands._replace(A=A, dt=dt)
    agrees(backend, operands, kind)
    given = [v.requires_grad_() for v in operands]
    y = selective_scan(*given, discretisation=kind, backend=backend)
    assert all(g.isfinite().all() for g in torch.autograd.grad(y.sum(), given))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", [*ALL, SLOW])
def test_a_rate_of_minus_infinity_is_a_reset_and_no_time_holds(backend: str, kind: str) -> None:
    operands = draw((2, 7, 3, 2))
    gone = operands._replace(A=torch.full_like(operands.A, -math.inf))
    run = partial(selective_scan, discretisation=kind, backend=backend, return_state=True)
    _, state = run(*gone)
    _, last = run(*(v[:, -1:] if v.ndim == 3 and v is not gone.h0 else v for v in gone))
    assert torch.equal(state, last)
    frozen = operands._replace(dt=torch.zeros_like(operands.dt))
    assert torch.equal(run(*frozen)[1], operands.h0)


@pytest.mark.parametrize("backend", FAST)
def test_many_states_and_more_channels_than_a_block(backend: str) -> None:
    agrees(backend, draw((1, 40, 3, 67), torch.float32))
    agrees(backend, draw((1, 37, 150, 2), torch.float32))


def test_the_torch_backend_does_not_depend_on_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    operands = draw((2, 50, 3, 2))
    monkeypatch.setattr(torch_ops, "CELLS", 1)
    for steps in (1, 7, 49, 50):
        monkeypatch.setattr(torch_ops, "SHORTEST", steps)
        agrees("torch", operands)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "tile, cut", [((1, 8, 4), 1), ((5, 2, 4), 1), ((4, 1, 4), 3), ((4, 4, 8), 9)]
)
def test_the_triton_backend_does_not_depend_on_its_tiles(
    kind: str, tile: tuple[int, int, int], cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles of T steps and W channels, time cut into segments of `cut` tiles or not at all."""
    gpu = pytest.importorskip("marslab.kernels.selective_scan.gpu")
    monkeypatch.setattr(gpu, "_steps", lambda h0: tile[0])
    monkeypatch.setattr(gpu, "_tile", lambda h0, cells: gpu.Tile(*tile))
    monkeypatch.setattr(
        gpu,
        "_grid",
        lambda x, t: gpu.Grid(-(-x.shape[2] // t.W), -(-x.shape[1] // (t.T * cut)), cut),
    )
    agrees("triton", draw((2, 13, 5, 3)), kind)


def test_the_tiles_of_a_gpu_fit_any_state_and_fill_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = pytest.importorskip("marslab.kernels.selective_scan.gpu")
    monkeypatch.setattr(gpu, "interpreted", lambda: False)
    for N in (1, 3, 16, 67, 200, 1000):
        for dtype in (torch.float32, torch.float64):
            h0 = torch.empty(1, 2048, N, dtype=dtype, device="meta")
            tiles = [gpu._tile(h0, cells) for cells in (gpu.FORWARD, gpu.BACKWARD)]
            for tile in tiles:
                assert tile.NP >= N and tile.W * tile.NP >= 32 and tile.T == gpu._steps(h0) >= 1
                assert tile.T * tile.W * tile.NP * h0.element_size() <= 32 * 4 * 8 * 8
    many, few = (torch.empty(B, 8192, 2048, device="meta") for B in (8, 1))
    tile = gpu._tile(torch.empty(1, 2048, 16), gpu.FORWARD)
    assert gpu._grid(many, tile).segments == 1 and gpu._grid(few, tile).segments == 8


@pytest.mark.parametrize("backend", FAST)
def test_long_memories_equal_the_closed_form(backend: str) -> None:
    """float32 holds a decay to 2^-24, so the sum of its powers to 2^-24 / (1 - decay)."""
    L, decay = 32_768, torch.tensor([0.99, 0.9999], dtype=torch.float64)
    one, gate = torch.ones(1, L, 2), torch.ones(1, L, 1)
    A = decay.log().float()[:, None]
    y = selective_scan(one, one, A, gate, gate, discretisation="euler", backend=backend)
    steps = torch.arange(1, L + 1, dtype=torch.float64)[:, None]
    expected = (1 - decay**steps) / (1 - decay)
    for d in range(2):
        allowed = limit(torch.float32, length=L) + 2**-24 / (1 - decay[d].item())
        assert error(y[0, :, d], expected[:, d]).worst <= allowed


@pytest.mark.parametrize("backend", FAST)
def test_8192_steps_in_bfloat16(backend: str) -> None:
    operands = draw((1, 8192, 2, 3), torch.bfloat16, decay_dtype=torch.float32)
    exact = selective_scan(*(v.double() for v in operands), backend=backend)
    assert_close(selective_scan(*operands, backend=backend), exact, dtype=torch.bfloat16)


# Sentences.


def changed(name: str, value: float) -> list[Tensor]:
    operands = draw((2, 4, 3, 2))
    operands._asdict()[name].view(-1)[1] = value
    return list(operands)


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("dt", -0.5, r"dt must be in \[0, inf\), got -0.5"),
        ("dt", math.inf, r"dt must be in \[0, inf\), got inf"),
        ("A", 0.25, r"A must be in \[-inf, 0\], got 0.25"),
    ],
)
def test_values_outside_the_domain_are_named(name: str, value: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^selective_scan: {sentence}$"):
        selective_scan(*changed(name, value))
    assert selective_scan(*changed(name, math.nan)).isnan().any()


def test_an_unknown_discretisation_is_named() -> None:
    with pytest.raises(ValueError, match="must be 'zoh' or 'euler', got 'bilinear'$"):
        selective_scan(*draw((1, 2, 1, 1)), discretisation="bilinear")


def test_shapes_that_do_not_belong_together_are_named() -> None:
    x, dt, A, B, C, D, h0 = draw((2, 4, 3, 2))
    with pytest.raises(ValueError, match=r"A must be \[D, N\] with D that of x, got \[2, 3\]$"):
        selective_scan(x, dt, A.mT, B, C)
    with pytest.raises(ValueError, match=r"C must be \[B, L, N\] = \[2, 4, 2\], got \[2, 4, 3\]$"):
        selective_scan(x, dt, A, B, x)
    with pytest.raises(ValueError, match=r"h0 must be \[B, D, N\] = \[2, 3, 2\], got \[2, 2, 3\]$"):
        selective_scan(x, dt, A, B, C, D, h0.mT)
