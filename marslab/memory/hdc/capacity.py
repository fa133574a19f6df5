"""How many pairs one vector holds: what chance says of retrieval, in every algebra and precision.

A superposition of n pairs has the cosine kept / sqrt(n) with each of its values once the key is
taken off, and a code that is not there has one that is normal around 0 with deviation 1 / sqrt(D),
1 / sqrt(2 D) where numbers are complex. The right code is found if none of the others comes nearer.
"""

from math import log, pi, sqrt
from typing import Literal, NamedTuple

import torch

from marslab.memory.hdc.quantization import BEST_STEP, FULL, WIDTHS

Vsa = Literal["MAP", "BSC", "HRR", "FHRR"]
ALGEBRAS: tuple[Vsa, ...] = ("MAP", "BSC", "HRR", "FHRR")
COUNTED = 20_000  # pairs up to which votes are counted through
GRID = torch.linspace(-9, 9, 4001, dtype=torch.float64)  # deviations around the mean


class Band(NamedTuple):
    """Between which shares a count of successes lies, if each succeeds with the expected one."""

    low: float
    high: float


def kept(bits: int) -> float:
    """Return the cosine of a normal vector with itself in `bits` bits.

    Errors:
        ValueError: bits is not 1, 2, 4, 8 or 32

    Source:
        Max 1960, "Quantizing for minimum distortion"; of 1 bit sqrt(2 / pi).

    >>> [round(kept(b), 4) for b in (1, 2, 4, 8, 32)]
    [0.7979, 0.9387, 0.9942, 1.0, 1.0]
    """
    if bits == FULL:
        return 1.0
    if bits not in WIDTHS:
        raise ValueError(f"bits must be one of {list(WIDTHS)}, got {bits}")
    step, half = BEST_STEP[bits], 2 ** (bits - 1)
    cuts = step * torch.arange(1 - half, half, dtype=torch.float64)
    levels = step * (torch.arange(2 * half, dtype=torch.float64) - half + 0.5)
    ends = torch.cat([torch.zeros(1), torch.special.ndtr(cuts), torch.ones(1)])
    with_x = ((-cuts.square() / 2).exp() / sqrt(2 * pi) * (levels[1:] - levels[:-1])).sum()
    return float(with_x / (levels.square() * ends.diff()).sum().sqrt())


def expected_cosine(n: int, bits: int = FULL, vsa: Vsa = "HRR") -> float:
    """Return the cosine of an unbound superposition of n pairs with the right value.

    kept(bits) / sqrt(n) where the sum is normal: in HRR always, in FHRR from a few pairs on. The
    sum of n bipolar votes (MAP, BSC) is counted through, as far as n is not too large for that.

    Errors:
        ValueError: n is not positive, there is no such algebra, or BSC with other bits than 1

    Source:
        Kanerva 1996, "Binary spatter-coding"; erratum M15 (1 / sqrt(n)).

    >>> round(expected_cosine(100), 3), round(expected_cosine(3, 1, "BSC"), 3)
    (0.1, 0.5)
    """
    if n < 1:
        raise ValueError(f"n must be positive, got {n}")
    if vsa not in ALGEBRAS:
        raise ValueError(f"vsa must be one of {list(ALGEBRAS)}, got {vsa!r}")
    if vsa == "BSC" and bits != 1:
        raise ValueError(f"BSC keeps a majority in 1 bit, got bits = {bits}")
    if vsa in ("HRR", "FHRR") or bits == FULL or n > COUNTED:
        return kept(bits) / sqrt(n)
    with_it, against, free = (_rounded(n, votes, bits) for votes in (1, -1, 0))
    return (with_it.mean - against.mean) / 2 / sqrt(free.square)


class _Moments(NamedTuple):
    mean: float
    square: float


def _rounded(n: int, votes: int, bits: int) -> _Moments:
    """Moments of the rounded sum of n votes, one of them known (1 or -1) or none (0)."""
    unknown = n - abs(votes)
    up = torch.arange(unknown + 1, dtype=torch.float64)
    of = torch.tensor(float(unknown), dtype=torch.float64)
    chance = torch.lgamma(of + 1) - torch.lgamma(up + 1) - torch.lgamma(of - up + 1) - of * log(2)
    step, top = BEST_STEP[bits] * sqrt(n), 2**bits - 1
    level = ((votes + 2 * up - of) / step + top / 2).round().clamp(0, top) - top / 2
    return _Moments(float(chance.exp() @ level), float(chance.exp() @ level.square()))


def expected_accuracy(
    n: int, codes: int, D: int, *, bits: int = FULL, vsa: Vsa = "HRR", flipped: float = 0.0
) -> float:
    """Return the probability that cleanup among `codes` codes finds the right value of n stored.

    Values and keys are random, and keys unitary or bipolar; `bits` is the precision of the stored
    superposition, of whose numbers the share `flipped` then changed its sign.

    Errors:
        ValueError: a size is not positive, or `flipped` is not in [0, 0.5]

    Source:
        Frady, Kleyko & Sommer 2018, "A theory of sequence indexing and working memory in recurrent
        neural networks", with the cosine in place of the dot product.

    >>> [round(expected_accuracy(n, 1000, 10_000), 3) for n in (250, 500, 1000)]
    [0.998, 0.877, 0.472]
    """
    if min(codes, D) < 1:
        raise ValueError(f"codes and D must be positive, got {codes} and {D}")
    if not 0 <= flipped <= 0.5:
        raise ValueError(f"flipped must be in [0, 0.5], got {flipped}")
    cosine = (1 - 2 * flipped) * expected_cosine(n, bits, vsa)
    mean, spread = cosine * sqrt(_freedom(D, vsa)), sqrt(max(1 - cosine**2, 0))
    density = (-GRID.square() / 2).exp() / sqrt(2 * pi)
    others = torch.special.ndtr(mean + spread * GRID) ** (codes - 1)
    return float(torch.trapezoid(density * others, GRID).clamp(0, 1))


def rejection_cosine(codes: int, D: int, *, false_accept: float = 0.01, vsa: Vsa = "HRR") -> float:
    """Return the cosine that the nearest of `codes` random codes passes by chance so rarely.

    Errors:
        ValueError: a size is not positive, or false_accept is not in (0, 1]

    >>> round(rejection_cosine(1000, 10_000), 4)
    0.0426
    """
    if min(codes, D) < 1 or not 0 < false_accept <= 1:
        raise ValueError(
            "codes and D must be positive and false_accept in (0, 1], "
            f"got {codes}, {D} and {false_accept}"
        )
    if false_accept == 1:
        return -1.0
    share = torch.tensor(1 - false_accept, dtype=torch.float64) ** (1 / codes)
    return float(torch.special.ndtri(share)) / sqrt(_freedom(D, vsa))


def capacity(
    codes: int, D: int, *, accuracy: float = 0.99, bits: int = FULL, vsa: Vsa = "HRR"
) -> int:
    """Return the most pairs in one vector that cleanup tells apart with this accuracy; 0 if none.

    Errors:
        ValueError: a size is not positive, or accuracy is not in (0, 1)

    >>> capacity(1000, 10_000), capacity(1000, 10_000, bits=1)
    (304, 194)
    """
    if not 0 < accuracy < 1:
        raise ValueError(f"accuracy must be in (0, 1), got {accuracy}")

    def enough(n: int) -> bool:
        return expected_accuracy(n, codes, D, bits=bits, vsa=vsa) >= accuracy

    low, high = 0, 1
    while high <= 64 * D and enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


def _freedom(D: int, vsa: Vsa) -> int:
    """Real numbers that a cosine is a mean over."""
    return 2 * D if vsa == "FHRR" else D


def band(share: float, count: int, *, confidence: float = 0.99) -> Band:
    """Return the central interval of a share of `count` successes, each of probability `share`.

    >>> band(0.5, 100)
    Band(low=0.37, high=0.63)
    """
    from scipy.stats import binom

    low, high = binom.interval(confidence, count, min(max(share, 0.0), 1.0))
    return Band(float(low) / count, float(high) / count)
