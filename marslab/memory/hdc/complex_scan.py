"""A recurrence whose state is complex: it turns while it decays."""

import torch
from torch import Tensor, nn

from marslab.kernels import linear_scan
from marslab.kernels.checks import shaped


class ComplexScan(nn.Module):
    """h_t = a h_{t-1} + sqrt(1 - |a|^2) W_in x_t, y_t = Re(W_out h_t), |a| below 1 by its form.

    a = exp(-exp(rate) + i angle): each of N states forgets at its rate and turns by its angle. With
    complex=False angles are 0 and W_in, W_out real: the same recurrence without a phase.

    Shapes (B batch, L length, D width, N states):
        x: [B, L, D] float32
        state: [B, N] complex64 or float32, what the last call gave
        returns: y [B, L, D] and the state

    Errors:
        ValueError: a size is not positive, or x does not fit

    Source:
        Orvieto et al. 2023, "Resurrecting recurrent neural networks", 3; erratum M43 (the design
        names complex processing and has no complex layer).

    >>> y, state = ComplexScan(4, 8)(torch.randn(2, 5, 4))
    >>> y.shape, state.dtype
    (torch.Size([2, 5, 4]), torch.complex64)
    """

    def __init__(self, dim: int, states: int, *, complex: bool = True) -> None:
        super().__init__()
        if dim < 1 or states < 1:
            raise ValueError(f"ComplexScan needs positive sizes, got {dim} and {states} states")
        self.dim, self.complex = dim, complex
        kept = torch.rand(states) * 0.099 + 0.9  # |a| at the start
        self.rate = nn.Parameter((-kept.log()).log())
        dtype = torch.complex64 if complex else torch.float32
        self.into = nn.Parameter(torch.randn(states, dim, dtype=dtype) / dim**0.5)
        self.out = nn.Parameter(torch.randn(dim, states, dtype=dtype) / states**0.5)
        if complex:
            self.angle = nn.Parameter(torch.rand(states) * torch.pi / 10)

    def decay(self) -> Tensor:
        """Return a [N]."""
        size = torch.exp(-self.rate.exp())
        return torch.polar(size, self.angle) if self.complex else size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        shaped("ComplexScan", "x", x, f"[B, L, {self.dim}]", (None, None, self.dim))
        a = self.decay()
        gain = (1 - a.abs().square()).sqrt()
        driven = x.to(a.dtype) @ self.into.mT * gain
        h, state = linear_scan(a.expand_as(driven), driven, state, return_state=True)
        y = h @ self.out.mT
        return y.real if self.complex else y, state
