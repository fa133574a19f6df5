"""Rotations by Cayley's map, and a vector quantiser beside them."""

from math import sqrt
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import linear_scan
from marslab.kernels.checks import shaped, state_dtype
from marslab.layers.block_config import OmegaConfig
from marslab.layers.vector_quantizer import VectorQuantizer
from marslab.tracing import emit, recording


class OmegaState(NamedTuple):
    """What the recurrent form carries.

    Shapes (B batch, n rotated dims):
        h: [B, n], pair after pair
    """

    h: Tensor


class OmegaOut(NamedTuple):
    """What Omega gives: x' [B, L, D], the state if it is recurrent, the loss of the quantiser."""

    x: Tensor
    state: OmegaState | None
    loss: Tensor


def cayley(omega: Tensor, x: Tensor) -> Tensor:
    """G x with G = (I + Omega/2)(I - Omega/2)^-1, by one linear solve: u = (I - Omega/2)^-1 x.

    (I + Omega/2) u = 2 u - x. G is a rotation, and -1 is never among its eigenvalues.

    Shapes (n rotated dims; any leading dims):
        omega: [..., n, n] skew-symmetric
        x: [..., n]
        returns: [..., n]

    Source:
        TARS v3, 3.5; T24.

    >>> cayley(torch.tensor([[0.0, -2.0], [2.0, 0.0]]), torch.tensor([1.0, 0.0]))
    tensor([0., 1.])
    """
    eye = torch.eye(omega.shape[-1], dtype=omega.dtype, device=omega.device)
    return 2 * torch.linalg.solve(eye - omega / 2, x.unsqueeze(-1)).squeeze(-1) - x


def cayley_low_rank(w: Tensor, x: Tensor) -> Tensor:
    """`cayley` of Omega = W J W^T = U V^T - V U^T with W = [U, V], and never an n x n matrix.

    By Woodbury's identity G x = x - 2 W (W^T W + 2 J)^-1 W^T x, exactly; J = [[0, I], [-I, 0]].
    W^T W is positive, J skew and invertible, so that their sum always has an inverse.

    Shapes (n rotated dims, r rank; any leading dims):
        w: [..., n, 2 r]
        x: [..., n]
        returns: [..., n]

    >>> w = torch.tensor([[2.0, 0.0], [0.0, -1.0], [0.0, 0.0]])
    >>> cayley_low_rank(w, torch.tensor([1.0, 0.0, 5.0]))
    tensor([0., 1., 5.])
    """
    r = w.shape[-1] // 2
    twice = 2 * torch.eye(2 * r, dtype=w.dtype, device=w.device)
    J2 = torch.cat([-twice[r:], twice[:r]]).mT
    # solve_ex does not wait to see whether it succeeded; this matrix always has an inverse.
    inner, _ = torch.linalg.solve_ex(w.mT @ w + J2, w.mT @ x.unsqueeze(-1))
    return x - 2 * (w @ inner).squeeze(-1)


class Omega(nn.Module):
    """x' = x + alpha * lie + beta * vq; alpha and beta are learned scalars that start at 0.1.

    lie fills the first n dims and is 0 elsewhere:

    - As designed, lie = G x[:n], with its own G at each token: Cayley's map of a skew-symmetric
      Omega whose n(n-1)/2 entries are linear in the causal mean. With `rank` r Omega = U V^T -
      V U^T, where the n r entries of U and of V are linear in the mean: as exact, cheaper, and it
      turns 2 r dims at a time. This G turns one block's result. It says nothing about gradients
      over time, nor does the mean see to it (T24).
    - `config.recurrent`: h_t = G h_{t-1} + B x_t, the form with the property: the gradient of h_T
      with respect to h_t has the length it came with, however many steps lie between. Here Omega
      is learned and does not depend on the input; such a matrix is n/2 plane rotations in a basis
      of its own, and B and the read-out C absorb the basis. So G is n/2 complex numbers (1 + i
      w/2) / (1 - i w/2) of length 1, and the recurrence one complex scan. Nothing decays, so h
      grows; it is read as lie = C rmsnorm(h). The mean is not used.

    vq = W_out VQ(W_in rmsnorm(x)), per token (VectorQuantizer); `config.vq` leaves it out.

    Emits "omega" with alpha, beta and turn: the angle between x[:n] and G x[:n] in radians,
    [B, L], or the angles of the planes, [n/2].

    Shapes (B batch, L length, D width, n rotated dims):
        x, mean: [B, L, D] floating point; mean is the causal mean of x
        state: OmegaState or None, in the recurrent form only
        returns: OmegaOut

    Errors:
        ValueError: n is not in 2 .. D, n is odd and the form recurrent, rank is not in 1 .. n/2 or
            stands beside recurrent, a state comes to the form that has none, or a shape is wrong

    Source:
        TARS v3, 2.3 and 3.5, repaired by T24 and T25.

    >>> omega = Omega(8, OmegaConfig(n=4, codes=16, code_dim=4))
    >>> omega(torch.ones(2, 5, 8), torch.ones(2, 5, 8)).x.shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, d_model: int, config: OmegaConfig, *, rank: int | None = None) -> None:
        super().__init__()
        n = config.n
        if not 2 <= n <= d_model:
            raise ValueError(f"Omega: n must be between 2 and d_model = {d_model}, got {n}")
        if config.recurrent and (n % 2 or rank is not None):
            raise ValueError(
                f"Omega: the recurrent form needs an even n and no rank, got n = {n}, rank = {rank}"
            )
        if rank is not None and not 1 <= rank <= n // 2:
            raise ValueError(f"Omega: rank must be between 1 and n/2 = {n // 2}, got {rank}")
        self.d_model, self.n, self.rank, self.recurrent = d_model, n, rank, config.recurrent
        self.alpha = nn.Parameter(torch.tensor(0.1))
        if config.recurrent:
            angles = torch.logspace(0, -3, n // 2)  # periods from 6 steps to 6000
            self.w = nn.Parameter(2 * torch.tan(angles / 2))
            self.to_state = nn.Linear(d_model, n, bias=False)
            self.from_state = nn.Linear(n, n, bias=False)
        else:
            self._start_skew()
        self.vq = None
        if config.vq:
            self.beta = nn.Parameter(torch.tensor(0.1))
            self.to_code = nn.Linear(d_model, config.code_dim)
            self.vq = VectorQuantizer(config.codes, config.code_dim)
            self.from_code = nn.Linear(config.code_dim, d_model, bias=False)

    def forward(self, x: Tensor, mean: Tensor, state: OmegaState | None = None) -> OmegaOut:
        D = self.d_model
        shaped("Omega", "x", x, f"[B, L, {D}]", (None, None, D))
        shaped("Omega", "mean", mean, "[B, L, D]", tuple(x.shape))
        if self.recurrent:
            lie, state, turn = self._carried(x, state)
        elif state is not None:
            raise ValueError("Omega: only the recurrent form has a state; give None")
        else:
            lie, turn = self._turned(x, mean)
        y = x + self.alpha * F.pad(lie.to(x.dtype), (0, D - self.n))
        beta, loss = None, x.new_zeros((), dtype=state_dtype(x.dtype))
        if self.vq is not None:
            code = self.vq(self.to_code(F.rms_norm(x, (D,), eps=1e-6)))
            beta, loss = self.beta, code.loss
            y = y + beta * self.from_code(code.value)
        emit("omega", alpha=self.alpha, beta=beta, turn=turn)
        return OmegaOut(y, state, loss)

    def _start_skew(self) -> None:
        """Omega starts with a norm near 1 (turns of about a radian) where the mean is of size 1."""
        n, r = self.n, self.rank
        self.to_skew = nn.Linear(self.d_model, n * (n - 1) // 2 if r is None else 2 * r * n)
        size = 0.5 / sqrt(n) if r is None else 1 / sqrt(n)
        nn.init.normal_(self.to_skew.weight, std=size / sqrt(self.d_model))
        nn.init.normal_(self.to_skew.bias, std=size)  # at W = 0 the low-rank form has no gradient
        if r is None:
            i, j = torch.triu_indices(n, n, 1)
            # Kept with the weights, so that a model made on the meta device gets it from there.
            self.register_buffer("upper", i * n + j)

    def _turned(self, x: Tensor, mean: Tensor) -> tuple[Tensor, Tensor | None]:
        n, entries = self.n, self.to_skew(mean)
        wide = state_dtype(x.dtype)
        head, entries = x[..., :n].to(wide), entries.to(wide)
        with torch.autocast(x.device.type, enabled=False):
            if self.rank is None:
                flat = entries.new_zeros(*entries.shape[:-1], n * n)
                half = flat.index_copy(-1, self.upper, entries).unflatten(-1, (n, n))
                lie = cayley(half - half.mT, head)
            else:
                lie = cayley_low_rank(entries.unflatten(-1, (n, 2 * self.rank)), head)
        turn = F.cosine_similarity(head, lie, -1).clamp(-1, 1).acos() if recording() else None
        return lie, turn

    def _carried(self, x: Tensor, state: OmegaState | None) -> tuple[Tensor, OmegaState, Tensor]:
        wide = state_dtype(x.dtype)
        half = self.w.to(wide) / 2
        tip = torch.complex(torch.ones_like(half), half)
        g = tip / tip.conj()
        b = torch.view_as_complex(self.to_state(x).to(wide).unflatten(-1, (-1, 2)).contiguous())
        h0 = None
        if state is not None:
            shaped("Omega", "state.h", state.h, "[B, n]", (x.shape[0], self.n))
            h0 = torch.view_as_complex(state.h.to(wide).unflatten(-1, (-1, 2)))
        h, last = linear_scan(g.expand_as(b), b, h0, return_state=True)
        read = F.rms_norm(torch.view_as_real(h).flatten(-2), (self.n,), eps=1e-6).to(x.dtype)
        after = OmegaState(torch.view_as_real(last).flatten(-2))
        return self.from_state(read), after, g.angle()

    def extra_repr(self) -> str:
        return f"n={self.n}, rank={self.rank}, recurrent={self.recurrent}"
