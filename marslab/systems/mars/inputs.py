"""What MARS reads, as steps of d_model numbers: vectors, bytes, pixels, or bytes and pixels."""

import torch
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.systems.mars.config import MarsConfig

PAD = 256  # the id behind the end of a row that is shorter than its neighbours


class Vectors(nn.Module):
    """Embeddings of another encoder, x [B, L, d_input], each through one linear map."""

    def __init__(self, config: MarsConfig) -> None:
        super().__init__()
        self.d_input = config.d_input
        self.embed = nn.Linear(config.d_input, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        shaped("MarsModel", "x", x, f"[B, L, {self.d_input}]", (None, None, self.d_input))
        return self.embed(x)


class Bytes(nn.Module):
    """Ids x [B, L] from 0 to 255; PAD stands behind the end of a row."""

    def __init__(self, config: MarsConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(PAD + 1, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        shaped("MarsModel", "x", x, "[B, L] of ids", (None, None))
        return self.embed(x)


class Pixels(nn.Module):
    """Images x [B, rows, columns] or [B, C, rows, columns]: squares of pixels, row by row."""

    def __init__(self, config: MarsConfig) -> None:
        super().__init__()
        self.patch, self.channels = config.patch, config.channels
        self.embed = nn.Linear(config.channels * config.patch**2, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(1) if x.ndim == 3 else x
        wanted = f"[B, {self.channels}, rows, columns]"
        shaped("MarsModel", "x", x, wanted, (None, self.channels, None, None))
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(
                f"MarsModel: rows and columns must be multiples of the patch {self.patch}, "
                f"got {list(x.shape)}"
            )
        squares = x.unflatten(3, (-1, self.patch)).unflatten(2, (-1, self.patch))
        return self.embed(squares.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))


class BytesAndPixels(nn.Module):
    """Both for one body: a batch x of integers is bytes, one of floating point is images."""

    def __init__(self, config: MarsConfig) -> None:
        super().__init__()
        self.bytes, self.pixels = Bytes(config), Pixels(config)

    def forward(self, x: Tensor) -> Tensor:
        return self.pixels(x) if x.is_floating_point() else self.bytes(x)


INPUTS = {
    "vectors": Vectors,
    "bytes": Bytes,
    "pixels": Pixels,
    "bytes+pixels": BytesAndPixels,
}


def mean_step(h: Tensor, x: Tensor, kind: str) -> Tensor:
    """Return the mean of h [B, L, D] over the steps of each row, the padding of bytes left out.

    >>> h = torch.tensor([[[1.0], [3.0], [99.0]]])
    >>> mean_step(h, torch.tensor([[7, 8, PAD]]), "bytes").item()
    2.0
    """
    if kind not in ("bytes", "bytes+pixels") or x.is_floating_point():
        return h.mean(1)
    there = (x != PAD).to(h.dtype).unsqueeze(-1)
    return (h * there).sum(1) / there.sum(1).clamp(min=1)


def byte_rows(texts: list[str]) -> Tensor:
    """Return texts as UTF-8 ids [N, L], PAD behind the end of each.

    >>> byte_rows(["ab", "c"]).tolist()
    [[97, 98], [99, 256]]
    """
    rows = [torch.tensor(list(text.encode()), dtype=torch.int64) for text in texts]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
