"""The complex recurrence: a loop beside it, in pieces, bounded, and every weight learns."""

import pytest
import torch

from marslab.memory.hdc import ComplexScan


@pytest.mark.parametrize("complex", [True, False])
def test_it_is_the_loop_and_may_be_cut(complex: bool) -> None:
    scan, x = ComplexScan(3, 6, complex=complex), torch.randn(2, 9, 3)
    y, state = scan(x)
    a = scan.decay()
    h = torch.zeros(2, 6, dtype=a.dtype)
    for t in range(9):
        h = a * h + (1 - a.abs() ** 2) ** 0.5 * (x[:, t].to(a.dtype) @ scan.into.T)
        torch.testing.assert_close(y[:, t], (h @ scan.out.T).real)
    torch.testing.assert_close(state, h)
    first, kept = scan(x[:, :4])
    second, last = scan(x[:, 4:], kept)
    torch.testing.assert_close(torch.cat([first, second], 1), y)
    torch.testing.assert_close(last, state)


def test_it_turns_and_stays_bounded() -> None:
    """An impulse swings in a complex state, fades in a real one; 32,768 steps are finite."""
    impulse = torch.zeros(1, 200, 1)
    impulse[0, 0] = 1
    for complex in (True, False):
        scan = ComplexScan(1, 1, complex=complex)
        with torch.no_grad():
            if complex:
                scan.angle.fill_(0.5)
            y = scan(impulse)[0][0, :, 0]
            assert (y.sign().diff() != 0).any() == complex
            scan.rate.fill_(-9.0)
            assert bool((scan.decay().abs() < 1).all())
            assert bool(scan(torch.ones(1, 32_768, 1))[0].isfinite().all())


def test_every_weight_learns() -> None:
    scan = ComplexScan(3, 6)
    scan(torch.randn(2, 9, 3))[0].square().sum().backward()
    for name, parameter in scan.named_parameters():
        assert parameter.grad is not None and bool((parameter.grad != 0).all()), name


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="positive sizes"):
        ComplexScan(0, 4)
    with pytest.raises(ValueError, match=r"\[B, L, 3\]"):
        ComplexScan(3, 4)(torch.randn(2, 5, 4))
