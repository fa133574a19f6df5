"""The reference solutions of notebook 37 against the library."""

import torch

from marslab.lab.course.content import refine as content
from marslab.thinking import halting_loss
from marslab.thinking.recursion import ReasonerConfig, RecursiveReasoner, Thought


class Tanh(torch.nn.Module):
    """The net of the exercise, in the place of the library's."""

    def __init__(self, W: torch.Tensor) -> None:
        super().__init__()
        self.W = W

    def forward(self, s: torch.Tensor) -> torch.Tensor:
        return torch.tanh(s @ self.W)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape))).double()


def test_a_refinement_is_the_librarys() -> None:
    x, z, y, W = random(3, 5), random(3, 5, 1)[..., 0], random(3, 5, 1, 1)[..., 0, 0], random(5, 5)
    for n in (1, 3):
        reasoner = RecursiveReasoner(5, ReasonerConfig(latent_steps=n)).double()
        reasoner.net = Tanh(W)  # pyright: ignore[reportAttributeAccessIssue]
        found = reasoner.refine(x, Thought(z, y))
        torch.testing.assert_close(content.refine(x, z, y, W, n), (found.latent, found.answer))


def test_the_loss_of_halting_is_the_librarys() -> None:
    q, targets = random(6), torch.arange(18).view(6, 3)
    answers = targets.clone()
    answers[[1, 4], 2] = 0
    right = torch.tensor([True, False, True, True, False, True])
    torch.testing.assert_close(content.halting(q, answers, targets), halting_loss(q, right))


@torch.no_grad()
def test_rows_stop_where_the_library_stops_them() -> None:
    torch.manual_seed(0)
    reasoner = RecursiveReasoner(6, ReasonerConfig(latent_steps=1, layers=1))
    for weight in reasoner.net.parameters():
        weight *= 2  # so that the states go on moving
    x, thought, seen = torch.randn(99, 6), None, []
    for _ in range(5):
        thought = reasoner.refine(x, reasoner.start(x) if thought is None else thought)
        seen.append(reasoner.halting_logit(thought).sigmoid())
    sure = torch.stack(seen, 1)
    halt = sure.quantile(0.8).item()
    reasoner.config = ReasonerConfig(latent_steps=1, layers=1, max_depth=5, halt=halt)
    found = reasoner(x).depth
    assert len(found.unique()) > 3
    assert content.stops(sure, halt).tolist() == found.tolist()
