"""A handwritten digit read row by row: embed, remember, decide."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.layers import LinearRecurrence
from marslab.systems.registry import register
from marslab.tracing import emit

ROWS, PIXELS, CLASSES = 8, 8, 10


@dataclass(frozen=True)
class RecurrenceConfig:
    """The recurrence: width of the state, longest time constant at the start, what is on.

    >>> RecurrenceConfig(d_state=0)
    Traceback (most recent call last):
    ValueError: recurrence.d_state must be positive, got 0
    """

    enabled: bool = True
    both_ways: bool = True
    d_state: int = 32
    longest: float = 8.0

    def __post_init__(self) -> None:
        if self.d_state < 1:
            raise ValueError(f"recurrence.d_state must be positive, got {self.d_state}")
        if not self.longest >= 1:
            raise ValueError(f"recurrence.longest must be at least 1 step, got {self.longest}")


@dataclass(frozen=True)
class DigitsConfig:
    """All settings of DigitsRecurrence.

    >>> DigitsConfig().recurrence.d_state
    32
    """

    d_embed: int = 32
    recurrence: RecurrenceConfig = field(default_factory=RecurrenceConfig)

    def __post_init__(self) -> None:
        if self.d_embed < 1:
            raise ValueError(f"d_embed must be positive, got {self.d_embed}")


@register("digits-recurrence", config=DigitsConfig)
class DigitsRecurrence(nn.Module):
    """Classify a digit from its rows: the state after the last row decides.

    With `recurrence.both_ways` a second recurrence reads the rows from the last to the first, and
    its state after the first row decides too. Emits "logits" and, from its layers, "scan".

    Shapes (B batch):
        x: [B, 8 rows, 8 pixels], ink from 0 to 1
        returns: logits [B, 10]

    Errors:
        ValueError: x has another shape

    >>> DigitsRecurrence(DigitsConfig())(torch.zeros(2, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(self, config: DigitsConfig) -> None:
        super().__init__()
        self.config = config
        part = config.recurrence
        self.embed = nn.Sequential(nn.Linear(PIXELS, config.d_embed), nn.GELU())
        self.recurrences = nn.ModuleList(
            LinearRecurrence(
                config.d_embed,
                part.d_state,
                longest=part.longest,
                reverse=reverse,
                enabled=part.enabled,
            )
            for reverse in ([False, True] if part.both_ways else [False])
        )
        width = part.d_state * len(self.recurrences)
        self.readout = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        shaped("DigitsRecurrence", "x", x, "[B, 8, 8]", (None, ROWS, PIXELS))
        embedded = self.embed(x)
        forward, *backward = [layer(embedded) for layer in self.recurrences]
        last = torch.cat([forward[:, -1], *(h[:, 0] for h in backward)], dim=-1)
        logits = self.readout(last)
        emit("logits", logits=logits)
        return logits
