"""A handwritten digit read row by row through selective state spaces, as Mamba reads text."""

from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.layers import DualSSM, FixedDecay, GatedBlock, MinGRU, RateInit, SelectiveSSM
from marslab.systems.registry import register
from marslab.tracing import emit

ROWS, PIXELS, CLASSES = 8, 8, 10


@dataclass(frozen=True)
class SSMConfig:
    """Each block: its recurrence, sizes, what is on, and where decays and time steps start.

    `op` is the recurrence: "selective_scan" is Mamba's, "ssd" Mamba-2's with `heads` decays,
    "min_gru" a gated unit, "linear_scan" a memory that fades alike whatever it reads. The last two
    have one state a channel: no d_state and no decay_init; min_gru has no steps either. Only the
    first has a discretisation.

    Units:
        d_conv: rows that the convolution sees, 0 for none
        step_least, step_largest: time, in the unit of 1 / A

    >>> SSMConfig(d_state=0)
    Traceback (most recent call last):
    ValueError: ssm.d_state must be positive, got 0
    """

    enabled: bool = True
    op: Literal["selective_scan", "ssd", "min_gru", "linear_scan"] = "selective_scan"
    d_state: int = 8
    heads: int = 4
    expand: int = 2
    d_conv: int = 3
    gate: bool = True
    step_least: float = 1e-3
    step_largest: float = 1e-1
    decay_init: RateInit = "integers"
    discretisation: Literal["zoh", "euler"] = "zoh"

    def __post_init__(self) -> None:
        for name in ("d_state", "heads", "expand"):
            if getattr(self, name) < 1:
                raise ValueError(f"ssm.{name} must be positive, got {getattr(self, name)}")
        if self.d_conv < 0:
            raise ValueError(f"ssm.d_conv must be at least 0 rows, got {self.d_conv}")
        if not 0 < self.step_least <= self.step_largest:
            raise ValueError(
                "ssm.step_least must be above 0 and at most ssm.step_largest,"
                f" got {self.step_least} and {self.step_largest}"
            )


@dataclass(frozen=True)
class DigitsScanConfig:
    """All settings of DigitsScan.

    >>> DigitsScanConfig().ssm.d_state
    8
    """

    d_model: int = 24
    blocks: int = 1
    ssm: SSMConfig = field(default_factory=SSMConfig)

    def __post_init__(self) -> None:
        for name in ("d_model", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        width = self.ssm.expand * self.d_model
        if self.ssm.op == "ssd" and width % self.ssm.heads:
            raise ValueError(
                f"ssm.heads must divide ssm.expand * d_model = {width}, got {self.ssm.heads}"
            )


@register("digits-scan", config=DigitsScanConfig)
class DigitsScan(nn.Module):
    """Classify a digit from its rows, read from the top: what stands after the last row decides.

    Emits "logits" and what each block emits, "selective_ssm" by default.

    Shapes (B batch):
        x: [B, 8 rows, 8 pixels], ink from 0 to 1
        returns: logits [B, 10]

    Errors:
        ValueError: x has another shape

    Source:
        Gu & Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces", 3.4.

    >>> import torch
    >>> DigitsScan(DigitsScanConfig())(torch.zeros(2, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(self, config: DigitsScanConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Linear(PIXELS, config.d_model)
        self.blocks = nn.Sequential(*(_block(config) for _ in range(config.blocks)))
        self.readout = nn.Sequential(
            nn.LayerNorm(config.d_model), nn.Linear(config.d_model, CLASSES)
        )

    def forward(self, x: Tensor) -> Tensor:
        shaped("DigitsScan", "x", x, "[B, 8, 8]", (None, ROWS, PIXELS))
        logits = self.readout(self.blocks(self.embed(x))[:, -1])
        emit("logits", logits=logits)
        return logits


def _block(config: DigitsScanConfig) -> GatedBlock:
    part = config.ssm
    around: dict[str, Any] = {"expand": part.expand, "d_conv": part.d_conv, "gate": part.gate}
    around["enabled"] = part.enabled
    steps = (part.step_least, part.step_largest)
    if part.op == "min_gru":
        return MinGRU(config.d_model, **around)
    if part.op == "linear_scan":
        return FixedDecay(config.d_model, steps=steps, **around)
    around |= {"d_state": part.d_state, "steps": steps, "decay_init": part.decay_init}
    if part.op == "ssd":
        return DualSSM(config.d_model, heads=part.heads, **around)
    return SelectiveSSM(config.d_model, discretisation=part.discretisation, **around)
