"""The circumstances as a sensor, and one vector from those of all sensors that are present."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from marslab.errors import UserError, unknown
from marslab.kernels.checks import shaped
from marslab.systems.tars import sensor_inputs as inputs
from marslab.systems.tars.sensors import WIDTH, SensorReading
from marslab.tracing import emit


class Moment(NamedTuple):
    """When it is, what was said last, and a vector that sums the conversation up, if there is one.

    Shapes (M memory width):
        history: [M]
    """

    now: datetime
    last_words: Sequence[str] = ()
    history: Tensor | None = None


class ContextVector(nn.Module):
    """The circumstances as a sensor; off by default, since the hour makes answers differ.

    Off, its vector is zero. It never wakes the brain. The score is the mood, 0 bad and 1 good.

    >>> off = ContextVector(96, memory_dim=32)
    >>> bool(off.read(Moment(datetime(2025, 1, 1, 9))).vector.any())
    False
    """

    def __init__(self, d_model: int, memory_dim: int, *, enabled: bool = False) -> None:
        super().__init__()
        self.name, self.classes = "context", inputs.PARTS_OF_DAY
        self.d_model, self.memory_dim, self.enabled = d_model, memory_dim, enabled
        self.inward = nn.Linear(inputs.CONTEXT + memory_dim, WIDTH)
        self.outward = nn.Linear(WIDTH, d_model)

    def forward(self, features: Tensor) -> Tensor:
        shaped("ContextVector", "features", features, "[B, F]", (None, self.inward.in_features))
        if not self.enabled:
            return features.new_zeros(len(features), self.d_model)
        return self.outward(torch.nn.functional.silu(self.inward(features)))

    @torch.no_grad()
    def read(self, raw: Moment) -> SensorReading:
        """Return the circumstances of a moment."""
        weight = self.inward.weight
        history = weight.new_zeros(self.memory_dim) if raw.history is None else raw.history
        shaped("ContextVector", "history", history, "[M]", (self.memory_dim,))
        told = inputs.context_features(raw.now, raw.last_words).to(weight)
        vector = self(torch.cat((told, history.to(weight)))[None])[0]
        return SensorReading(
            self.classes[raw.now.hour // 6], (float(told[-1]) + 1) / 2, 0.0, vector
        )


class SensorJoin(nn.Module):
    """One vector from those of the sensors that are present, as a supplement to the brain's input.

    "concat" projects all of them side by side, zeros for the absent; "gate" mixes the present ones
    with weights that sum to 1.

    Shapes (B batch, D width of the brain):
        vectors: name -> [B, D]; at least one
        returns: [B, D]

    Errors:
        UserError: a sensor that it was not made for
        ValueError: no vector at all, or shapes differ

    >>> join = SensorJoin(96, ("text", "system"))
    >>> join({"text": torch.zeros(1, 96)}).shape
    torch.Size([1, 96])
    """

    def __init__(
        self, d_model: int, names: Sequence[str], mode: Literal["gate", "concat"] = "gate"
    ) -> None:
        super().__init__()
        if mode not in ("gate", "concat"):
            raise ValueError(f"SensorJoin: mode must be 'gate' or 'concat', got {mode!r}")
        self.d_model, self.names, self.mode = d_model, tuple(names), mode
        wide = len(self.names) * d_model
        self.project = nn.Linear(wide, d_model) if mode == "concat" else None
        gates = {name: nn.Linear(d_model, 1) for name in names} if mode == "gate" else {}
        self.gates = nn.ModuleDict(gates)

    def forward(self, vectors: Mapping[str, Tensor]) -> Tensor:
        for name in vectors:
            if name not in self.names:
                raise UserError(unknown("sensor", name, self.names))
        if not vectors:
            raise ValueError("SensorJoin: no sensor is present")
        batch = len(next(iter(vectors.values())))
        for name, vector in vectors.items():
            shaped("SensorJoin", name, vector, "[B, D]", (batch, self.d_model))
        here = [name for name in self.names if name in vectors]
        if self.project is not None:
            none = torch.zeros_like(vectors[here[0]])
            return self.project(torch.cat([vectors.get(n, none) for n in self.names], -1))
        weights = torch.cat([self.gates[n](vectors[n]) for n in here], -1).softmax(-1)
        emit("sensor_join", weights=weights)
        return sum(
            (weights[:, at, None] * vectors[n] for at, n in enumerate(here)),
            start=torch.zeros_like(vectors[here[0]]),
        )
