"""Weights set to zero, and held there by a mask for as long as training goes on."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from marslab.compress.replacing import Model, replace

READOUTS = ("*head*", "*readout*", "*classifier*")  # a class that is pruned is never answered


class Masked(nn.Module):
    """weight * mask. What stands under a zero of the mask gets no gradient, and no step moves it.

    Adam's averages and weight decay may still change the number that is hidden there; it is never
    seen again, so the mask covers the whole update.
    """

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def prune(
    model: Model, share: float = 0.5, *, structured: bool = False, skip: Iterable[str] = READOUTS
) -> Model:
    """Mask the smallest weights of the linear layers, in place, and return the model.

    Unstructured, the weights that are smallest in the whole model go, one by one. Structured, each
    layer loses the outputs whose rows have the smallest norm; biases stay. Zeros alone make no
    product faster and no file smaller (a packed one is): what runs them is told of no gap.
    Layers whose dotted name matches a glob of `skip` stay. Pruning again adds to what is masked.

    Units:
        share: of the weights, or of the rows, that are zero afterwards, 0..1

    Errors:
        ValueError: share is not in [0, 1), or there is nothing to prune

    Source:
        Han et al. 2015, "Learning both weights and connections for efficient neural networks", 3;
        MARS v4, 5; erratum M36 (the printed function is unstructured, runs once and returns None).

    >>> model = prune(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8)), 0.25)
    >>> zeros(model)
    0.25
    """
    if not 0 <= share < 1:
        raise ValueError(f"prune: share must be at least 0 and below 1, got {share}")
    layers = list(_layers(model, tuple(skip)))
    if not layers:
        raise ValueError("prune: there is no linear layer that `skip` leaves")
    sizes = [layer.weight.detach().abs() for layer in layers]
    masks = [_rows(size, share) for size in sizes] if structured else _smallest(sizes, share)
    for layer, mask in zip(layers, masks, strict=True):
        _mask(layer, mask)
    return model


def zeros(model: nn.Module, skip: Iterable[str] = READOUTS) -> float:
    """Return the share of weights that are zero, 0..1, among those that `prune` may take.

    >>> zeros(nn.Sequential(nn.Linear(4, 4)))
    0.0
    """
    weights = [layer.weight.detach() for layer in _layers(model, tuple(skip))]
    return sum(int((w == 0).sum()) for w in weights) / max(sum(w.numel() for w in weights), 1)


def make_permanent(model: Model) -> Model:
    """Put plain layers with the zeros in them in the place of masked ones; return the model.

    Errors:
        ValueError: the model is itself a linear layer, so that nothing holds it

    >>> model = make_permanent(prune(nn.Sequential(nn.Linear(4, 4)), 0.5))
    >>> list(model.state_dict()), zeros(model)
    (['0.weight', '0.bias'], 0.5)
    """
    return replace(model, _plain, ())


def _layers(model: nn.Module, skip: tuple[str, ...]) -> Iterator[nn.Linear]:
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and not any(fnmatchcase(name, glob) for glob in skip):
            yield module


def _rows(size: Tensor, share: float) -> Tensor:
    """A mask over the rows of one matrix, by their norms."""
    mask = torch.ones_like(size)
    mask[size.norm(dim=1).argsort()[: int(share * len(size))]] = 0
    return mask


def _smallest(sizes: list[Tensor], share: float) -> list[Tensor]:
    """Masks over the weights of several matrices, by one order of them all."""
    flat = torch.cat([size.flatten() for size in sizes])
    mask = torch.ones_like(flat)
    mask[flat.argsort()[: int(share * len(flat))]] = 0
    parts = mask.split([size.numel() for size in sizes])
    return [part.view_as(size).clone() for part, size in zip(parts, sizes, strict=True)]


def _mask_of(layer: nn.Linear) -> Masked | None:
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    held = layer.get_submodule("parametrizations.weight")
    return next((m for m in held.children() if isinstance(m, Masked)), None)


def _plain(layer: nn.Linear) -> nn.Linear | None:
    """A layer without the mask; torch's own removal takes the weights of all copies with it."""
    if _mask_of(layer) is None:
        return None
    with torch.device("meta"):
        made = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None)
    made.weight = nn.Parameter(layer.weight.detach().clone())
    made.bias = layer.bias
    return made.train(layer.training)


def _mask(layer: nn.Linear, mask: Tensor) -> None:
    held = _mask_of(layer)
    if held is None:
        parametrize.register_parametrization(layer, "weight", Masked(mask))
    else:
        held.mask.mul_(mask)
