"""Muon: momentum, then the update of each matrix made orthogonal. For hidden matrices only."""

import math
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
# Rows of these are looked up or scored one by one: they are no linear maps between hidden spaces.
BESIDES = ("*embed*", "*head.weight", "*codebook*")
Scale = Literal["original", "match_rms_adamw"]


def newton_schulz(X: Tensor, steps: int = 5, *, dtype: torch.dtype | None = None) -> Tensor:
    """Return nearly U V^T for X = U S V^T: all singular values of X pulled to about one.

    X is divided by its Frobenius norm, so that no singular value exceeds one, and then
    X <- a X + (b X X^T + c (X X^T)^2) X, with coefficients chosen for the slope at zero rather
    than for a fixed point at one: the singular values end between about 0.7 and 1.2.

    Shapes:
        X: [n, m] or a batch [..., n, m], floating point; each matrix by itself
        returns: the shape and dtype of X

    Units:
        dtype: what the products are computed in, that of X if None (as published: bfloat16)

    Errors:
        ValueError: X has less than two axes, or steps is not positive

    Source:
        Jordan 2024, "Muon"; instead of the printed X (3 I - X^T X) / 2 without a norm, which
        diverges for a singular value above sqrt(3) (T47).

    >>> O = newton_schulz(torch.diag(torch.tensor([3.0, 0.2])))
    >>> bool((torch.linalg.svdvals(O) - 1).abs().max() < 0.35)
    True
    """
    if X.ndim < 2:
        raise ValueError(f"newton_schulz: X must be a matrix [n, m] or more, got {list(X.shape)}")
    if steps < 1:
        raise ValueError(f"newton_schulz: steps must be positive, got {steps}")
    a, b, c = QUINTIC
    tall = X.shape[-2] > X.shape[-1]
    Y = X.to(dtype or X.dtype).reshape(-1, *X.shape[-2:])
    Y = Y.mT if tall else Y  # the smaller of the two Gram matrices
    Y = Y / Y.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = Y @ Y.mT
        Y = torch.baddbmm(Y, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), Y, beta=a)
    return (Y.mT if tall else Y).to(X.dtype).reshape(X.shape)


class Muon(torch.optim.Optimizer):
    """Stochastic gradient descent whose momentum is made orthogonal before it is applied.

    m <- mu m + (1 - mu) g;  u = (1 - mu) g + mu m (Nesterov);  W <- (1 - lr decay) W - lr s O(u)
    with O = newton_schulz. The factor s is sqrt(max(1, rows / columns)) for "original", and
    0.2 sqrt(max(rows, columns)) for "match_rms_adamw", which gives steps of AdamW's size, so that
    both share one learning rate.

    Units:
        lr: largest change of a singular direction a step, for a square matrix
        dtype: of the products of newton_schulz, the parameter's own if None

    Errors:
        ValueError: a parameter is not a matrix, or a setting is out of its range

    Source:
        Jordan 2024, "Muon"; Liu et al. 2025, "Muon is Scalable for LLM Training" (the scale).

    >>> W = nn.Parameter(torch.eye(3))
    >>> optimizer = Muon([W], lr=0.1, weight_decay=0.0)
    >>> (2 * W.diagonal().sum()).backward()
    >>> optimizer.step()
    >>> 0.85 < W[0, 0].item() < 0.95  # a step of about lr, whatever the size of the gradient
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.02,
        *,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        steps: int = 5,
        scale: Scale = "original",
        dtype: torch.dtype | None = None,
    ) -> None:
        for name, value, most in (
            ("lr", lr, math.inf),
            ("weight_decay", weight_decay, math.inf),
            ("momentum", momentum, 1.0),
        ):
            if not 0 <= value <= most:
                raise ValueError(f"Muon: {name} must be in 0..{most}, got {value}")
        if scale not in ("original", "match_rms_adamw"):
            raise ValueError(f"Muon: scale must be original or match_rms_adamw, got {scale!r}")
        defaults = dict(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov)
        super().__init__(params, {**defaults, "steps": steps, "scale": scale, "dtype": dtype})
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon: a parameter must be a matrix, got {list(p.shape)}: "
                        "give the others to AdamW"
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every parameter that has a gradient; one without stays exactly where it is."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            # Matrices of one shape go together: a model has many small ones, and on a GPU each
            # product of its own costs more to start than to compute.
            alike: dict[tuple[int, ...], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault(tuple(p.shape), []).append(p)
            for parameters in alike.values():
                self._move(parameters, group)
        return loss

    def _move(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        mu, lr = group["momentum"], group["lr"]
        for p in parameters:
            if "momentum" not in self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        momenta = [self.state[p]["momentum"] for p in parameters]
        grads: list[Tensor] = [p.grad for p in parameters if p.grad is not None]
        torch._foreach_lerp_(momenta, grads, 1 - mu)  # pyright: ignore[reportPrivateImportUsage]
        ahead = momenta
        if group["nesterov"]:
            ahead = torch._foreach_lerp(grads, momenta, mu)  # pyright: ignore[reportPrivateImportUsage]
        updates = newton_schulz(torch.stack(ahead), group["steps"], dtype=group["dtype"])
        weights: list[Tensor] = [*parameters]
        torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])  # pyright: ignore[reportPrivateImportUsage]
        scale = -lr * _scale(group["scale"], *weights[0].shape)
        torch._foreach_add_(weights, list(updates.unbind()), alpha=scale)  # pyright: ignore[reportPrivateImportUsage]


def _scale(kind: Scale, rows: int, columns: int) -> float:
    if kind == "original":
        return math.sqrt(max(1.0, rows / columns))
    return 0.2 * math.sqrt(max(rows, columns))


class ParameterGroups(NamedTuple):
    """The trainable parameters of a model by name: hidden matrices for Muon, others for AdamW."""

    matrices: dict[str, nn.Parameter]
    others: dict[str, nn.Parameter]


def parameter_groups(
    model: nn.Module, *, matrices: tuple[str, ...] = (), besides: tuple[str, ...] = BESIDES
) -> ParameterGroups:
    """Sort the trainable parameters of `model` into hidden matrices and all others.

    A hidden matrix is the weight of a Linear with at least two rows and columns that is not tied
    to an embedding and whose name matches none of the globs `besides`. A matrix held in another
    kind of module may have another meaning (rates, tables): name it in `matrices` if it is one.

    Source:
        T47: Muon for 2-D hidden weights only; AdamW for embeddings, gains, biases and heads

    >>> model = nn.ModuleDict({"embed": nn.Embedding(9, 4), "up": nn.Linear(4, 8)})
    >>> groups = parameter_groups(model)
    >>> list(groups.matrices), list(groups.others)
    (['up.weight'], ['embed.weight', 'up.bias'])
    """
    modules = list(model.modules())
    tables = {id(p) for m in modules if isinstance(m, nn.Embedding) for p in m.parameters()}
    linear = {id(m.weight) for m in modules if isinstance(m, nn.Linear)} - tables
    groups = ParameterGroups({}, {})
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        hidden = id(p) in linear and not _matches(name, besides)
        is_matrix = p.ndim == 2 and min(p.shape) > 1 and (hidden or _matches(name, matrices))
        (groups.matrices if is_matrix else groups.others)[name] = p
    return groups


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
