"""Turning every place at once: Fourier transforms make of the sum one product per frequency.

A transform of D numbers costs about as much as a handful of passes over them, so the passes in
between count: without gradients the product is written over the first spectrum.
"""

import torch
from torch import Tensor, fft


def circular_conv(a: Tensor, b: Tensor) -> Tensor:
    """c[k] = sum over i of a[i] b[(k - i) mod D], in the dtype given."""
    if a.numel() == 0 or b.numel() == 0:  # the transforms take no empty tensors
        return a * b
    f, g = _spectra(a, b)
    return _back(f.mul_(g) if _free(f, g) else f * g, b)


def circular_corr(a: Tensor, b: Tensor) -> Tensor:
    """c[k] = sum over i of conj(a[i]) b[(k + i) mod D], in the dtype given."""
    if a.numel() == 0 or b.numel() == 0:  # the transforms take no empty tensors
        return a * b
    f, g = _spectra(a, b)
    return _back(f.conj_physical_().mul_(g) if _free(f, g) else f.conj() * g, b)


def _spectra(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Fourier transforms; of real numbers the half that determines the other."""
    transform = fft.fft if b.is_complex() else fft.rfft
    return transform(a), transform(b)


def _back(spectrum: Tensor, b: Tensor) -> Tensor:
    return fft.ifft(spectrum) if b.is_complex() else fft.irfft(spectrum, n=b.shape[-1])


def _free(f: Tensor, g: Tensor) -> bool:
    """Whether f may be written over: no gradient, compiler or torch.func needs it as it was."""
    if torch.compiler.is_compiling() or f.requires_grad or g.requires_grad:
        return False
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    wrapped = any(functorch.is_functorch_wrapped_tensor(x) for x in (f, g))
    return f.shape == g.shape and not wrapped
