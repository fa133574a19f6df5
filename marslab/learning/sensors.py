"""Train a sensor on labelled frames, and make such frames for vision and for the machine's load."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from marslab.systems.tars.sensor_inputs import SYSTEM, image_frames
from marslab.systems.tars.sensors import PerceivingSensor

OVERLOAD = 0.9  # a share of the CPU or the memory above which the machine is overloaded
WAYS = ((1, 0), (-1, 0), (1, 1), (-1, 1))  # by how many pixels, along which axis
STILL = 0.5  # chance that a scene of digits does not move


class SensorExamples(NamedTuple):
    """Frames with what a sensor should say of them.

    Shapes (n examples, T frames, F features):
        frames: [n, T, F]
        kinds: [n] class numbers
        score, wake: [n], from 0 to 1
    """

    frames: Tensor
    kinds: Tensor
    score: Tensor
    wake: Tensor

    def rows(self, at: Tensor) -> "SensorExamples":
        """Return the examples at these places."""
        return SensorExamples(*(x[at] for x in self))


def fit_sensor(
    sensor: PerceivingSensor,
    examples: SensorExamples,
    *,
    steps: int = 300,
    batch: int = 64,
    lr: float = 5e-3,
    seed: int = 0,
) -> None:
    """Train class, score and wake of one sensor; its projection to the brain learns with the brain.

    Errors:
        ValueError: steps, batch or lr is not positive
    """
    for name, value in (("steps", steps), ("batch", batch), ("lr", lr)):
        if not value > 0:
            raise ValueError(f"fit_sensor: {name} must be positive, got {value}")
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(sensor.parameters(), lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    sensor.train()
    for _ in range(steps):
        some = examples.rows(torch.randint(len(examples.kinds), (batch,), generator=order))
        seen = sensor(some.frames)
        loss = cross_entropy(seen.kinds, some.kinds)
        loss = loss + binary_cross_entropy_with_logits(seen.score, some.score)
        loss = loss + binary_cross_entropy_with_logits(seen.wake, some.wake)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    sensor.eval()


def digit_scenes(images: Tensor, labels: Tensor, seed: int = 0) -> SensorExamples:
    """Return each digit as a scene of two images: half of them still, the others moved.

    The brain is woken by what moves, by one pixel up, down, left or right.

    Shapes (n examples):
        images: [n, 8, 8], ink from 0 to 1
        labels: [n]

    >>> digit_scenes(torch.rand(4, 8, 8), torch.arange(4)).frames.shape
    torch.Size([4, 8, 16])
    """
    draw = torch.Generator().manual_seed(seed)
    moved = torch.rand(len(images), generator=draw) > STILL
    ways = torch.randint(4, (len(images),), generator=draw).tolist()
    frames = [
        image_frames(torch.stack((image.roll(*WAYS[way]) if m else image, image)))
        for image, way, m in zip(images, ways, moved.tolist(), strict=True)
    ]
    score = moved.float()
    return SensorExamples(torch.stack(frames), labels, score, score)


def system_traces(n: int, seed: int = 0, length: int = 16) -> SensorExamples:
    """Return made-up loads of a machine: calm ones, and ones that end overloaded.

    Overloaded is a CPU or a memory that spends the last quarter above 0.9. The anomaly is how far
    the last quarter lies from the time before it. An overload wakes the brain.

    Shapes (n examples, T = length):
        frames: [n, T, 5]

    >>> system_traces(4).frames.shape
    torch.Size([4, 16, 5])
    """
    draw = torch.Generator().manual_seed(seed)
    level = 0.1 + 0.6 * torch.rand(n, 1, len(SYSTEM), generator=draw)
    x = level + 0.05 * torch.randn(n, length, len(SYSTEM), generator=draw)
    late, busy = length - length // 4, torch.rand(n, generator=draw) > 0.5
    which = torch.randint(2, (n,), generator=draw)  # the CPU or the memory
    tall = 0.94 + 0.03 * torch.randn(n, length - late, generator=draw).clamp(-1, 1)
    rows = busy.nonzero().squeeze(-1)
    x[rows, late:, which[rows]] = tall[rows]
    x = x.clamp(0, 1)
    anomaly = (x[:, late:].mean(1) - x[:, :late].mean(1)).abs().amax(1).clamp(0, 1)
    overload = (x[:, late:, :2].mean(1) > OVERLOAD).any(1)
    return SensorExamples(x, overload.long(), anomaly, overload.float())
