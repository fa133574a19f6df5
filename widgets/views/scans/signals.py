"""The inputs of the Scans view: random numbers, the bytes of a text, handwritten digits."""

from typing import Any

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.widgets.views.scans.setup import DTYPES, ScanSetup


def signal(setup: ScanSetup) -> tuple[Tensor, list[str] | None]:
    """The input, [B, L, 1] or a digit's columns [B, L, 8], in float64; and a name for each step."""
    return _SIGNALS[setup.input](setup)


def features(setup: ScanSetup, width: int, which: int) -> Tensor:
    """Vectors [B, L, width] of unit variance, float64: the same input gives the same vector.

    Each byte of a text has a vector of its own, each row of a digit is projected; random inputs
    give random vectors. Another `which` gives other vectors.
    """
    draw = torch.Generator().manual_seed(setup.seed * 1000 + which)
    if setup.input == "random":
        return torch.randn(setup.B, setup.shape[1], width, generator=draw, dtype=torch.float64)
    x, _ = signal(setup)
    if setup.input == "digit":
        return x @ torch.randn(x.shape[2], width, generator=draw, dtype=torch.float64)
    table = torch.randn(256, width, generator=draw, dtype=torch.float64)
    return table[(x[..., 0] * 255).round().long()].expand(setup.B, -1, -1)


def time_constants(setup: ScanSetup, width: int) -> Tensor:
    """Time constants [width], in steps: from 1 to `tau`, evenly in their logarithm."""
    taus = torch.logspace(0, 1, width, base=setup.tau, dtype=torch.float64)
    taus[-1] = setup.tau  # also when there is one channel
    return taus


def channels(setup: ScanSetup) -> tuple[Tensor, list[str]]:
    """Time constants [D] and names of the channels: a digit's columns share one time constant."""
    width = setup.shape[2]
    if setup.input == "digit":
        taus = torch.full((width,), setup.tau, dtype=torch.float64)
        return taus, [f"column {i}" for i in range(width)]
    taus = time_constants(setup, width)
    return taus, [f"τ = {tau:.3g}" for tau in taus.tolist()]


def place(setup: ScanSetup) -> dict[str, Any]:
    """The dtype and device of what the op takes in and gives back."""
    return {"dtype": DTYPES[setup.dtype], "device": setup.device}


def wide_place(setup: ScanSetup) -> dict[str, Any]:
    """The dtype and device of states, and of decays that 16 bits would round to others."""
    return {"dtype": state_dtype(DTYPES[setup.dtype]), "device": setup.device}


def _random(setup: ScanSetup) -> tuple[Tensor, None]:
    generator = torch.Generator().manual_seed(setup.seed)
    batch, length, _ = setup.shape
    return torch.randn(batch, length, 1, generator=generator, dtype=torch.float64), None


def _text(setup: ScanSetup) -> tuple[Tensor, list[str]]:
    from marslab.text import ByteTokenizer

    ids = ByteTokenizer().encode(setup.text)
    ticks = [chr(i) if 32 < i < 127 else "␣" if i == 32 else f"{i:02x}" for i in ids]
    return torch.tensor(ids, dtype=torch.float64).reshape(1, -1, 1) / 255, ticks


def _digit(setup: ScanSetup) -> tuple[Tensor, list[str]]:
    from marslab.tasks.digits import load_digits_sequences

    split = load_digits_sequences(seed=0)
    images = torch.cat([torch.as_tensor(split.train_x), torch.as_tensor(split.test_x)])
    chosen = torch.arange(setup.digit, setup.digit + setup.B) % len(images)
    return images[chosen].double(), [f"row {i}" for i in range(8)]


_SIGNALS = {"random": _random, "text": _text, "digit": _digit}
