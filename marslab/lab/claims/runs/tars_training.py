"""TARS's training: Muon's iteration and its buffers, and what a rotation does to gradients."""

from functools import partial
from statistics import median

import torch
from torch import Tensor, nn

from marslab.kernels.roofline import watch
from marslab.lab.claims.outcome import Outcome
from marslab.layers.block_config import OmegaConfig
from marslab.layers.omega import Omega, OmegaState, cayley
from marslab.learning.muon import Muon, newton_schulz, parameter_groups
from marslab.systems.registry import build

ITERATIONS = 5
SIDE, MATRICES = 64, 20
NEAR = (0.5, 1.5)  # a singular value in here counts as about one
WIDTH, TURNED = 64, 32
BLOCKS, DEEP, STEPS = 12, 256, 1024  # six waves have twelve blocks
DRAWS = 10
TOKENS, ROUNDS = 512, 15


def newton_schulz_as_printed() -> Outcome:
    """X (3 I - X^T X) / 2 five times on gradients of five sizes; the library's form beside it."""
    torch.manual_seed(0)
    sizes = [10.0 ** (at % 5 - 2) for at in range(MATRICES)]
    drawn = [size * torch.randn(SIDE, SIDE, dtype=torch.float64) for size in sizes]
    printed = torch.stack([_singular(_cubic(X)) for X in drawn])
    ours = torch.stack([_singular(newton_schulz(X, ITERATIONS)) for X in drawn])
    lone = {s: _cubic(torch.tensor([[s]], dtype=torch.float64)).item() for s in (3.0, 0.01)}
    figures = {
        "directions_near_one": _near(printed),
        "matrices_that_blew_up": (printed.amax(1) > 1e6).double().mean().item(),
        "directions_near_one_ours": _near(ours),
        "three_becomes": lone[3.0],
        "a_hundredth_becomes": lone[0.01],
    }
    says = (
        f"Of random {SIDE} x {SIDE} gradients with entries from 0.01 to 100 in size "
        f"{figures['matrices_that_blew_up']:.0%} pass a million within five printed iterations; "
        f"{figures['directions_near_one']:.0%} of all singular values end near one. A singular "
        f"value of 3 becomes {lone[3.0]:.0e}, one of 0.01 only {lone[0.01]:.3f}. With a norm first "
        f"and the quintic it is {figures['directions_near_one_ours']:.0%}."
    )
    return Outcome(figures, says)


def muon_buffers() -> Outcome:
    """Bytes of optimizer state after a step of tars-mini's brain: AdamW, and Muon beside it."""
    torch.manual_seed(0)
    lm = build("tars-mini").lm
    assert isinstance(lm, nn.Module)
    for p in lm.parameters():
        p.grad = torch.randn_like(p)
    groups = parameter_groups(lm)
    matrices, others = list(groups.matrices.values()), list(groups.others.values())
    adamw = _state_of(torch.optim.AdamW(lm.parameters()))
    muon = _state_of(Muon(matrices)) + _state_of(torch.optim.AdamW(others))
    share = sum(p.numel() for p in matrices) / sum(p.numel() for p in lm.parameters())
    figures = {
        "muon_over_adamw": muon / adamw,
        "mb_of_adamw": adamw / 1e6,
        "mb_of_muon": muon / 1e6,
        "share_of_parameters_with_muon": share,
    }
    says = (
        f"Muon keeps one buffer where AdamW keeps two, but is for hidden matrices only: in the "
        f"brain of tars-mini they are {share:.0%} of the parameters, so that {muon / 1e6:.1f} MB "
        f"stand against {adamw / 1e6:.1f}, {muon / adamw:.0%}. Weights and activations, the "
        "rest of the memory, stay as they are."
    )
    return Outcome(figures, says)


def rotation() -> Outcome:
    """The size of a gradient behind Omega's blocks, and behind as many steps of its recurrence."""
    torch.manual_seed(0)
    few, many = _behind_blocks(BLOCKS), _behind_blocks(DEEP)
    kept = max(_change(_behind_steps()) for _ in range(DRAWS))
    figures = {
        "change_over_12_blocks": few,
        "change_over_256_blocks": many,
        "change_over_1024_steps_recurrent": kept,
    }
    says = (
        "G keeps lengths, but it stands beside a residual, and x + 0.1 G x does not: a gradient "
        f"changes by a factor of {few:.2f} over {BLOCKS} blocks and {many:.0e} over {DEEP}. "
        f"Where G is the recurrence, h = G h + B x, it keeps its size over {STEPS:,} steps "
        f"(factor {kept:.6f})."
    )
    return Outcome(figures, says)


def cayley_time() -> Outcome:
    """Cayley's map applied to vectors, beside torch's matrix_exp of the same matrices."""
    torch.manual_seed(0)
    half = torch.randn(TOKENS, TURNED, TURNED) / TURNED
    omega, x = half - half.mT, torch.randn(TOKENS, TURNED)
    calls = {
        "cayley": partial(cayley, omega, x),
        "exp": lambda: torch.matrix_exp(omega) @ x[..., None],
    }
    rounds = [{name: watch(call)() for name, call in calls.items()} for _ in range(ROUNDS)][2:]
    figures = {
        "times_faster": median(each["exp"] / each["cayley"] for each in rounds),
        "ms_of_cayley": 1e3 * median(each["cayley"] for each in rounds),
        "ms_of_matrix_exp": 1e3 * median(each["exp"] for each in rounds),
    }
    says = (
        f"For {TOKENS} tokens and {TURNED} dims Cayley's map, one linear solve each, takes "
        f"{figures['ms_of_cayley']:.1f} ms and matrix_exp {figures['ms_of_matrix_exp']:.1f}: it is "
        f"{figures['times_faster']:.1f} times as fast (median of pairs). The two are not the same "
        "rotation, and Cayley's never turns by 180 degrees."
    )
    return Outcome(figures, says)


def _cubic(X: Tensor) -> Tensor:
    """The printed iteration, five times, without a norm."""
    for _ in range(ITERATIONS):
        X = (3 * X - X @ X.mT @ X) / 2
    return X


def _singular(X: Tensor) -> Tensor:
    """Singular values; infinite ones where the matrix is no longer finite."""
    if not X.isfinite().all():
        return X.new_full((SIDE,), torch.inf)
    return torch.linalg.svdvals(X)


def _near(values: Tensor) -> float:
    return ((values > NEAR[0]) & (values < NEAR[1])).double().mean().item()


def _state_of(optimizer: torch.optim.Optimizer) -> int:
    """Bytes that the optimizer keeps after a step."""
    optimizer.step()
    kept = (x for state in optimizer.state.values() for x in state.values())
    return sum(x.numel() * x.element_size() for x in kept if isinstance(x, Tensor))


def _behind_blocks(count: int) -> float:
    """Mean factor by which so many of the design's own blocks change a gradient's size."""
    return sum(_change(_gradient_behind(count)) for _ in range(DRAWS)) / DRAWS


def _gradient_behind(count: int) -> float:
    layer = Omega(WIDTH, OmegaConfig(n=TURNED, vq=False)).double()
    x = torch.randn(1, 1, WIDTH, dtype=torch.float64, requires_grad=True)
    y, up = x, torch.randn(WIDTH, dtype=torch.float64)
    for _ in range(count):
        y = layer(y, torch.zeros_like(y)).x
    (g,) = torch.autograd.grad((y * up).sum(), x)
    return (g[..., :TURNED].norm() / up[:TURNED].norm()).item()


def _behind_steps() -> float:
    layer = Omega(WIDTH, OmegaConfig(n=TURNED, vq=False, recurrent=True)).double()
    h = torch.randn(1, TURNED, dtype=torch.float64, requires_grad=True)
    x, up = (torch.randn(1, n, WIDTH, dtype=torch.float64) for n in (STEPS, 1))
    state = layer(x, x, OmegaState(h)).state
    assert state is not None
    (g,) = torch.autograd.grad((state.h * up[0, :, :TURNED]).sum(), h)
    return (g.norm() / up[..., :TURNED].norm()).item()


def _change(factor: float) -> float:
    """How far from 1, up or down alike."""
    return max(factor, 1 / factor)
