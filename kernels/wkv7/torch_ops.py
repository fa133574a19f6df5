"""Chunks of 16 steps as matrix products; one short loop carries the state from chunk to chunk.

README.md has the derivation. Products of decays inside a chunk come from sums of w over exactly
the steps between two times, never from a quotient, so w = -inf is an exact 0 here too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 16  # steps
CELLS = 2**22  # numbers in the largest tensor of a stretch: more only wait for memory


def wkv7(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, H, V] in the dtype of `v`, and the last state [B, H, V, K]."""
    B, L, H, K = r.shape
    if L == 0:
        return v.clone(), s0.clone()
    steps = max(1, CELLS // max(1, B * H * K * CHUNK**2)) * CHUNK
    parts, state = [], s0
    for part in zip(*(x.split(steps, 1) for x in (r, w, k, v, a, b)), strict=True):
        operands = [*(x.to(s0.dtype) for x in part), state]
        y, state = _stretch(*operands)
        parts.append(y.to(v.dtype))
    return torch.cat(parts, 1), state


def _stretch(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor
) -> tuple[Tensor, Tensor]:
    """Some chunks, worked on side by side as far as the state allows."""
    L = v.shape[1]
    r, w, k, v, a, b = (_chunks(x, min(CHUNK, L)) for x in (r, w, k, v, a, b))
    decay = _between(w)
    read_b, probe_b = _scores(r, a, decay * b.unsqueeze(-3))
    read_k, probe_k = _scores(r, a, decay * k.unsqueeze(-3))
    since, till = w.cumsum(-2).exp(), decay[..., -1, :, :]  # from the chunk's start, to its end
    a_start = a * F.pad(since[..., :-1, :], (0, 0, 1, 0), value=1.0)
    # u[t] = S[t-1] a[t] is linear in the state S before the chunk: u = from_state S^T + own.
    known = torch.cat([a_start, probe_k @ v], -1)
    solved = torch.linalg.solve_triangular(-probe_b, known, upper=False, unitriangular=True)
    from_state, own = solved.split([r.shape[-1], v.shape[-1]], -1)
    b_end, k_end = b * till, k * till
    step = from_state.mT @ b_end + torch.diag_embed(since[..., -1, :])
    states = _carry(step, own.mT @ b_end + v.mT @ k_end, s0)
    before = torch.stack(states[:-1], 2).mT
    y = (r * since) @ before + read_b @ (from_state @ before + own) + read_k @ v
    return y.flatten(2, 3)[:, :, :L].transpose(1, 2), states[-1]


def _chunks(x: Tensor, steps: int) -> Tensor:
    """[B, L, H, N] as [B, H, S, C, N]; the steps added at the end keep the state as it is."""
    x = x.transpose(1, 2)
    return F.pad(x, (0, 0, 0, -x.shape[2] % steps)).unflatten(2, (-1, steps))


def _between(w: Tensor) -> Tensor:
    """The decay after step i up to step t, at [t, i]: [..., C, C, K]; 1 where i >= t."""
    later = torch.ones(w.shape[-2], w.shape[-2], dtype=torch.bool, device=w.device).tril(-1)
    return torch.where(later.unsqueeze(-1), w.unsqueeze(-2), 0.0).cumsum(-3).exp()


def _scores(r: Tensor, a: Tensor, aged: Tensor) -> tuple[Tensor, Tensor]:
    """How much r[t], and a[t] one step earlier, meet of what was written at i: [..., C, C] twice.

    `aged` holds at [t, i] what i wrote as it stands after step t. a[t] meets it as it stood after
    step t - 1: so a is asked one row higher, and its answers move one row down.
    """
    a_next = F.pad(a[..., 1:, :], (0, 0, 0, 1))
    read, probe = (aged @ torch.stack([r, a_next], -1)).unbind(-1)
    return read.tril(), F.pad(probe.tril()[..., :-1, :], (0, 0, 1, 0))


def _carry(step: Tensor, new: Tensor, s0: Tensor) -> list[Tensor]:
    """The state before each chunk and after the last: S + 1 tensors [B, H, V, K]."""
    states = [s0]
    for step_s, new_s in zip(step.unbind(2), new.unbind(2), strict=True):
        states.append(states[-1] @ step_s + new_s)
    return states
