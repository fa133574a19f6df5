"""The iterated solve of gated_recurrence: its bounds, its sweeps, how it gives up, its gradient."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from marslab.kernels import ConvergenceWarning, gated_recurrence, linear_scan
from marslab.kernels.gated_recurrence import newton, torch_ops
from marslab.kernels.gated_recurrence.work import Operands, draw
from marslab.kernels.testing import LIMIT, PLAIN, assert_close, compare, error

SWEPT = ("torch", "numba")
NEWTON = 1e-10  # the bound of the iterated solve in float64


def solve(backend: str = "numba", tol: float | None = None) -> Callable[..., tuple[Tensor, Tensor]]:
    """The iterated solve as a function of the operands: (h, state)."""

    def run(*x: Tensor) -> tuple[Tensor, Tensor]:
        return gated_recurrence(*x, method="newton", return_state=True, backend=backend, tol=tol)

    return run


@pytest.mark.parametrize("norm", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", SWEPT)
def test_the_iterated_solve_is_within_its_bounds(
    backend: str, dtype: torch.dtype, norm: float
) -> None:
    x = draw((2, 150, 16), dtype, norm=norm)
    naive = partial(gated_recurrence, backend="naive", return_state=True)
    rows = compare(solve(backend), naive, x, length=150)
    for row in rows:
        most = max(*row.error)
        scale = NEWTON / LIMIT[torch.float64] if dtype == torch.float64 else 1.0
        assert most <= scale * max(row.limit), f"{row.what}: {row.error}, {row.limit}"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_iterated_solve_in_16_bits(dtype: torch.dtype) -> None:
    x = draw((2, 150, 16), dtype, decay_dtype=torch.float32)
    naive = partial(gated_recurrence, backend="naive", return_state=True)
    assert all(row.ok for row in compare(solve(), naive, x, length=150))


@pytest.mark.parametrize("backend", SWEPT)
def test_very_long_memories_in_float64(backend: str) -> None:
    x = draw((1, 1024, 16), decay=(0.999, 0.99999), norm=1.5)
    exact = gated_recurrence(*x, backend="naive")
    h, info = gated_recurrence(*x, method="newton", backend=backend, return_info=True)
    assert info.converged and max(error(h, exact)) <= NEWTON
    # Step by step in float32 the same inputs are off by more than its bound.
    rounded = Operands(*(v.float() for v in x))
    exact = gated_recurrence(*(v.double() for v in rounded), backend="naive")
    plain = error(gated_recurrence(*rounded, backend="naive"), exact)
    assert max(error(gated_recurrence(*rounded, backend=backend), exact)) <= max(
        LIMIT[torch.float32], PLAIN * max(plain)
    )


def test_sweeps_grow_with_the_norm_of_w_and_with_the_memory() -> None:
    def sweeps(norm: float, decay: tuple[float, float]) -> int:
        x = draw((1, 256, 32), norm=norm, decay=decay)
        return gated_recurrence(*x, method="newton", tol=1e-10, return_info=True)[1].iterations

    table = [[sweeps(n, d) for n in (0.5, 1.5)] for d in ((0.5, 0.9), (0.99, 0.9999))]
    assert table[0][0] < table[0][1] < table[1][1] and table[0][0] < table[1][0]
    assert table[1][1] < 60


def test_k_sweeps_make_the_first_k_steps_exact() -> None:
    x = draw((1, 12, 4), norm=8.0, decay=(0.9, 1.0))
    exact = gated_recurrence(*x, backend="naive")
    h, info = gated_recurrence(*x, method="newton", tol=1e-300, max_iter=14, return_info=True)
    assert info.iterations <= 14
    assert_close(h, exact)


def test_no_guess_outgrows_the_scan_of_the_absolute_inputs() -> None:
    z, W, gamma, h0 = draw((1, 64, 8), norm=30.0)
    most = linear_scan(gamma, z.abs(), h0.abs())
    seen = []

    def drive(h: Tensor) -> Tensor:
        seen.append(h)
        return torch_ops.drive(h @ W.T, h0 @ W.T, z)

    newton.sweep(drive, gamma, h0, False, "torch", 1e-11, 20)
    assert len(seen) > 5 and all((h.abs() <= most * (1 + 1e-12)).all() for h in seen)


@pytest.mark.parametrize("backend", SWEPT)
def test_it_gives_up_loudly_and_goes_step_by_step(backend: str) -> None:
    x = draw((2, 200, 8), norm=8.0, decay=(0.99, 0.999))
    with pytest.warns(ConvergenceWarning, match="the iteration did not converge in 4 sweeps"):
        h, state, info = gated_recurrence(
            *x, method="newton", max_iter=4, return_info=True, return_state=True, backend=backend
        )
    assert info.method == "sequential" and info.iterations == 4 and not info.converged
    assert info.residual > 1e-3
    plain = gated_recurrence(*x, return_state=True, backend=backend)
    assert torch.equal(h, plain[0]) and torch.equal(state, plain[1])


@pytest.mark.parametrize("backend", SWEPT)
def test_a_gradient_that_does_not_converge_is_found_step_by_step(backend: str) -> None:
    x = [v.requires_grad_() for v in draw((2, 60, 8), norm=8.0, decay=(0.99, 0.999))]
    with pytest.warns(ConvergenceWarning, match="did not converge in 3 sweeps") as told:
        h = gated_recurrence(*x, method="newton", max_iter=3, backend=backend)
        fast = torch.autograd.grad(h.sum(), x)
    assert [str(w.message).split()[2] for w in told] == ["iteration", "gradient"]
    exact = torch.autograd.grad(gated_recurrence(*x, backend="naive").sum(), x)
    for name, one, other in zip(Operands._fields, fast, exact, strict=True):
        assert_close(one, other, name, gradient=True)


def test_a_tolerance_that_rounding_forbids_warns_too() -> None:
    x = draw((1, 300, 8), torch.float32)
    with pytest.warns(ConvergenceWarning, match="tol 1.0e-12"):
        info = gated_recurrence(*x, method="newton", tol=1e-12, max_iter=30, return_info=True)[1]
    assert not info.converged


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("backend", SWEPT)
def test_a_nan_travels_and_the_sweeps_still_end(backend: str, bad: float) -> None:
    x = draw((3, 40, 5))
    x.z[1, 20, 2] = bad
    h, info = gated_recurrence(*x, method="newton", backend=backend, return_info=True)
    exact = gated_recurrence(*x, backend="naive")
    assert info.converged and info.iterations < 40
    assert torch.equal(h.isnan(), exact.isnan()) and torch.equal(h.isinf(), exact.isinf())
    fine = exact.isfinite()
    assert not fine.all()
    torch.testing.assert_close(h[fine], exact[fine], rtol=0, atol=NEWTON)


def test_gap_tells_an_infinity_from_another() -> None:
    nan, inf = torch.nan, torch.inf
    x = torch.tensor([[[1.0, nan]], [[inf, 2.0]], [[inf, 0.0]], [[nan, 0.0]], [[3.0, -4.0]]])
    y = torch.tensor([[[1.5, nan]], [[inf, 2.0]], [[-inf, 0.0]], [[1.0, 0.0]], [[3.0, -4.0]]])
    off, size = torch_ops.gap(x, y)
    assert off.tolist() == [0.5, 0.0, inf, inf, 0.0]
    assert size.tolist() == [1.0, 2.0, 0.0, 0.0, 4.0]


@pytest.mark.parametrize("backend", SWEPT)
def test_derivatives_match_finite_differences(backend: str) -> None:
    x = [v.requires_grad_() for v in draw((2, 6, 3))]
    assert torch.autograd.gradcheck(solve(backend, tol=1e-14), x, fast_mode=True)


def test_a_gradient_may_come_through_the_state_alone() -> None:
    x = [v.requires_grad_() for v in draw((2, 6, 3))]
    fast = torch.autograd.grad(solve(tol=1e-14)(*x)[1].sum(), x)
    naive = gated_recurrence(*x, backend="naive", return_state=True)[1]
    for one, other in zip(fast, torch.autograd.grad(naive.sum(), x), strict=True):
        assert_close(one, other, gradient=True)


def test_func_and_the_compiler_take_it_whole() -> None:
    x = draw((2, 6, 3))

    def loss(*operands: Tensor) -> Tensor:
        h, state = solve(tol=1e-14)(*operands)
        return h.square().sum() + state.sum()

    wanted = torch.autograd.grad(loss(*(v.requires_grad_() for v in x)), x)
    given = [v.detach().clone().requires_grad_() for v in x]
    torch._dynamo.reset()
    torch.compile(loss, backend="aot_eager", fullgraph=True)(*given).backward()
    func = torch.func.grad(loss, argnums=(0, 1, 2, 3))(*(v.detach() for v in x))
    for v, one, other in zip(given, func, wanted, strict=True):
        assert v.grad is not None
        assert_close(v.grad, other, gradient=True)
        assert_close(one, other, gradient=True)


def test_each_row_has_its_own_gradient_of_w() -> None:
    z, W, gamma, h0 = (v.detach() for v in draw((3, 6, 3)))

    def loss(W: Tensor, *rest: Tensor) -> Tensor:
        z, gamma, h0 = (v[None] for v in rest)
        return solve(tol=1e-14)(z, W, gamma, h0)[0].sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0, 0))(W, z, gamma, h0)
    for i in range(3):
        alone = torch.func.grad(loss)(W, z[i], gamma[i], h0[i])
        assert_close(each[i], alone, gradient=True)


def test_a_second_derivative_names_the_way_out() -> None:
    x = [v.requires_grad_() for v in draw((1, 4, 2))]
    first = torch.autograd.grad(solve()(*x)[0].square().sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="method='sequential' with backend='torch' has"):
        first[0].sum().backward()


@pytest.mark.parametrize("size", [(2, 0, 3), (0, 4, 3), (2, 4, 0), (1, 1, 1)], ids=str)
def test_empty_and_single(size: tuple[int, int, int]) -> None:
    x = [v.requires_grad_() for v in draw(size)]
    h, state, info = gated_recurrence(*x, method="newton", return_state=True, return_info=True)
    exact = gated_recurrence(*x, backend="naive", return_state=True)
    assert_close(h, exact[0])
    assert_close(state, exact[1])
    assert info.converged
    (h.sum() + state.sum()).backward()
    assert all(v.grad is not None and v.grad.shape == v.shape for v in x)


def test_a_cut_sequence_goes_on_within_the_solve_s_bound() -> None:
    z, W, gamma, h0 = draw((2, 60, 8))
    whole, last = solve()(z, W, gamma, h0)
    for at in (1, 17, 59):
        first, state = solve()(z[:, :at], W, gamma[:, :at], h0)
        second, end = solve()(z[:, at:], W, gamma[:, at:], state)
        assert max(error(torch.cat([first, second], 1), whole)) < NEWTON
        assert max(error(end, last)) < NEWTON
