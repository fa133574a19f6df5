"""Sensors: small recurrent nets that read the world and speak to the brain in its own width.

Each decides whether to wake the brain, says what it perceives, and gives a vector [d_model]. A new
one needs frames, classes and a `PerceivingSensor`; the brain does not change. Screen, touch and
network are left to the reader in just that way. No sensor shares a weight with another, so training
one leaves the others' outputs as they were.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.systems.tars import sensor_inputs as inputs
from marslab.systems.tars.reflex import INTENTS, ReflexBody, ReflexCore, encode
from marslab.tracing import emit

WIDTH = 64


class SensorReading(NamedTuple):
    """What a sensor perceives.

    Shapes (D width of the brain):
        vector: [D]

    Units:
        score: what the sensor measures, 0..1 (confidence, urgency, movement, anomaly)
        wake: probability that the brain is needed, 0..1
    """

    kind: str
    score: float
    wake: float
    vector: Tensor


class Perceived(NamedTuple):
    """A batch of perceptions.

    Shapes (B batch, C classes, D width of the brain):
        kinds: [B, C] logits
        score, wake: [B] logits
        vector: [B, D]
    """

    kinds: Tensor
    score: Tensor
    wake: Tensor
    vector: Tensor


class Sensor(Protocol):
    """What the brain asks of a sensor: its name, the classes it knows, and a reading."""

    name: str

    @property
    def classes(self) -> Sequence[str]:
        """The names of what it can perceive."""
        ...

    def read(self, raw: Any) -> SensorReading:
        """Return what the sensor makes of one raw input."""
        ...


class PerceivingSensor(nn.Module):
    """Frames [T, F] -> Linear -> ReflexBody(64) -> class, score, wake and a vector [d_model].

    Emits "sensor" with its name and the probabilities of its classes.

    Shapes (B batch, T frames, F features, D width of the brain):
        frames: [B, T, F] floating point
        returns: Perceived

    Errors:
        ValueError: frames of another shape

    Source:
        The design's section 12.11: MinGRU(64) and a projection 64 -> d_model.

    >>> touch = PerceivingSensor("touch", ("tap", "swipe"), 3, 96, frames=lambda path: path)
    >>> touch.read(torch.zeros(5, 3)).vector.shape
    torch.Size([96])
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        features: int,
        d_model: int,
        *,
        frames: Callable[[Any], Tensor],
    ) -> None:
        super().__init__()
        self.name, self.classes, self.features = name, tuple(classes), features
        self.frames = frames
        self.inward = nn.Linear(features, WIDTH)
        self.body = ReflexBody(WIDTH)
        self.kinds = nn.Linear(WIDTH, len(self.classes))
        self.score = nn.Linear(WIDTH, 1)
        self.wake = nn.Linear(WIDTH, 1)
        self.outward = nn.Linear(WIDTH, d_model)

    def forward(self, frames: Tensor) -> Perceived:
        shaped(self.name, "frames", frames, "[B, T, F]", (None, None, self.features))
        every = torch.ones(frames.shape[:2], dtype=torch.bool, device=frames.device)
        hidden = self.body(self.inward(frames), every)
        kinds = self.kinds(hidden)
        emit("sensor", sensor=self.name, kinds=kinds.softmax(-1))
        score, wake = self.score(hidden).squeeze(-1), self.wake(hidden).squeeze(-1)
        return Perceived(kinds, score, wake, self.outward(hidden))

    @torch.no_grad()
    def read(self, raw: Any) -> SensorReading:
        """Return what the sensor makes of one raw input."""
        return _reading(self.classes, self(self.frames(raw)[None]))


def voice_sensor(d_model: int) -> PerceivingSensor:
    """Hear a wake word in a WAV file or in a sound [S] of 16 kHz; the score is urgency.

    >>> voice_sensor(96).read(torch.zeros(800)).kind in ("other", "wake_word")
    True
    """
    return PerceivingSensor("voice", ("other", "wake_word"), inputs.MELS, d_model, frames=_heard)


def vision_sensor(d_model: int) -> PerceivingSensor:
    """See a digit in an image [8, 8]; of images [N, 8, 8] the score is movement.

    >>> len(vision_sensor(96).classes)
    10
    """
    digits = [str(digit) for digit in range(10)]
    return PerceivingSensor("vision", digits, 2 * inputs.SIDE, d_model, frames=inputs.image_frames)


def system_sensor(d_model: int) -> PerceivingSensor:
    """Feel the machine's load from samples [T, 5], or None for one taken now; score is anomaly.

    >>> system_sensor(96).read(None).kind in ("normal", "overload")
    True
    """
    return PerceivingSensor(
        "system", ("normal", "overload"), len(inputs.SYSTEM), d_model, frames=_felt
    )


class TextSensor(nn.Module):
    """The reflex as a sensor: classes are the intents, the score is its confidence.

    The brain is needed where the reflex may not answer: wake = 1 - confidence.

    >>> TextSensor(ReflexCore().eval(), 96).read("привет").kind in INTENTS
    True
    """

    def __init__(self, core: ReflexCore, d_model: int) -> None:
        super().__init__()
        self.name, self.classes = "text", INTENTS
        self.core = core
        self.outward = nn.Linear(core.config.width, d_model)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Perceived:
        out = self.core(ids, mask)
        return Perceived(out.intent, out.confidence, -out.confidence, self.outward(out.hidden))

    @torch.no_grad()
    def read(self, raw: str) -> SensorReading:
        """Return what the sensor makes of one text."""
        device = self.outward.weight.device
        return _reading(self.classes, self(*(x.to(device) for x in encode([raw]))))


def _reading(classes: Sequence[str], seen: Perceived) -> SensorReading:
    score, wake = (float(x.sigmoid()[0]) for x in (seen.score, seen.wake))
    return SensorReading(classes[int(seen.kinds[0].argmax())], score, wake, seen.vector[0])


def _heard(raw: Any) -> Tensor:
    return inputs.log_mel(raw) if isinstance(raw, Tensor) else inputs.log_mel(*inputs.read_wav(raw))


def _felt(raw: Tensor | None) -> Tensor:
    return inputs.system_sample()[None] if raw is None else raw
