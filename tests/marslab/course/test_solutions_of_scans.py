"""The reference solutions of notebooks 01 to 04 against the library, and how mistakes are told.

A check compares an answer with the solution, so it cannot tell whether the solution is right.
"""

import pytest
import torch

from marslab.kernels import linear_scan, selective_scan, ssd, ssd_quadratic, wkv7
from marslab.kernels.selective_scan import naive
from marslab.kernels.ssd.work import draw as draw_ssd
from marslab.kernels.testing import assert_close
from marslab.kernels.wkv7.work import draw as draw_wkv7
from marslab.lab.course.content import delta, duality, scan, ssm
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.registry import Wrong


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _recurrence() -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.rand(2, 11, 3, dtype=torch.float64)
    a[:, 4] = 0.0
    return a, torch.randn_like(a)


def test_the_loop_and_the_tiles_are_the_scan() -> None:
    a, b = _recurrence()
    expected = linear_scan(a, b, backend="naive")
    assert_close(scan.my_scan(a, b), expected, "the loop")
    for size in (1, 4, 11, 20):
        assert_close(scan.my_tiles(a, b, size), expected, f"tiles of {size}")


def test_joining_all_steps_gives_the_last_state() -> None:
    a, b = _recurrence()
    step = a[:, 0], b[:, 0]
    for t in range(1, 11):
        step = scan.my_join(*step, a[:, t], b[:, t])
    assert_close(step[1], linear_scan(a, b, backend="naive")[:, -1], "all steps as one")


def test_the_gradient_is_autograds() -> None:
    a, b = (x.requires_grad_() for x in _recurrence())
    h = linear_scan(a, b, backend="naive")
    dh = torch.randn_like(h)
    wanted = torch.autograd.grad(h, (a, b), dh)
    found = scan.my_gradient(a.detach(), h.detach(), dh)
    for ours, theirs in zip(found, wanted, strict=True):
        assert_close(ours, theirs, "the gradient")


def test_selective_steps_are_the_selective_scan() -> None:
    x, dt, A = (
        torch.randn(2, 7, 3).double(),
        torch.rand(2, 7, 3).double(),
        -torch.rand(3, 4).double(),
    )
    B, C = torch.randn(2, 2, 7, 4).double()
    h, outputs = torch.zeros(2, 3, 4, dtype=torch.float64), []
    for t in range(7):
        h, y = ssm.my_selective_step(h, x[:, t], dt[:, t], A, B[:, t], C[:, t])
        outputs.append(y)
    y, state = selective_scan(
        x, dt, A, B, C, return_state=True, discretisation="euler", backend="naive"
    )
    assert_close(torch.stack(outputs, 1), y, "the outputs")
    assert_close(h, state, "the state")


def test_an_impulse_comes_out_as_the_kernel() -> None:
    decay, push, C = torch.rand(3, 4, dtype=torch.float64)
    h, weights = push, []
    for _ in range(6):
        weights.append(C @ h)
        h = decay * h
    assert_close(ssm.my_kernel(decay, push, C, 6), torch.stack(weights), "the kernel")


def test_zoh_is_the_librarys_with_its_gradient() -> None:
    A = torch.tensor([0.0, -1e-12, -1e-5, -1e-3, -1.0, -30.0], dtype=torch.float64)
    leaves = A.clone().requires_grad_(), A.clone().requires_grad_()
    dt = torch.full_like(A, 0.7)
    ours = ssm.my_zoh(dt, leaves[0])
    theirs = naive.discretise(dt, leaves[1][:, None], True)
    for i, name in enumerate(("what stays", "what comes in")):
        assert_close(ours[i], theirs[i][:, 0], name)
    (slope,) = torch.autograd.grad(ours[1].sum(), leaves[0])
    (expected,) = torch.autograd.grad(theirs[1].sum(), leaves[1])
    torch.testing.assert_close(slope, expected, rtol=1e-7, atol=0)


def test_mask_and_products_are_the_dual_form() -> None:
    x, dt, A, B, C, _, _ = draw_ssd((1, 12, 1, 4, 1, 3))
    mask = duality.my_mask((dt[0, :, 0] * A[0]).exp())
    y = duality.my_attention(mask, dt[0, :, 0], x[0, :, 0], B[0, :, 0], C[0, :, 0])
    assert_close(y, ssd_quadratic(x, dt, A, B, C)[0, :, 0], "the masked product")


def test_the_carry_is_the_state_of_the_chunk() -> None:
    x, dt, A, B, C, _, h0 = draw_ssd((1, 12, 1, 4, 1, 3))
    decay, written = (dt[0, :, 0] * A[0]).exp(), dt[0] * x[0, :, 0]
    h = duality.my_carry(h0[0, 0], decay, written, B[0, :, 0])
    _, state = ssd(x, dt, A, B, C, h0=h0, return_state=True, backend="naive")
    assert_close(h, state[0, 0], "the state")


def test_the_delta_rule_and_joined_steps_are_wkv7() -> None:
    r, w, k, v, a, b, s0 = draw_wkv7((1, 9, 1, 4, 3))
    state = s0[0, 0]
    whole = torch.eye(4, dtype=torch.float64), torch.zeros_like(state)
    for step in zip(*(x[0, :, 0] for x in (w, k, v, a, b)), strict=True):
        state = delta.my_rwkv7_step(state, *step)
        G = torch.diag(step[0].exp()) + torch.outer(step[3], step[4])
        whole = delta.my_step_join(*whole, G, torch.outer(step[2], step[1]))
    _, expected = wkv7(r, w, k, v, a, b, s0, return_state=True, backend="naive")
    assert_close(state, expected[0, 0], "step by step")
    assert_close(s0[0, 0] @ whole[0] + whole[1], expected[0, 0], "all steps as one")
    key, value = torch.nn.functional.normalize(k[0, 0, 0], dim=0), v[0, 0, 0]
    ruled = delta.my_rwkv7_step(state, 0 * key, 0.5 * key, value, -key, 0.5 * key)
    assert_close(delta.my_write(state, key, value, 0.5), ruled, "the delta rule")


def test_all_mistakes_that_fit_are_named_and_no_other() -> None:
    tell = recognised(
        Wrong("double", lambda x: 2 * x, "when x is doubled."),
        Wrong("square", lambda x: x * x, "when x is squared."),
        Wrong("raises", lambda x: x[7], "when x is short."),
    )
    two, three = torch.tensor([2.0]), torch.tensor([3.0])
    assert tell((two,), two * 2, two) == (
        "Your result is what comes out when x is doubled. "
        "It is also what comes out when x is squared."
    )
    assert tell((three,), three * 3, three) == "Your result is what comes out when x is squared."
    assert tell((three,), torch.ones(2, 1), three) == ""
