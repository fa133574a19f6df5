"""A step replayed from a CUDA graph against the same step run kernel by kernel."""

import pytest
import torch
from torch import Tensor, nn

from marslab.learning.language.graphs import StepGraphs

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="needs a CUDA device; last result: data/bench/gpu-tests.json",
)


class Small(nn.Module):
    """Six letters; counts its steps in a buffer, and one layer drops numbers out."""

    seen: Tensor

    def __init__(self, drop: float = 0.0) -> None:
        super().__init__()
        self.embed, self.head, self.drop = nn.Embedding(6, 8), nn.Linear(8, 6), nn.Dropout(drop)
        self.unused = nn.Linear(1, 1)
        self.register_buffer("seen", torch.zeros(()))

    def losses(self, ids: Tensor, targets: Tensor, scale: float = 1.0) -> dict[str, Tensor]:
        """The loss of each next letter, times `scale`."""
        self.seen += 1
        scores = self.head(self.drop(self.embed(ids)))
        return {"loss": scale * nn.functional.cross_entropy(scores.mT, targets)}


def batch(seed: int, rows: int = 3) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    ids, targets = torch.randint(6, (2, rows, 5), generator=draw).cuda()
    return {"ids": ids, "targets": targets}


def stepped(model: Small, tensors: dict[str, Tensor], scale: float) -> tuple[float, list]:
    """Loss and gradients without a graph; nothing of it is kept alive."""
    model.zero_grad(set_to_none=True)
    loss = model.losses(**tensors, scale=scale)["loss"]
    loss.backward()
    return loss.item(), [p.grad for p in model.parameters()]


@pytest.mark.parametrize("moved", [False, pytest.param(True, marks=(pytest.mark.gpu, needs_gpu))])
def test_a_model_that_is_not_all_on_a_gpu_is_refused(moved: bool) -> None:
    model = Small()
    if moved:
        model.embed.cuda()
    with pytest.raises(ValueError, match="StepGraphs: the model must be on a GPU"):
        StepGraphs(model, model.losses)


@pytest.mark.gpu
@needs_gpu
def test_a_replay_gives_the_losses_and_gradients_of_the_step() -> None:
    model = Small().cuda()
    graphs = StepGraphs(model, model.losses)
    for seed, rows, scale, share in (
        (1, 3, 1.0, 1),
        (2, 3, 1.0, 0.25),
        (3, 4, 2.0, 1),
        (4, 3, 1.0, 1),
    ):
        tensors = batch(seed, rows)
        loss, exact = stepped(model, tensors, scale)
        model.zero_grad(set_to_none=True)
        told = graphs.run("one", tensors, {"scale": scale}, seed=0, share=share)
        assert told["loss"].item() == pytest.approx(loss, rel=1e-6)
        for p, gradient in zip(model.parameters(), exact, strict=True):
            if gradient is None:
                assert p.grad is None
            else:
                torch.testing.assert_close(p.grad, share * gradient)


@pytest.mark.gpu
@needs_gpu
def test_buffers_count_each_step_once_and_seeds_decide_the_random_numbers() -> None:
    model = Small(drop=0.5).cuda()
    graphs = StepGraphs(model, model.losses)
    tensors = batch(1)
    told = [graphs.run("one", tensors, {}, seed=s, share=1)["loss"].item() for s in (1, 2, 1)]
    assert told[2] == pytest.approx(told[0], rel=1e-5) != told[1]
    assert model.seen.item() == 3
