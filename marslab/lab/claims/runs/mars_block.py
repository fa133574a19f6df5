"""MARS's selective block as it is printed, and what it promises of state space duality."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from marslab.kernels import selective_scan, ssd
from marslab.kernels.ssd import ssd_quadratic
from marslab.kernels.ssd.work import draw
from marslab.kernels.testing import error
from marslab.lab.claims.outcome import Outcome

SHAPES = ((2, 20, 4, 3), (1, 16, 8, 4), (4, 20, 4, 3), (8, 12, 8, 16))  # batch, length, width, N
MEMORIES = (0.5, 0.9, 0.99, 0.999)  # what a step keeps; 8 time constants are run of each


class Tried(NamedTuple):
    """One shape put through the printed lines: whether they ran, and whether they were right."""

    ran: bool
    right: bool


def printed_block() -> Outcome:
    """The printed update, as it is and with its clash of names repaired, on several shapes."""
    torch.manual_seed(0)
    as_printed = [_tried(shape, repaired=False) for shape in SHAPES]
    renamed = [_tried(shape, repaired=True) for shape in SHAPES]
    figures = {
        "runs_as_printed": sum(t.ran for t in as_printed) / len(SHAPES),
        "right_as_printed": sum(t.right for t in as_printed) / len(SHAPES),
        "runs_renamed": sum(t.ran for t in renamed) / len(SHAPES),
        "right_renamed": sum(t.right for t in renamed) / len(SHAPES),
    }
    says = (
        "As printed it stops with a TypeError: B is the batch size, then the input gate. With the "
        "gate renamed it is right for a batch of 1 alone; where the batch is as large as the width "
        "it runs and mixes the rows of the batch; else it stops."
    )
    return Outcome(figures, says)


def gain() -> Outcome:
    """Where a steady input settles, for memories of several lengths, by both discretisations."""
    printed, ours = [], []
    for keep in MEMORIES:
        one = torch.ones(1, round(8 / (1 - keep)), 1, dtype=torch.float64)
        dt = torch.full_like(one, -math.log(keep))  # the step that keeps so much, at A = -1
        A = -torch.ones(1, 1, dtype=torch.float64)
        printed.append(_printed(one, keep * one, one, one)[0, -1, 0].item())
        ours.append(selective_scan(one, dt, A, one, one)[0, -1, 0].item())
    figures = {
        "loudness_printed": max(printed) / min(printed),
        "loudness_ours": max(ours) / min(ours),
        "level_at_0.999_printed": printed[-1],
        "level_at_0.999_ours": ours[-1],
    }
    says = (
        f"A steady 1 settles at {printed[-1]:,.0f} in a memory that keeps 0.999, at "
        f"{printed[0]:.0f} in one that keeps 0.5: the decay has no step, and B does not follow it. "
        f"With a step in both places it settles at {ours[-1]:.2f} in every memory."
    )
    return Outcome(figures, says)


def duality() -> Outcome:
    """The recurrence, the masked attention matrix and the chunked products: one map."""
    torch.manual_seed(0)
    operands = draw((2, 512, 4, 16, 2, 16))
    exact = ssd(*operands, backend="naive")
    chunks = {c: ssd(*operands, chunk_size=c, backend="torch") for c in (1, 16, 64, 100, 512)}
    off = {c: error(y, exact).worst for c, y in chunks.items()}
    figures = {
        "largest_error": max(error(ssd_quadratic(*operands), exact).worst, *off.values()),
        "error_of_the_matrix_form": error(ssd_quadratic(*operands), exact).worst,
        "chunk_sizes": len(chunks),
    }
    says = (
        "The step by step form, the masked attention matrix and chunks of "
        f"{', '.join(map(str, chunks))} steps agree to {figures['largest_error']:.0e} in float64. "
        "(The block printed in the design is a loop over the tokens; it uses no matrix form.)"
    )
    return Outcome(figures, says)


def _printed(x: Tensor, A: Tensor, gate_in: Tensor, gate_out: Tensor) -> Tensor:
    """The design's loop with the gates given: x [B, L, D], the others [B, L, N]."""
    h, out = torch.zeros(x.shape[0], A.shape[2], dtype=x.dtype), []
    for t in range(x.shape[1]):
        h = A[:, t] * h + gate_in[:, t].unsqueeze(1) * x[:, t].unsqueeze(-1)
        out.append((gate_out[:, t].unsqueeze(1) * h).sum(-1))
    return torch.stack(out, 1)


class _Block(nn.Module):
    """The head of the printed forward pass, where one name stands for two things."""

    def __init__(self, width: int, N: int) -> None:
        super().__init__()
        self.N = N
        self.A_proj, self.B_proj, self.C_proj = (nn.Linear(width, N) for _ in "ABC")

    def forward(self, x: Tensor, repaired: bool) -> Tensor:
        B = x.shape[0]
        batch, A, C = B, torch.sigmoid(self.A_proj(x)), self.C_proj(x)
        B = self.B_proj(x)
        torch.zeros(batch if repaired else B, self.N)  # pyright: ignore[reportArgumentType]
        return _printed(x, A, B, C)


def _tried(shape: tuple[int, int, int, int], repaired: bool) -> Tried:
    batch, length, width, N = shape
    x, block = torch.randn(batch, length, width), _Block(width, N)
    try:
        y = block(x, repaired)
    except (TypeError, RuntimeError):
        return Tried(False, False)
    A, gate_in = torch.sigmoid(block.A_proj(x)), block.B_proj(x)
    h, meant = torch.zeros(batch, width, N), []
    for t in range(length):
        h = A[:, t, None] * h + x[:, t, :, None] * gate_in[:, t, None]
        meant.append((h * block.C_proj(x)[:, t, None]).sum(-1))
    return Tried(True, torch.allclose(y, torch.stack(meant, 1), atol=1e-5))
