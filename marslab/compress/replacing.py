"""Put other layers in the place of a model's linear ones."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TypeVar

from torch import nn

Model = TypeVar("Model", bound=nn.Module)

# What decides or reads out is small and sensitive: these stay as they are.
SKIP = (
    "*gate*",
    "*router*",
    "*head*",
    "*halting*",
    "*novelty.outer",
    "*omega*",
    "*draft.out",
    "reflex.*",
)


def replace(
    model: Model, by: Callable[[nn.Linear], nn.Module | None], skip: Iterable[str] = SKIP
) -> Model:
    """Put by(layer) in the place of each nn.Linear inside a model, in place; None leaves one.

    A layer that stands in several places is replaced by one layer. Layers whose dotted name matches
    a glob of `skip` stay.

    Errors:
        ValueError: the model is itself a linear layer, so that nothing holds it

    >>> model = nn.ModuleDict({"a": nn.Linear(2, 2), "gate": nn.Linear(2, 1)})
    >>> replace(model, lambda layer: nn.Identity())
    ModuleDict(
      (a): Identity()
      (gate): Linear(in_features=2, out_features=1, bias=True)
    )
    """
    if isinstance(model, nn.Linear):
        raise ValueError("replace: the model is one linear layer; put it into an nn.Sequential")
    skip = tuple(skip)
    made: dict[nn.Module, nn.Module | None] = {}
    for above, parent in list(model.named_modules()):
        for name, child in list(parent._modules.items()):  # named_children tells a shared one once
            full = f"{above}.{name}" if above else name
            if not isinstance(child, nn.Linear) or any(fnmatchcase(full, g) for g in skip):
                continue
            if child not in made:
                made[child] = by(child)
            setattr(parent, name, made[child] or child)
    return model
