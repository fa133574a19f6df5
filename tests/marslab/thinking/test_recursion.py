"""The recursive reasoner: what reaches its states, what is cut, and when a row stops."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.thinking.exits import halting_loss
from marslab.thinking.recursion import ReasonerConfig, RecursiveReasoner, Thought
from marslab.tracing import trace


def small(**settings) -> RecursiveReasoner:
    torch.manual_seed(3)
    return RecursiveReasoner(6, ReasonerConfig(latent_steps=2, layers=1, **settings)).double()


def inputs(rows: int = 4) -> Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(4)).double()


@torch.no_grad()
def test_a_refinement_is_the_recursion_written_out() -> None:
    reasoner, x = small(), inputs()
    z, y = inputs() * 0.3, inputs() * 0.7
    found = reasoner.refine(x, Thought(z, y))
    for _ in range(2):
        z = reasoner.net(x + y + z)
    y = reasoner.net(y + z)
    assert torch.equal(found.latent, z) and torch.equal(found.answer, y)


def test_the_latent_and_the_input_reach_the_answer() -> None:
    reasoner, x = small(), inputs().requires_grad_()
    latent, answer = (s.detach().clone().requires_grad_() for s in reasoner.start(x))
    reasoner.refine(x, Thought(latent, answer)).answer.square().sum().mul(0.5).backward()
    other = reasoner.refine(x, Thought(latent, answer)).answer[:, 0].sum()
    grads = torch.autograd.grad(other, [latent, answer, x])
    assert all(g.abs().max() > 1e-6 for g in grads)


def test_every_parameter_learns_at_the_first_step_and_the_halting_head_too() -> None:
    reasoner, x = small(), inputs()
    step = next(reasoner.supervised(lambda: x))
    right = torch.tensor([True, False, True, True])
    loss = step.thought.answer[:, 0].sum() + halting_loss(step.halting, right)
    loss.backward()
    silent = [n for n, p in reasoner.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_no_gradient_goes_back_to_an_earlier_refinement() -> None:
    reasoner, weight = small(), torch.ones(6, dtype=torch.float64, requires_grad=True)
    x = inputs()
    made: list[Tensor] = []

    def encode() -> Tensor:
        made.append(x * weight)
        made[-1].retain_grad()
        return made[-1]

    found = list(reasoner.supervised(encode, depth=3))
    assert [step.depth for step in found] == [1, 2, 3] and len(made) == 3
    found[-1].thought.answer[:, 0].sum().backward()
    assert made[0].grad is None and made[1].grad is None
    assert made[2].grad is not None and made[2].grad.any()
    assert reasoner.first.grad is None  # the start is two refinements away


def test_supervised_steps_may_move_the_weights_and_are_what_forward_does() -> None:
    reasoner, x = small(), inputs()
    thoughts = [step.thought.answer for step in reasoner.supervised(lambda: x, depth=3)]
    for depth, answer in enumerate(thoughts, 1):
        torch.testing.assert_close(reasoner(x, depth, halt=False).answer, answer)
    optimizer = torch.optim.SGD(reasoner.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        for step in reasoner.supervised(lambda: x, depth=3):
            loss = F.mse_loss(step.thought.answer, x.flip(0))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[2]


def sure_of_some(reasoner: RecursiveReasoner, x: Tensor) -> RecursiveReasoner:
    """A head that finds half of the rows right after one refinement."""
    with torch.no_grad():
        logits = reasoner.halting_logit(reasoner.refine(x, reasoner.start(x)))
        reasoner.halting.to_logit.bias.add_(2.1972 - logits.median())  # logit(0.9), a hair less
    return reasoner


@torch.no_grad()
def test_rows_stop_apart_whoever_their_neighbours_are() -> None:
    x = inputs(8)
    reasoner = sure_of_some(small(max_depth=4), x)
    together = reasoner(x)
    assert len(together.depth.unique()) > 1
    assert together.ponder == together.depth.double().mean().item()
    for row in range(8):
        alone = reasoner(x[row : row + 1])
        assert alone.depth.item() == together.depth[row].item()
        torch.testing.assert_close(alone.answer[0], together.answer[row])
    assert (together.halting[together.depth < 4] > reasoner.config.halt).all()


@torch.no_grad()
def test_a_row_that_stopped_keeps_its_answer() -> None:
    x = inputs(8)
    reasoner = sure_of_some(small(max_depth=4), x)
    found = reasoner(x)
    for depth in (1, 2, 3, 4):
        rows = found.depth == depth
        exact = reasoner(x, depth, halt=False).answer
        torch.testing.assert_close(found.answer[rows], exact[rows])
    assert (reasoner(x, halt=False).depth == 4).all()


@torch.no_grad()
def test_states_stay_bounded_far_beyond_the_depth() -> None:
    answer = small()(inputs(), 500, halt=False).answer
    assert torch.isfinite(answer).all() and answer.abs().max() < 10


@torch.no_grad()
def test_a_row_with_steps_halts_as_a_whole() -> None:
    reasoner = small(max_depth=2)
    with trace() as seen:
        found = reasoner(inputs(6).view(2, 3, 6))
    assert found.answer.shape == (2, 3, 6) and found.depth.shape == (2,)
    assert "reasoning" in seen.names()


def test_what_makes_no_reasoner_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="reasoner.halt must be in 0..1, 0 left out, got 0"):
        ReasonerConfig(halt=0)
    with pytest.raises(ValueError, match="depth must be at least 1 refinement, got 0"):
        small()(inputs(), 0)
    with pytest.raises(ValueError, match="d_model must be positive, got 0"):
        RecursiveReasoner(0)
