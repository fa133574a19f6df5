"""A slow average of the weights, often better than the last of them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of a model's parameters.

    average <- average + (1 - d) (weight - average), with d = min(decay, (1 + n) / (10 + n)) after
    n updates, so that a short training is not averaged with its start. A parameter that a phase
    freezes is its own average as long as it is frozen. Buffers are not averaged.

    Units:
        decay: a step, in 0..1

    >>> model = nn.Linear(1, 1)
    >>> average = Average(model, decay=0.9)
    >>> before = model.weight.item()
    >>> with torch.no_grad():
    ...     _ = model.weight.add_(1.0)
    >>> average.update({"weight"})
    >>> round(average.tensors["weight"].item() - before, 2)  # 1 - min(0.9, 1 / 10)
    0.9
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._live = dict(model.named_parameters())
        self.tensors = {name: p.detach().clone() for name, p in self._live.items()}

    @torch.no_grad()
    def update(self, names: Iterable[str]) -> None:
        """Move the averages of these parameters towards their weights."""
        d = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        moved = list(names)
        if moved:
            live = [self._live[name].detach() for name in moved]
            averages = [self.tensors[name] for name in moved]
            torch._foreach_lerp_(averages, live, 1 - d)  # pyright: ignore[reportPrivateImportUsage]

    @torch.no_grad()
    def settle(self, moving: Iterable[str]) -> None:
        """Make every parameter but those in `moving` its own average."""
        for name in self._live.keys() - set(moving):
            self.tensors[name].copy_(self._live[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model its averaged weights inside the `with` block."""
        kept: dict[str, Tensor] = {name: p.detach().clone() for name, p in self._live.items()}
        self._write(self.tensors)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, tensors: dict[str, Tensor]) -> None:
        for name, p in self._live.items():
            p.copy_(tensors[name])
