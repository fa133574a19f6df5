"""A holographic memory: many pairs in few vectors, as many banks as theory asks for."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from marslab.memory.hdc.binding import Phasors, bind, unbind
from marslab.memory.hdc.capacity import capacity
from marslab.memory.hdc.cleanup import Cleaned, cleanup
from marslab.memory.hdc.quantization import FULL, WIDTHS, Packed, dequantize, quantize
from marslab.tracing import emit


@dataclass(frozen=True)
class HolographicConfig:
    """How a HolographicMemory keeps what it is told.

    "phases" are keys that unbind exactly and can be trained; "normal" are the design's own `randn`,
    which do not (erratum M9). `complex` takes phasors (FHRR) in place of real vectors (HRR).

    Units:
        banks: vectors; 0 takes as many as keep retrieval at `accuracy` with all keys written
        bits: of the stored superposition, 1, 2, 4, 8 or 32 (float)
    """

    keys: Literal["phases", "normal"] = "phases"
    complex: bool = False
    banks: int = 0
    accuracy: float = 0.99
    bits: int = FULL
    zero_point: bool = False

    def __post_init__(self) -> None:
        if self.keys not in ("phases", "normal") or self.complex and self.keys == "normal":
            raise ValueError(f"hdc.keys must be 'phases' or, real, 'normal', got {self.keys!r}")
        if self.banks < 0:
            raise ValueError(f"hdc.banks must be at least 0, got {self.banks}")
        if not 0 < self.accuracy < 1:
            raise ValueError(f"hdc.accuracy must be in (0, 1), got {self.accuracy}")
        if self.bits not in WIDTHS:
            raise ValueError(f"hdc.bits must be one of {list(WIDTHS)}, got {self.bits}")


PRINTED = HolographicConfig("normal", banks=1)


class HolographicMemory(nn.Module):
    """Superpositions of key-value pairs, one for each bank; key i belongs to bank i mod banks.

    A state is the sum of bind(key, value); reading takes the key off again, and what is left is the
    value plus noise of the other pairs: `recall` cleans it up. `write` keeps, without a gradient;
    `superpose` returns the state that would be kept, and gradients reach keys, values and encoder
    through it. With d_model, values are encoded from states of a brain and read back into them.
    With less than 32 bits the sum is rounded again after each write, so a few large writes lose
    less than many small ones. Emits "hdc_write" with pairs and banks.

    Shapes (N pairs, B banks, D width, d model width):
        key: [...] integers below `keys`
        value: [..., D], or [..., d] with d_model
        state: [B, D] real or complex64

    Errors:
        ValueError: a size is not positive, or keys and values do not fit

    Source:
        Plate 1995; MARS v4, 2.2; errata M8-M15.

    >>> memory = HolographicMemory(4, 64)
    >>> values = torch.randn(4, 64)
    >>> memory.write(torch.arange(4), values)
    >>> memory.recall(torch.arange(4), values).index.tolist()
    [0, 1, 2, 3]
    """

    state: Tensor
    codes: Tensor
    low: Tensor
    step: Tensor

    def __init__(
        self,
        keys: int,
        dim: int = 10_000,
        config: HolographicConfig = HolographicConfig(),
        *,
        d_model: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if keys < 1 or dim < 1 or (d_model is not None and d_model < 1):
            raise ValueError(
                f"HolographicMemory needs positive sizes, got {keys}, {dim}, {d_model}"
            )
        self.config, self.dim, self.banks = config, dim, config.banks or _banks(keys, dim, config)
        self.keys = self._keys(keys, seed)
        self.encoder = self.decoder = None
        if d_model is not None:
            self.encoder = nn.Linear(d_model, dim, bias=False)
            self.decoder = nn.Linear(dim * (2 if config.complex else 1), d_model)
        dtype = torch.complex64 if config.complex else torch.float32
        self._keep_packed = config.bits != FULL
        if self._keep_packed:
            packed = self._packed(torch.zeros(self.banks, dim, dtype=dtype))
            for name, part in packed._asdict().items():
                self.register_buffer(name, part)
        else:
            self.register_buffer("state", torch.zeros(self.banks, dim, dtype=dtype))

    def superpose(self, key: Tensor, value: Tensor) -> Tensor:
        """Return the sum of the pairs in each bank [B, D], differentiable; keep nothing."""
        values = self._encoded(value)
        if key.shape != values.shape[:-1]:
            raise ValueError(
                f"value must be {[*key.shape]} x width beside these keys, got {list(value.shape)}"
            )
        pairs = bind(self.keys(key), values).flatten(end_dim=-2)
        member = nn.functional.one_hot(key.flatten() % self.banks, self.banks).to(pairs.dtype)
        return member.mT @ pairs

    @torch.no_grad()
    def write(self, key: Tensor, value: Tensor) -> None:
        """Add pairs to what is kept; no gradient passes and no graph grows (erratum M11)."""
        kept = self.kept() + self.superpose(key, value)
        if self._keep_packed:
            self.codes, self.low, self.step = self._packed(kept)
        else:
            self.state = kept
        emit("hdc_write", pairs=key.numel(), banks=self.banks)

    def kept(self) -> Tensor:
        """Return what is kept [B, D] as numbers, dequantized where it is packed."""
        if not self._keep_packed:
            return self.state
        width = self.dim * (2 if self.config.complex else 1)
        x = dequantize(Packed(self.codes, self.low, self.step), width, self.config.bits)
        return torch.view_as_complex(x.unflatten(-1, (-1, 2))) if self.config.complex else x

    def read(self, key: Tensor, state: Tensor | None = None) -> Tensor:
        """Take the key off its bank: [..., D], the value and noise. `state` replaces the kept."""
        state = self.kept() if state is None else state
        return unbind(self.keys(key), state[key % self.banks])

    def decode(self, read: Tensor) -> Tensor:
        """Take what was read [..., D] to the width of the brain [..., d].

        Errors:
            ValueError: the memory was made without d_model
        """
        if self.decoder is None:
            raise ValueError("this memory has no decoder: make it with d_model=...")
        return self.decoder(torch.view_as_real(read).flatten(-2) if read.is_complex() else read)

    def recall(self, key: Tensor, codebook: Tensor, *, false_accept: float = 0.01) -> Cleaned:
        """Read and clean up against a codebook [M, D] of encoded values."""
        return cleanup(self.read(key), codebook, false_accept=false_accept)

    @torch.no_grad()
    def clear(self) -> None:
        """Forget everything; keys, encoder and decoder stay."""
        for name in ("codes", "low", "step") if self._keep_packed else ("state",):
            getattr(self, name).zero_()

    @property
    def kept_bytes(self) -> int:
        """Bytes of what is kept, scales included."""
        return sum(x.numel() * x.element_size() for x in self.buffers(recurse=False))

    def _encoded(self, value: Tensor) -> Tensor:
        if self.encoder is None:
            return value
        coded = self.encoder(value)
        return torch.polar(torch.ones_like(coded), coded) if self.config.complex else coded

    def _packed(self, state: Tensor) -> Packed:
        rows = torch.view_as_real(state).flatten(-2) if state.is_complex() else state
        return quantize(rows, self.config.bits, zero_point=self.config.zero_point)

    def _keys(self, count: int, seed: int) -> nn.Module:
        if self.config.keys == "phases":
            return Phasors(count, self.dim, complex=self.config.complex, seed=seed)
        random = torch.Generator().manual_seed(seed)
        rows = torch.randn(count, self.dim, generator=random) / self.dim**0.5
        return nn.Embedding.from_pretrained(rows, freeze=False)


def _banks(keys: int, dim: int, config: HolographicConfig) -> int:
    """As many as hold all keys at the accuracy, each counting as one code of the codebook."""
    vsa = "FHRR" if config.complex else "HRR"
    room = capacity(keys, dim, accuracy=config.accuracy, bits=config.bits, vsa=vsa)
    return keys if room == 0 else -(-keys // room)
