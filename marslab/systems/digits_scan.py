"""A handwritten digit read row by row through selective state spaces, as Mamba reads text."""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.layers import SelectiveSSM
from marslab.systems.registry import register
from marslab.tracing import emit

ROWS, PIXELS, CLASSES = 8, 8, 10


@dataclass(frozen=True)
class SSMConfig:
    """Each block: sizes, what is on, and the range of the time step at the start.

    Units:
        d_conv: rows that the convolution sees, 0 for none
        step_least, step_largest: time, in the unit of 1 / A

    >>> SSMConfig(d_state=0)
    Traceback (most recent call last):
    ValueError: ssm.d_state must be positive, got 0
    """

    enabled: bool = True
    d_state: int = 8
    expand: int = 2
    d_conv: int = 3
    gate: bool = True
    step_least: float = 1e-3
    step_largest: float = 1e-1
    discretisation: Literal["zoh", "euler"] = "zoh"

    def __post_init__(self) -> None:
        for name in ("d_state", "expand"):
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


@register("digits-scan", config=DigitsScanConfig)
class DigitsScan(nn.Module):
    """Classify a digit from its rows, read from the top: what stands after the last row decides.

    Emits "logits" and, from each block, "selective_ssm".

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
        part = config.ssm
        self.embed = nn.Linear(PIXELS, config.d_model)
        self.blocks = nn.Sequential(
            *(
                SelectiveSSM(
                    config.d_model,
                    d_state=part.d_state,
                    expand=part.expand,
                    d_conv=part.d_conv,
                    gate=part.gate,
                    steps=(part.step_least, part.step_largest),
                    discretisation=part.discretisation,
                    enabled=part.enabled,
                )
                for _ in range(config.blocks)
            )
        )
        self.readout = nn.Sequential(
            nn.LayerNorm(config.d_model), nn.Linear(config.d_model, CLASSES)
        )

    def forward(self, x: Tensor) -> Tensor:
        shaped("DigitsScan", "x", x, "[B, 8, 8]", (None, ROWS, PIXELS))
        logits = self.readout(self.blocks(self.embed(x))[:, -1])
        emit("logits", logits=logits)
        return logits
