"""From numbers and texts to hypervectors: by chance, by level, by n-gram, or learned."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from marslab.memory.hdc.quantization import FULL, WIDTHS, fake_quantize

TOGETHER = 1 << 24  # numbers that an encoder works on at once
CODES = 1 << 21  # above every Unicode character: seeds of different encoders do not meet


class ProjectionEncoder(nn.Module):
    """h = Q_b(cos(W x + angle)): random features, or learned ones with `trainable`.

    W is normal with variance 1 / F and angles are even, so that two vectors of F standardized
    features have the cosine exp(-||x - y||^2 / 2 F) in the mean. With `trainable` W and the angles
    learn, through the rounding to b bits as if it were not there.

    Shapes (F features, D width):
        x: [..., F]
        returns: [..., D]

    Errors:
        ValueError: a size is not positive, or there is no such precision

    Source:
        Rahimi & Recht 2007, "Random features for large-scale kernel machines"; MARS v4, 2.2
        (trainable encoders), erratum M14 (the printed ones are never trained).

    >>> h = ProjectionEncoder(64, 256, bits=1)(torch.randn(3, 64))
    >>> h.shape, len(h[0].unique())
    (torch.Size([3, 256]), 2)
    """

    def __init__(
        self, features: int, dim: int, *, trainable: bool = False, bits: int = FULL, seed: int = 0
    ) -> None:
        super().__init__()
        if features < 1 or dim < 1:
            raise ValueError(f"ProjectionEncoder: sizes must be positive, got {features}, {dim}")
        self.bits = _precision(bits)
        random = torch.Generator().manual_seed(seed)
        weight = torch.randn(dim, features, generator=random) / features**0.5
        angle = torch.rand(dim, generator=random) * 2 * torch.pi
        self.weight = nn.Parameter(weight, requires_grad=trainable)
        self.angle = nn.Parameter(angle, requires_grad=trainable)

    def forward(self, x: Tensor) -> Tensor:
        return fake_quantize(torch.cos(nn.functional.linear(x, self.weight, self.angle)), self.bits)


class RecordEncoder(nn.Module):
    """h = Q_b(sum over features of key_f * level(x_f)): each feature's place bound to its level.

    Near numbers have near levels: torchhd's level vectors, from `low` to `high`; numbers beyond
    count as the end. Keys and levels are bipolar.

    Shapes (F features, D width):
        x: [..., F]
        returns: [..., D]

    Errors:
        ValueError: a size is not positive, low is not below high, or there is no such precision

    Source:
        Rahimi et al. 2016, "A robust and energy-efficient classifier using brain-inspired
        hyperdimensional computing".

    >>> RecordEncoder(4, 128, levels=8)(torch.randn(3, 4)).shape
    torch.Size([3, 128])
    """

    keys: Tensor
    levels: Tensor

    def __init__(
        self,
        features: int,
        dim: int,
        *,
        levels: int = 32,
        low: float = -3.0,
        high: float = 3.0,
        bits: int = FULL,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(features, dim) < 1 or levels < 2 or not low < high:
            raise ValueError(
                "RecordEncoder needs positive sizes, two levels and low < high, "
                f"got {features}, {dim}, {levels}, {low}, {high}"
            )
        self.bits, self.low, self.high = _precision(bits), low, high
        import torchhd  # the library of the basics; nothing that trains on a GPU needs it

        random = torch.Generator().manual_seed(seed)
        keys = torchhd.random(features, dim, generator=random)
        self.register_buffer("keys", keys.as_subclass(Tensor))
        steps = torchhd.level(levels, dim, generator=random)
        self.register_buffer("levels", steps.as_subclass(Tensor))

    def forward(self, x: Tensor) -> Tensor:
        share = (x.clamp(self.low, self.high) - self.low) / (self.high - self.low)
        place = (share * (len(self.levels) - 1)).round().long()
        rows = place.reshape(-1, place.shape[-1])
        step = max(1, TOGETHER // self.keys.numel())
        h = torch.cat([(self.keys * self.levels[part]).sum(-2) for part in rows.split(step)])
        return fake_quantize(h.view(*x.shape[:-1], h.shape[-1]), self.bits)


class NgramEncoder(nn.Module):
    """h = Q_b(sum over places of the n-gram there), an n-gram the product of turned characters.

    A character's hypervector is bipolar and depends on its code and the seed alone; character j of
    an n-gram is turned by n - 1 - j places. A space stands before and after each text.

    Shapes (N texts, D width):
        texts: N strings
        returns: [N, D]

    Errors:
        ValueError: a size is not positive, a text is empty, or there is no such precision

    Source:
        Joshi, Halseth & Kanerva 2016, "Language geometry using random indexing".

    >>> a, b, c = NgramEncoder(1024)(["albanisht", "danisht", "tiếng Việt"])
    >>> bool(a @ b > a @ c)
    True
    """

    def __init__(self, dim: int, *, n: int = 3, bits: int = FULL, seed: int = 0) -> None:
        super().__init__()
        if dim < 1 or n < 1:
            raise ValueError(f"NgramEncoder: sizes must be positive, got {dim}, {n}")
        self.dim, self.n, self.bits, self.seed = dim, n, _precision(bits), seed
        self._known: dict[str, Tensor] = {}

    def forward(self, texts: Sequence[str]) -> Tensor:
        if not all(texts):
            raise ValueError(f"text {list(texts).index('')} of {len(texts)} is empty")
        rows = [self._sum(f" {text} ".ljust(self.n)) for text in texts]
        h = torch.stack(rows) if rows else torch.empty(0, self.dim)
        return fake_quantize(h, self.bits)

    def _sum(self, text: str) -> Tensor:
        characters = torch.stack([self._character(c) for c in text])
        count = len(text) - self.n + 1
        product = torch.ones(count, self.dim)
        for j in range(self.n):
            product = product * characters[j : j + count].roll(self.n - 1 - j, -1)
        return product.sum(0)

    def _character(self, c: str) -> Tensor:
        if c not in self._known:
            random = torch.Generator().manual_seed(self.seed * CODES + ord(c))
            self._known[c] = torch.randint(2, (self.dim,), generator=random) * 2.0 - 1
        return self._known[c]


def _precision(bits: int) -> int:
    if bits not in WIDTHS:
        raise ValueError(f"bits must be one of {list(WIDTHS)}, got {bits}")
    return bits
