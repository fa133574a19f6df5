"""Bind pairs into one vector, take one key off again, and see which value is nearest."""

from functools import lru_cache

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from marslab.memory.hdc import bind, cosines, rejection_cosine, unbind, unitary
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.hdc_similarity import hdc_similarity

CODES = "ABCDEFGHIJKLMNOP"
WIDTHS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
HOW = ("key conjugated", "as printed", "no key taken off")
KEYS = ("unitary", "normal")
HEIGHT = 360


def bound_pairs(pairs: int = 5, width: int = 512) -> Explorer:
    """Turn how many pairs lie in one vector, how wide it is, its keys, and how a key is taken off.

    Errors:
        ValueError: pairs is not in 1..16, or there is no such width
    """
    if not 1 <= pairs <= len(CODES) or width not in WIDTHS:
        raise ValueError(
            f"bound_pairs: pairs must be in 1..{len(CODES)} and width one of {WIDTHS}, "
            f"got {pairs} and {width}"
        )
    controls = {
        "pairs": ipywidgets.IntSlider(value=pairs, min=1, max=len(CODES), description="pairs"),
        "width": ipywidgets.SelectionSlider(options=WIDTHS, value=width, description="width D"),
        "keys": ipywidgets.Dropdown(options=list(KEYS), description="keys"),
        "how": ipywidgets.Dropdown(options=list(HOW), description="unbinding"),
    }
    return Explorer(figure, sentence, controls)


@lru_cache(maxsize=32)
def read(pairs: int, width: int, keys: str, how: str) -> Tensor:
    """The cosine of what is read for A's key with each of the 16 codes; the same ones each time.

    >>> bool(read(1, 64, "unitary", "key conjugated")[0] > 0.999)
    True
    """
    random = torch.Generator().manual_seed(0)
    drawn, codes = torch.randn(2, len(CODES), width, generator=random)
    key = unitary(drawn) if keys == "unitary" else drawn
    memory = bind(key[:pairs], codes[:pairs]).sum(0)
    if how == "as printed":
        spectrum = torch.fft.fft(key[0]) * torch.fft.fft(memory).conj()
        return cosines(torch.fft.ifft(spectrum).real, codes)
    return cosines(unbind(key[0], memory) if how == "key conjugated" else memory, codes)


def sentence(pairs: int, width: int, keys: str, how: str) -> str:
    """Whether A is found, how near it is, and how near the nearest other code."""
    found = read(pairs, width, keys, how)
    best, least = int(found.argmax()), _least(width)
    other = max(found[1:].tolist())
    near = CODES[best] if found[best] > least else "nobody"
    theory = (pairs if keys == "unitary" else pairs + 1) ** -0.5
    expects = f" Theory expects {theory:.2f}." if how == "key conjugated" else ""
    return (
        f"{pairs} pair{'s' * (pairs > 1)} in {width} numbers; asked for A, the answer is {near}: "
        f"A has the cosine {found[0]:.2f}, the nearest other code {other:.2f}.{expects}"
    )


def figure(pairs: int, width: int, keys: str, how: str) -> Figure:
    """Draw the cosine with each code, and below which one nothing counts."""
    found = read(pairs, width, keys, how)
    best, least = int(found.argmax()), _least(width)
    return hdc_similarity(
        found.tolist(),
        list(CODES),
        wanted=0,
        found=best if found[best] > least else None,
        least=least,
        height=HEIGHT,
    )


def _least(width: int) -> float:
    return rejection_cosine(len(CODES), width)
