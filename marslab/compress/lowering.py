"""A model as one graph of torch's own operations, which other runtimes can be given."""

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from marslab.compress.edge_extra import quiet
from marslab.kernels.backends import use


def lowered(model: nn.Module, example: Tensor) -> ExportedProgram:
    """Return the graph that `model` computes in eval mode, for a batch of any size.

    Our ops go into it in their plain torch form: a compiled kernel is a box that nobody else can
    open. Loops over time are unrolled, so every size but that of the batch is that of `example`; a
    break that depends on data is refused.

    Shapes (B batch):
        example: [B, ...], B >= 1; only its shape and dtype count

    Errors:
        ValueError: the example has no batch
        torch.export's own: the model decides by values, or calls what it cannot follow

    Source:
        MARS v4, 5; erratum M38 (the printed trace freezes the length and does not say so).

    >>> program = lowered(nn.Linear(3, 2), torch.zeros(1, 3))
    >>> program.module()(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """
    if example.ndim == 0 or len(example) == 0:
        raise ValueError(
            f"lowered: example must be a batch of at least one, got {list(example.shape)}"
        )
    x = torch.cat([example[:1]] * 2)  # a batch of 1 would be taken for a constant
    training = model.training
    model.eval()
    try:
        with use("torch"), quiet(), torch.no_grad():
            return torch.export.export(model, (x,), dynamic_shapes=({0: Dim("batch", min=1)},))
    finally:
        model.train(training)
