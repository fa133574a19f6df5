"""What is special about gated_recurrence: its definition, what errata say, its sentences."""

from functools import partial
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor

from marslab.kernels import gated_recurrence, linear_scan
from marslab.kernels.backends import interpreted
from marslab.kernels.gated_recurrence import gpu_plan
from marslab.kernels.gated_recurrence.work import cost, draw
from marslab.kernels.testing import assert_close, check, error

ALL = ("naive", "torch", "numba")
in_the_interpreter = pytest.mark.skipif(
    find_spec("triton") is None or not interpreted(),
    reason="needs triton and no GPU; with a GPU test_contract_gpu.py says more",
)


@pytest.mark.parametrize("method", ["sequential", "newton"])
@pytest.mark.parametrize("backend", ALL)
def test_three_steps_by_hand(backend: str, method: str) -> None:
    z = torch.tensor([[[1.0], [2.0], [4.0]]], dtype=torch.float64)
    gamma = torch.tensor([[[0.5], [0.0], [1.0]]], dtype=torch.float64)
    W, h0 = torch.tensor([[-1.0]], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    h = gated_recurrence(z, W, gamma, h0, method=method, backend=backend).flatten()
    first = 0.5  # a gate that sees 0
    second = 2 / (1 + torch.tensor(first, dtype=torch.float64).exp())
    third = 4 / (1 + second.exp()) + second
    assert_close(h, torch.stack([torch.tensor(first, dtype=torch.float64), second, third]))


@pytest.mark.parametrize("backend", ALL)
def test_w_is_applied_to_the_state_from_the_left(backend: str) -> None:
    W = torch.tensor([[0.0, 3.0], [0.0, 0.0]])  # the gate of channel 0 looks at channel 1
    z, gamma = torch.ones(1, 1, 2), torch.zeros(1, 1, 2)
    h = gated_recurrence(z, W, gamma, torch.tensor([[0.0, 1.0]]), backend=backend)
    assert_close(h[0, 0], torch.tensor([3.0, 0.0]).sigmoid())


@pytest.mark.parametrize("backend", ALL)
def test_without_w_it_is_a_scan_of_half_the_input(backend: str) -> None:
    z, W, gamma, h0 = draw((2, 50, 4))
    for method in ("sequential", "newton"):
        h = gated_recurrence(z, 0 * W, gamma, h0, method=method, backend=backend)
        assert_close(h, linear_scan(gamma, z / 2, h0, backend="naive"))


def test_results_come_in_the_order_result_state_info() -> None:
    x = draw((2, 9, 3))
    h, state, info = gated_recurrence(*x, method="newton", return_state=True, return_info=True)
    assert h.shape == x.z.shape and torch.equal(state, h[:, -1])
    assert info._fields == ("method", "iterations", "residual", "converged")
    assert info.method == "newton" and info.converged and 1 < info.iterations <= 10
    assert 0 <= info.residual <= 1e-11
    assert gated_recurrence(*x, return_info=True)[1] == ("sequential", 9, 0.0, True)
    assert isinstance(gated_recurrence(*x), Tensor)


def relative(h: Tensor, exact: Tensor) -> float:
    return error(h, exact).l2


def test_n1_no_single_scan_gives_these_states() -> None:
    z, W, gamma, h0 = draw((2, 64, 16))
    exact = gated_recurrence(z, W, gamma, backend="naive")
    gate = torch.sigmoid(h0[:, None] * 0 @ W.T)  # every gate as it is before the first step
    assert relative(linear_scan(gamma, z * gate), exact) > 0.05
    composed = z * gate + gamma.cumprod(1) * h0[:, None]
    assert relative(composed, exact) > 0.5


def test_n1_two_steps_are_no_step() -> None:
    # Were the maps of a step closed under composition, h2 would be z' sigmoid(w' h) + g' h with
    # some z', w', g': as h grows its slope would be g', and at 0 it would be z'/2.
    W = torch.tensor([[2.0]], dtype=torch.float64)
    h0 = torch.tensor([[-40.0], [0.0], [40.0], [1.0]], dtype=torch.float64)
    z = torch.tensor([3.0, -2.0], dtype=torch.float64).view(1, 2, 1).expand(4, 2, 1)
    gamma = torch.full((4, 2, 1), 0.5, dtype=torch.float64)
    low, middle, high, one = gated_recurrence(z, W, gamma, h0)[:, 1, 0].tolist()
    keep = (high - low) / 80  # z' at the upper end and 0 at the lower are lost in 80
    assert abs(keep - 0.25) < 0.02 and abs(middle) < 3
    top = high - 0.25 * 40  # what the gate adds when it is open
    assert abs(top - 2 * middle) > 0.1 and one != pytest.approx(top / 2 + 0.25, abs=0.1)


@pytest.mark.parametrize("backend", ALL)
def test_n8_states_stay_bounded_while_gamma_is_below_one(backend: str) -> None:
    z, W, gamma, _ = draw((1, 2000, 4), torch.float32, norm=50.0, decay=(0.5, 0.99))
    h = gated_recurrence(z, W, gamma, backend=backend)
    assert h.abs().max() <= z.abs().max() / (1 - 0.99)


def test_n8_a_keep_above_one_is_refused() -> None:
    # The residual added around the recurrence makes the coefficient 1 + gamma.
    z, W, gamma, h0 = draw((1, 9, 2))
    with pytest.raises(ValueError, match=r"^gated_recurrence: gamma must be in \[0, 1\], got 1\.9"):
        gated_recurrence(z, W, 1.0 + gamma.clamp(0.9, 0.95), h0)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"method": "magic"}, r"method must be one of \['sequential', 'newton'\], got 'magic'"),
        ({"tol": 0.0}, "tol must be above 0, got 0.0"),
        ({"tol": float("nan")}, "tol must be above 0, got nan"),
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
    ],
)
def test_bad_options_get_one_sentence(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=f"^gated_recurrence: {said}$"):
        gated_recurrence(*draw((1, 2, 3)), **options)


def test_a_w_of_another_width_is_named() -> None:
    z, _, gamma, h0 = draw((1, 2, 3))
    with pytest.raises(ValueError, match=r"W must be \[D, D\] = \[3, 3\], got \[2, 3\]"):
        gated_recurrence(z, torch.ones(2, 3, dtype=z.dtype), gamma, h0)


def test_the_drawn_w_has_the_norm_that_was_asked_for() -> None:
    x = draw((1, 4, 9), norm=1.5)
    assert torch.linalg.matrix_norm(x.W, 2).item() == pytest.approx(1.5)
    assert ((x.gamma >= 0.9) & (x.gamma <= 0.999)).all()


def test_cost_counts_passes_and_products() -> None:
    assert cost((2, 10, 4), 4) == (4 * (3 * 80 + 16) + 2 * 2 * 4 * 4, 2 * 20 * 16)
    assert cost((2, 10, 4), 4, backward=True).flops == 4 * cost((2, 10, 4), 4).flops


@pytest.mark.parametrize(
    "dtype, B, D, share",
    [
        (torch.bfloat16, 32, 768, (32, 8, 1)),
        (torch.bfloat16, 8, 1024, (16, 8, 1)),
        (torch.bfloat16, 64, 768, (32, 16, 1)),
        (torch.bfloat16, 1, 2048, (16, 8, 1)),
        (torch.bfloat16, 1000, 768, (32, 16, 13)),
        (torch.float32, 4, 5, (16, 8, 1)),
        (torch.float16, 300, 130, (32, 16, 1)),
    ],
)
def test_a_launch_on_a_gpu_has_no_more_programs_than_run_at_once(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, B: int, D: int, share: tuple
) -> None:
    monkeypatch.setattr(gpu_plan, "interpreted", lambda: False)
    monkeypatch.setattr(gpu_plan, "_machine", lambda device: (132, 232448))
    plan = gpu_plan.resident(B, D, dtype, torch.device("cuda"))
    assert plan is not None and plan.owners(D) * plan.C >= D and plan.S * plan.K >= D
    launches = plan.launches(B, D, 132)
    assert (plan.C, plan.R, len(launches)) == share
    assert launches.stop * plan.R >= B and launches.step * plan.owners(D) <= 132


def test_a_w_that_fits_on_no_multiprocessor_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_plan, "interpreted", lambda: False)
    monkeypatch.setattr(gpu_plan, "_machine", lambda device: (132, 232448))
    for dtype, D in ((torch.bfloat16, 2049), (torch.float32, 1025), (torch.float64, 4)):
        assert gpu_plan.resident(1, D, dtype, torch.device("cuda")) is None


def agrees(x: tuple[Tensor, ...]) -> None:
    """Triton's result, state and gradients are those of naive."""
    fast, naive = (
        partial(gated_recurrence, backend=name, return_state=True) for name in ("triton", "naive")
    )
    check(fast, naive, x, length=x[0].shape[1])


@in_the_interpreter
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_a_streamed_w_gives_the_same(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(gpu_plan, "resident", lambda *about: None)
    agrees(draw((2, 4, 3), dtype))


@in_the_interpreter
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_groups_of_rows_and_parts_of_a_product(dtype: torch.dtype) -> None:
    z, W, gamma, h0 = draw((9, 3, 70), dtype, decay_dtype=torch.float32)
    assert gpu_plan.resident(9, 70, dtype, z.device) == (128, 8, 2, 64, gpu_plan.PLAIN)
    agrees((z, W, gamma, h0.T.contiguous().T))


@in_the_interpreter
def test_each_program_does_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    # One after another, which works because what they trade is there from the start.
    from marslab.kernels.gated_recurrence import gpu, gpu_resident

    z, W, gamma, h0 = draw((9, 3, 40), torch.float32)
    h, state = gpu.forward(z, W, gamma, h0)
    g, dh0 = gpu._backwards(torch.float32, gamma, z, W, h, h0)
    monkeypatch.setattr(gpu_plan, "_machine", lambda device: (4, 0))
    plan = gpu_plan.Plan(16, 8, 2, 32, gpu_plan.PLAIN)
    assert plan.owners(40) == 3 and len(plan.launches(9, 40, 4)) == 2
    last, own, first = (torch.full_like(x, torch.nan) for x in (state, g, dh0))
    gpu_plan.launch_resident(gpu_resident.forward, plan, [z, W, gamma, h0, h.clone(), last])
    assert_close(last, state)
    tensors = [gamma, z, W.T.contiguous(), h, h0, own, first, z * g]
    gpu_plan.launch_resident(gpu_resident.transposed, plan, tensors)
    assert_close(own, g)
    assert_close(first, dh0)


@in_the_interpreter
def test_a_nan_is_not_taken_for_a_cell_that_nobody_wrote() -> None:
    z, W, gamma, h0 = draw((2, 4, 3), torch.float32)
    z.view(torch.int32)[1, 1, 2] = -1  # all bits set
    h = gated_recurrence(z, W, gamma, h0, backend="triton")
    exact = gated_recurrence(z, W, gamma, h0, backend="naive")
    assert torch.equal(h.isnan(), exact.isnan()) and exact[0].isfinite().all()
