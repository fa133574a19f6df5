"""The share of pairs that one vector really gives back, to lay beside what theory says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.memory.hdc.binding import unitary
from marslab.memory.hdc.capacity import ALGEBRAS, Vsa
from marslab.memory.hdc.cleanup import cosines
from marslab.memory.hdc.quantization import FULL, fake_quantize

TOGETHER = 256  # queries cleaned up at once


class StoredPairs(NamedTuple):
    """Pairs in one vector, in torchhd's algebra.

    Shapes (K keys, n of them with a value, M codes, D width):
        keys: [K, D], torchhd's; values: [n], the code that is bound to each of the first n keys
        codebook: [M, D], as plain numbers, bits as -1 and 1; stored: [D], torchhd's
    """

    keys: Any
    values: Tensor
    codebook: Tensor
    stored: Any

    def read(self, rows: Tensor) -> Tensor:
        """Take keys off the stored vector: [rows, D], plain numbers, each a value and noise."""
        import torchhd

        return _numbers(torchhd.bind(torchhd.inverse(self.keys[rows]), self.stored))


@contextmanager
def seeded(seed: int) -> Iterator[torch.Generator]:
    """Give a generator; the global one, by which torchhd breaks ties, is seeded and put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield torch.Generator().manual_seed(seed)


@torch.no_grad()
def store_pairs(
    keys: int,
    codes: int,
    D: int,
    *,
    values: Tensor | None = None,
    bits: int = FULL,
    vsa: Vsa = "HRR",
    flipped: float = 0.0,
    random: torch.Generator,
) -> StoredPairs:
    """Draw keys and a codebook, and add up the pairs of the first keys with `values`.

    Vectors and their algebra are torchhd's, but for the keys of HRR, which are unitary here, and
    the rounding of the sum. Without `values` every key has one, drawn from the codebook without
    repetition as far as it reaches. Then the share `flipped` of the numbers changes its sign.

    Shapes (n pairs):
        values: [n] integers below `codes`, n at most `keys`

    Errors:
        ValueError: a size is not positive, there is no such algebra, BSC with other bits than 1, or
            `flipped` is not in [0, 0.5]

    >>> with seeded(0) as random:
    ...     pairs = store_pairs(3, 8, 256, values=torch.tensor([5, 7]), random=random)
    >>> cosines(pairs.read(torch.tensor([0, 1])), pairs.codebook).argmax(-1).tolist()
    [5, 7]
    """
    if min(keys, codes, D) < 1 or not 0 <= flipped <= 0.5:
        raise ValueError(
            "keys, codes and D must be positive and flipped in [0, 0.5], "
            f"got {keys}, {codes}, {D} and {flipped}"
        )
    if vsa not in ALGEBRAS or vsa == "BSC" and bits != 1:
        raise ValueError(f"vsa must be one of {list(ALGEBRAS)}, BSC in 1 bit: {vsa!r}, {bits} bits")
    import torchhd

    drawn: Any = torchhd.random(keys, D, vsa, generator=random)
    if vsa == "HRR":
        drawn = torchhd.ensure_vsa_tensor(unitary(drawn.as_subclass(Tensor)), "HRR")
    codebook: Any = torchhd.random(codes, D, vsa, generator=random)
    if values is None:
        rounds = [torch.randperm(codes, generator=random) for _ in range(-(-keys // codes))]
        values = torch.cat(rounds)[:keys]
    stored: Any = torchhd.multiset(torchhd.bind(drawn[: len(values)], codebook[values]))
    flips = torch.rand(D, generator=random) < flipped
    if vsa == "BSC":
        stored = stored.logical_xor(flips)
    else:
        plain = fake_quantize(stored.as_subclass(Tensor), bits)
        stored = torchhd.ensure_vsa_tensor(torch.where(flips, -plain, plain), vsa)
    return StoredPairs(drawn, values, _numbers(codebook), stored)


def measured_accuracy(
    n: int,
    codes: int,
    D: int,
    *,
    bits: int = FULL,
    vsa: Vsa = "HRR",
    flipped: float = 0.0,
    trials: int = 8,
    seed: int = 0,
) -> float:
    """Store n pairs in one vector, ask for all, and return the share found among `codes` codes.

    Units:
        trials: how often all is drawn anew

    Errors:
        ValueError: as `store_pairs`, or trials is not positive

    >>> measured_accuracy(5, 20, 512, trials=2)
    1.0
    """
    if trials < 1:
        raise ValueError(f"trials must be positive, got {trials}")
    right = 0
    with seeded(seed) as random:
        for _ in range(trials):
            pairs = store_pairs(n, codes, D, bits=bits, vsa=vsa, flipped=flipped, random=random)
            for rows in torch.arange(n).split(TOGETHER):
                found = cosines(pairs.read(rows), pairs.codebook).argmax(-1)
                right += int((found == pairs.values[rows]).sum())
    return right / (n * trials)


def _numbers(x: Tensor) -> Tensor:
    """Bits as -1 and 1; of all other algebras the numbers themselves."""
    plain = x.as_subclass(Tensor)
    return 1 - 2 * plain.float() if plain.dtype == torch.bool else plain
