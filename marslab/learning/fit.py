"""The training loop for a classifier that fits in memory."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from marslab.tasks import Split

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]  # (model, x, y) -> loss []


class EpochRecord(NamedTuple):
    """One pass over the training data.

    Units:
        loss: mean over the epoch; nats, where it is cross entropy
        held_out: share of the held-out examples that are right, 0..1
    """

    epoch: int
    loss: float
    held_out: float


def fit(
    model: nn.Module,
    split: Split,
    *,
    epochs: int,
    lr: float,
    seed: int,
    batch: int = 64,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    objective: Objective | None = None,
) -> list[EpochRecord]:
    """Train `model` to tell the classes of `split` apart, and say how well it does after each pass.

    AdamW with a learning rate that falls to zero along a half cosine. The order of the examples
    comes from `seed` alone: same model, same seed, same machine, same result. Ctrl-C ends the
    training and returns the epochs that were completed. Without an `objective` the loss is the mean
    cross entropy of the logits.

    Units:
        lr: learning rate at the start

    Errors:
        ValueError: epochs, lr or batch is not positive

    >>> from marslab import build
    >>> from marslab.tasks import load_digits_sequences
    >>> model = build("digits-recurrence")
    >>> records = fit(model, load_digits_sequences(), epochs=1, lr=0.01, seed=0)
    >>> records[0].held_out > 0.2
    True
    """
    for name, value in (("epochs", epochs), ("lr", lr), ("batch", batch)):
        if not value > 0:
            raise ValueError(f"fit: {name} must be positive, got {value}")
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    records: list[EpochRecord] = []
    try:
        for epoch in range(epochs):
            loss = _epoch(model, split, optimizer, batch, order, objective or _plain)
            schedule.step()
            record = EpochRecord(epoch, loss, accuracy(model, split.test_x, split.test_y))
            records.append(record)
            if on_epoch is not None:
                on_epoch(record)
    except KeyboardInterrupt:
        return records
    return records


def _plain(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(model(x), y)


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the share of examples whose largest logit is that of their class, 0..1.

    Shapes (n examples):
        x: [n, ...]
        y: [n]
    """
    training = model.training
    model.eval()
    right = (model(x).argmax(-1) == y).float().mean().item()
    model.train(training)
    return right


def _epoch(
    model: nn.Module,
    split: Split,
    optimizer: torch.optim.Optimizer,
    batch: int,
    order: torch.Generator,
    objective: Objective,
) -> float:
    """One pass over the training data; returns the mean loss."""
    model.train()
    total = 0.0
    for rows in torch.randperm(len(split.train_y), generator=order).split(batch):
        loss = objective(model, split.train_x[rows], split.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(split.train_y)
