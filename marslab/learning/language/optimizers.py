"""The optimizers of one phase as one, and their state as named tensors and numbers."""

from typing import Any

import torch
from torch import Tensor, nn

from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.learning.muon import Muon, parameter_groups


class PhaseOptimizer:
    """AdamW, or Muon for hidden matrices and AdamW for the rest, over what requires a gradient.

    Both take the phase's learning rate: Muon's steps are scaled to AdamW's size. On CUDA AdamW is
    fused and Muon multiplies in bfloat16. It looks enough like an optimizer for a GradScaler,
    which then makes both skip a step together.

    >>> plan = LanguagePlan((Phase("one", 10, 1e-3, optimizer="muon"),))
    >>> optimizer = PhaseOptimizer(nn.Linear(3, 4), plan, plan.phases[0])
    >>> list(optimizer.parts), len(optimizer.param_groups)
    (['muon', 'adamw'], 2)
    """

    def __init__(self, model: nn.Module, plan: LanguagePlan, phase: Phase) -> None:
        groups = parameter_groups(model)
        if phase.optimizer == "adamw":
            rest = {name: p for name, p in model.named_parameters() if p.requires_grad}
            groups = groups._replace(matrices={}, others=rest)
        cuda = any(p.is_cuda for p in model.parameters())
        self._names: dict[str, list[str]] = {}
        self.parts: dict[str, torch.optim.Optimizer] = {}
        if groups.matrices:
            self._names["muon"] = list(groups.matrices)
            self.parts["muon"] = Muon(
                groups.matrices.values(),
                lr=phase.lr,
                weight_decay=plan.weight_decay,
                momentum=plan.momentum,
                scale="match_rms_adamw",
                dtype=torch.bfloat16 if cuda else None,
            )
        if groups.others:
            tables = {name: p for name, p in groups.others.items() if p.ndim >= 2}
            gains = {name: p for name, p in groups.others.items() if p.ndim < 2}
            self._names["adamw"] = [*tables, *gains]
            parts = ((tables, plan.weight_decay), (gains, 0.0))
            self.parts["adamw"] = torch.optim.AdamW(
                [{"params": list(p.values()), "weight_decay": decay} for p, decay in parts if p],
                lr=phase.lr,
                betas=plan.betas,
                fused=True if cuda else None,
            )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all parts."""
        return [group for part in self.parts.values() for group in part.param_groups]

    def parameters(self) -> list[Tensor]:
        """What is trained, in an order that does not change."""
        return [p for group in self.param_groups for p in group["params"]]

    def set_rate(self, lr: float) -> None:
        """Let the next step take this learning rate."""
        for group in self.param_groups:
            group["lr"] = lr

    def step(self) -> None:
        """Let every part move its parameters."""
        for part in self.parts.values():
            part.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts.values():
            part.zero_grad(set_to_none=True)

    def pack(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Return the state as tensors and numbers named "part/parameter/key"."""
        tensors: dict[str, Tensor] = {}
        numbers: dict[str, float] = {}
        for kind, part in self.parts.items():
            for at, state in part.state_dict()["state"].items():
                for key, value in state.items():
                    name = f"{kind}/{self._names[kind][at]}/{key}"
                    if isinstance(value, Tensor):
                        tensors[name] = value
                    else:
                        numbers[name] = value
        return tensors, numbers

    def unpack(self, values: dict[str, Any]) -> None:
        """Take the state that `pack` gave, tensors and numbers together.

        Errors:
            KeyError: a name is not of a parameter that is trained here
        """
        states: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in self.parts}
        places = {kind: {n: at for at, n in enumerate(self._names[kind])} for kind in self.parts}
        for name, value in values.items():
            kind, rest = name.split("/", 1)
            parameter, key = rest.rsplit("/", 1)
            copied = value.clone() if isinstance(value, Tensor) else value
            states[kind].setdefault(places[kind][parameter], {})[key] = copied
        for kind, part in self.parts.items():
            groups = part.state_dict()["param_groups"]
            part.load_state_dict({"state": states[kind], "param_groups": groups})
