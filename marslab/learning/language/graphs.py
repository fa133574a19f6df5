"""Forward and backward of a step as one CUDA graph: one launch in place of ten thousand."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

WARM_UP = 3  # runs before the capture: libraries and compilers get ready outside of it
Losses = Callable[..., Mapping[str, Tensor]]


class Captured(NamedTuple):
    """A graph, the tensors that it reads, and those that it writes."""

    graph: torch.cuda.CUDAGraph
    inputs: dict[str, Tensor]
    losses: dict[str, Tensor]
    gradients: list[tuple[nn.Parameter, Tensor]]


class StepGraphs:
    """`run` gives the losses of a batch and leaves their gradients, as losses and backward would.

    A small model on a GPU waits for the launches of its kernels: here all kernels of a step are
    recorded once, for each phase and each shape, and launched together ever after. What `losses`
    does must depend on shapes alone, not on the values of its tensors. The buffers that it changes
    are put back after the warm-up; random numbers follow torch's seed, set anew before each run.

    Errors:
        ValueError: the model is not on a GPU
    """

    def __init__(self, model: nn.Module, losses: Losses) -> None:
        if not all(p.is_cuda for p in model.parameters()):
            raise ValueError("StepGraphs: the model must be on a GPU; on a CPU train without")
        self.model, self.losses = model, losses
        self._kept: dict[Any, Captured] = {}

    def run(
        self,
        phase: str,
        tensors: Mapping[str, Tensor],
        options: Mapping[str, Any],
        *,
        seed: int,
        share: float,
    ) -> dict[str, Tensor]:
        """Replay the graph of this phase and these shapes; make it first if it is new.

        Units:
            share: of the step's targets that are in this batch, by which gradients are multiplied
        """
        shapes = tuple((name, x.shape, x.dtype) for name, x in tensors.items())
        key = phase, shapes, tuple(options.items())
        if key not in self._kept:
            self._kept[key] = self._captured(tensors, options)
        kept = self._kept[key]
        for name, x in tensors.items():
            kept.inputs[name].copy_(x, non_blocking=True)
        torch.manual_seed(seed)
        kept.graph.replay()
        for p, gradient in kept.gradients:
            p.grad = gradient if share == 1 else gradient * share
        return kept.losses

    def _captured(self, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> Captured:
        inputs = {name: x.clone() for name, x in tensors.items()}
        buffers = [(b, b.clone()) for b in self.model.buffers()]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._forward(inputs, options)["loss"].backward()
                self.model.zero_grad(set_to_none=True)
            for b, before in buffers:
                b.copy_(before)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            losses = dict(self._forward(inputs, options))
            losses["loss"].backward()
        learned = [(p, p.grad) for p in self.model.parameters() if p.grad is not None]
        losses = {name: x.detach() for name, x in losses.items()}
        return Captured(graph, inputs, losses, learned)

    def _forward(self, inputs: Mapping[str, Tensor], options: Mapping[str, Any]) -> Any:
        beside = {name: x for name, x in inputs.items() if name not in ("ids", "targets")}
        return self.losses(inputs["ids"], inputs["targets"], **options, **beside)
