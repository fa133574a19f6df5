"""How much each weight matters to a model's answers: the diagonal of the Fisher information."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from marslab.learning.continual.batch import Batch, masked
from marslab.learning.continual.method import learned

Labels = Literal["sampled", "exact", "empirical"]
CHUNK = 256  # examples whose gradients are in memory at once


def fisher_diagonal(
    model: nn.Module,
    rows: Batch,
    *,
    labels: Labels = "sampled",
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Return F = mean over x of E_y (d log p(y|x) / d theta)^2, one gradient for each example.

    Not the square of a batch's mean gradient (erratum M25). y is drawn once from the model, or
    summed over all classes with their probabilities ("exact"), or is the example's own label
    ("empirical", which is another quantity: it is large where the model is wrong). A parameter that
    no answer uses has F = 0 (erratum M24: the printed loop squares None there).

    Shapes (n examples):
        rows: n examples
        returns: for each trained parameter a tensor of its shape, >= 0

    Errors:
        ValueError: there are no examples

    Source:
        Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks"; MARS v4,
        3.1.

    >>> rows = Batch(torch.ones(2, 1), torch.tensor([0, 1]), torch.ones(2, 2, dtype=torch.bool))
    >>> model = nn.Linear(1, 2)
    >>> _ = nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    >>> fisher_diagonal(model, rows)["bias"].tolist()
    [0.25, 0.25]
    """
    if not len(rows.y):
        raise ValueError("fisher_diagonal needs at least one example, got none")
    training = model.training
    model.eval()
    found = {name: torch.zeros_like(p) for name, p in learned(model).items()}
    for at in torch.arange(len(rows.y)).split(CHUNK):
        part = rows.at(at)
        for y, weight in _labels(model, part, labels, generator):
            for name, squares in _squared_gradients(model, part, y).items():
                found[name] += torch.tensordot(weight.to(squares), squares, 1)
    model.train(training)
    return {name: total / len(rows.y) for name, total in found.items()}


@torch.no_grad()
def _labels(
    model: nn.Module, rows: Batch, labels: Labels, generator: torch.Generator | None
) -> list[tuple[Tensor, Tensor]]:
    """Pairs of labels [n] and their weights [n]."""
    ones = torch.ones(len(rows.y))
    if labels == "empirical":
        return [(rows.y, ones)]
    p = masked(model(rows.x), rows.allowed).softmax(-1)
    if labels == "sampled":
        return [(torch.multinomial(p, 1, generator=generator).squeeze(-1), ones)]
    return [(torch.full_like(rows.y, c), p[:, c]) for c in range(p.shape[-1]) if p[:, c].any()]


def _squared_gradients(model: nn.Module, rows: Batch, y: Tensor) -> dict[str, Tensor]:
    """(d log p(y|x) / d theta)^2 of each example: [n, ...] by name."""

    def surprise(theta: dict[str, Tensor], x: Tensor, allowed: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(model, theta, (x.unsqueeze(0),))
        return cross_entropy(masked(logits, allowed), label.unsqueeze(0))

    theta = {name: p.detach() for name, p in learned(model).items()}
    gradients = vmap(grad(surprise), in_dims=(None, 0, 0, 0))(theta, rows.x, rows.allowed, y)
    return {name: g.detach().square() for name, g in gradients.items()}
