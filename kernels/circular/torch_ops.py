"""Turning every place at once: Fourier transforms make of the sum one product per frequency.

A transform of D numbers costs about as much as a handful of passes over them, so memory counts:
without gradients the product is written over the first spectrum, and the second one is given back
before the transform home asks for room.
"""

from torch import Tensor, fft

from marslab.kernels.joining import unwatched


def circular_conv(a: Tensor, b: Tensor) -> Tensor:
    """c[k] = sum over i of a[i] b[(k - i) mod D], in the dtype given."""
    if a.numel() == 0 or b.numel() == 0:  # the transforms take no empty tensors
        return a * b
    return _back(_times(_spectrum(a), _spectrum(b)), b)


def circular_corr(a: Tensor, b: Tensor) -> Tensor:
    """c[k] = sum over i of conj(a[i]) b[(k + i) mod D], in the dtype given."""
    if a.numel() == 0 or b.numel() == 0:  # the transforms take no empty tensors
        return a * b
    return _back(_times(_conjugate(_spectrum(a)), _spectrum(b)), b)


def _spectrum(x: Tensor) -> Tensor:
    """The Fourier transform; of real numbers the half that determines the other."""
    return fft.fft(x) if x.is_complex() else fft.rfft(x)


def _conjugate(f: Tensor) -> Tensor:
    return f.conj_physical_() if unwatched(f) else f.conj()


def _times(f: Tensor, g: Tensor) -> Tensor:
    return f.mul_(g) if f.shape == g.shape and unwatched(f, g) else f * g


def _back(spectrum: Tensor, b: Tensor) -> Tensor:
    return fft.ifft(spectrum) if b.is_complex() else fft.irfft(spectrum, n=b.shape[-1])
