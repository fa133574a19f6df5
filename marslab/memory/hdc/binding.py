"""Keys that unbind exactly, and binding in the two algebras: circular (HRR), phases (FHRR)."""

import torch
from torch import Tensor, nn

from marslab.kernels import circular_conv, circular_corr


def unitary(x: Tensor) -> Tensor:
    """Scale every frequency of x to magnitude 1: its convolution is undone exactly.

    A frequency that is 0 becomes 1. Unlike a normal vector, whose correlation is an inverse with
    noise (cosine about 0.71 for a single item), such a key gives back what it was bound to.

    Shapes (D width):
        x: [..., D] real; returns the same, length 1

    Source:
        Plate 1995, "Holographic reduced representations"; erratum M9.

    >>> key, value = unitary(torch.randn(16)), torch.randn(16)
    >>> torch.allclose(unbind(key, bind(key, value)), value, atol=1e-5)
    True
    """
    spectrum = torch.fft.rfft(x)
    size = spectrum.abs()
    even = torch.where(size > 0, spectrum / torch.where(size > 0, size, 1.0), 1.0)
    return torch.fft.irfft(even, n=x.shape[-1])


def bind(key: Tensor, value: Tensor) -> Tensor:
    """Bind a value to a key: circular convolution of real vectors, the product of phasors.

    Shapes (D width; leading axes broadcast):
        key, value: [..., D] of one dtype; complex ones are bound number by number (FHRR)

    >>> bind(torch.tensor([1j, -1.0]), torch.tensor([1j, 1.0 + 0j])).tolist()
    [(-1+0j), (-1+0j)]
    """
    return key * value if key.is_complex() else circular_conv(key, value)


def unbind(key: Tensor, bound: Tensor) -> Tensor:
    """Undo `bind`: the key is conjugated, never what it is taken from.

    Shapes (D width; leading axes broadcast):
        key, bound: [..., D] of one dtype

    Source:
        erratum M8: the printed ifft(fft(key) conj(fft(memory))) runs backwards in time.

    >>> key = torch.tensor([1j, -1.0])
    >>> unbind(key, bind(key, torch.tensor([1j, 1.0 + 0j]))).tolist()
    [1j, (1+0j)]
    """
    return key.conj() * bound if key.is_complex() else circular_corr(key, bound)


class Phasors(nn.Module):
    """Trainable hypervectors whose numbers, or frequencies, keep the modulus 1: angles are learned.

    Complex (FHRR) ones are exp(i angle). Real ones have them as their spectrum, so that they are
    unitary whatever training does; at frequency 0, and at D / 2 of an even D, where a real vector
    has a real spectrum, 1 stands.

    Shapes (N vectors, D width):
        index: [...] integers below N
        returns: [..., D], complex64, or float32 of length 1 with complex=False

    Errors:
        ValueError: a size is not positive

    Source:
        Plate 2003, "Holographic reduced representation" (frequency domain); errata M9 and M43.

    >>> vectors = Phasors(3, 8)
    >>> vectors(torch.tensor([2, 0])).abs().round(decimals=4).unique().tolist()
    [1.0]
    """

    def __init__(self, count: int, dim: int, *, complex: bool = True, seed: int = 0) -> None:
        super().__init__()
        if count < 1 or dim < 1:
            raise ValueError(f"Phasors needs positive sizes, got {count} vectors of {dim}")
        self.dim, self.complex = dim, complex
        free = dim if complex else (dim - 1) // 2
        random = torch.Generator().manual_seed(seed)
        angles = (torch.rand(count, free, generator=random) * 2 - 1) * torch.pi
        self.angles = nn.Parameter(angles)

    def forward(self, index: Tensor) -> Tensor:
        angles = self.angles[index]
        phasors = torch.polar(torch.ones_like(angles), angles)
        if self.complex:
            return phasors
        one = phasors.new_ones(phasors.shape[:-1] + (1,))
        ends = [one, phasors] if self.dim % 2 else [one, phasors, one]
        return torch.fft.irfft(torch.cat(ends, -1), n=self.dim)

    def extra_repr(self) -> str:
        return f"{len(self.angles)}, {self.dim}, complex={self.complex}"
