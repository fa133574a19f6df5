"""Binding against the sum written out and against torchhd; the printed unbinding shown wrong."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchhd
from torch import Tensor

from marslab.memory.hdc import Phasors, bind, unbind, unitary


def cosine(a: Tensor, b: Tensor) -> float:
    return F.cosine_similarity(a, b, dim=-1).mean().item()


def test_binding_is_the_sum_and_that_of_torchhd() -> None:
    a, b = torch.randn(2, 7, dtype=torch.float64)
    by_hand = torch.stack(
        [sum((a[i] * b[(k - i) % 7] for i in range(7)), a[0] * 0) for k in range(7)]
    )
    torch.testing.assert_close(bind(a, b), by_hand)
    drawn: Any = torchhd.random(2, 7, "HRR", dtype=torch.float64)
    x, y = drawn
    torch.testing.assert_close(
        bind(x.as_subclass(Tensor), y.as_subclass(Tensor)), torchhd.bind(x, y).as_subclass(Tensor)
    )
    drawn = torchhd.random(2, 7, "FHRR")
    f, g = drawn
    theirs = torchhd.bind(torchhd.inverse(f), torchhd.bind(f, g)).as_subclass(Tensor)
    f, g = f.as_subclass(Tensor), g.as_subclass(Tensor)
    torch.testing.assert_close(unbind(f, bind(f, g)), theirs)
    torch.testing.assert_close(theirs, g)


def test_a_unitary_key_gives_back_what_it_was_bound_to() -> None:
    """M9: a normal key does so with cosine 0.71."""
    key, value = torch.randn(20, 2000), torch.randn(20, 2000)
    torch.testing.assert_close(
        unbind(unitary(key), bind(unitary(key), value)), value, atol=1e-4, rtol=0
    )
    torch.testing.assert_close(unitary(key).norm(dim=-1), torch.ones(20))
    assert cosine(unbind(key, bind(key, value)), value) == pytest.approx(0.5**0.5, abs=0.02)


def test_a_key_without_a_frequency_is_repaired() -> None:
    key, value = torch.ones(8), torch.randn(8)
    torch.testing.assert_close(unbind(unitary(key), bind(unitary(key), value)), value)


def test_the_printed_unbinding_runs_backwards() -> None:
    """M8: ifft(fft(query) conj(fft(memory))) is near the reversed value, not near the value."""
    query, value = torch.randn(20, 2000), torch.randn(20, 2000)
    memory = torch.fft.fft(bind(query, value))
    printed = torch.fft.ifft(torch.fft.fft(query) * memory.conj()).real
    backwards = value.flip(-1).roll(1, -1)
    assert abs(cosine(printed, value)) < 0.05 < 0.65 < cosine(printed, backwards)
    assert cosine(unbind(query, bind(query, value)), value) > 0.65


def test_torchhd_binds_many_wrongly() -> None:
    """5.8.4's HRR `multibind` drops the imaginary part; two at a time are right."""
    x = torchhd.random(3, 512, "HRR")
    with pytest.warns(UserWarning, match="imaginary"):
        theirs = torchhd.multibind(x).as_subclass(Tensor)
    a, b, c = x.as_subclass(Tensor)
    assert cosine(theirs, bind(bind(a, b), c)) < 0.8


@pytest.mark.parametrize("dim", [8, 9, 1, 2])
def test_phasors_keep_their_modulus_while_they_learn(dim: int) -> None:
    for complex in (True, False):
        vectors = Phasors(3, dim, complex=complex)
        optimizer = torch.optim.SGD(vectors.parameters(), lr=1.0)
        target = torch.randn(3, dim)
        for _ in range(5):
            optimizer.zero_grad()
            (vectors(torch.arange(3)).real - target).square().sum().backward()
            optimizer.step()
        found = vectors(torch.arange(3)).detach()
        spectrum = found if complex else torch.fft.fft(found)
        torch.testing.assert_close(spectrum.abs(), torch.ones(3, dim))
        assert found.dtype == (torch.complex64 if complex else torch.float32)


def test_every_angle_gets_a_gradient() -> None:
    for complex in (True, False):
        vectors = Phasors(2, 16, complex=complex)
        bound = bind(vectors(torch.tensor(0)), vectors(torch.tensor(1)))
        (bound * torch.randn(16)).sum().real.backward()
        assert vectors.angles.grad is not None and bool((vectors.angles.grad != 0).all())


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="positive sizes, got 0 vectors of 8"):
        Phasors(0, 8)
