"""Images in the files of MNIST (idx, also gzipped) and of CIFAR (binary version); no pickles."""

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.tasks.digits import Split

UBYTE = 0x08  # the idx code of bytes without a sign
GZIP = b"\x1f\x8b"
MOST = 2**31  # bytes that one file may unpack to
IMAGE = (3, 32, 32)  # of CIFAR
MNIST = ("train-images", "train-labels", "t10k-images", "t10k-labels")


def read_idx(path: str | Path) -> Tensor:
    """Return the array in an idx file of bytes, gzipped or not.

    Shapes:
        returns: as the file says, uint8

    Errors:
        UserError: the file cannot be read, holds no idx array of bytes, or is shorter or longer
            than it says

    Source:
        Y. LeCun, C. Cortes & C. Burges, the MNIST database, "the idx file format".
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] != UBYTE:
                raise UserError(f"{path} must be an idx file of bytes, it begins {head.hex(' ')}")
            sizes = file.read(4 * head[3])
            shape = [int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * head[3], 4)]
            expected = math.prod(shape)
            if len(sizes) < 4 * head[3] or expected > MOST:
                raise UserError(f"{path} is damaged: its header asks for the shape {shape}")
            data = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise UserError(f"{path} cannot be read: {problem}") from problem
    if len(data) != expected:
        raise UserError(
            f"{path} is damaged: shape {shape} needs {expected} bytes, it has "
            f"{'more' if len(data) > expected else len(data)}: fetch it again"
        )
    return _bytes(data).reshape(shape)


def read_cifar(path: str | Path, *, labels: int = 1) -> tuple[Tensor, Tensor]:
    """Return the images and classes of one file of CIFAR's binary version.

    Shapes (n images):
        returns: images [n, 3, 32, 32] uint8 (red, green, blue), classes [n] int64

    Units:
        labels: bytes before each image: 1 in CIFAR-10, 2 in CIFAR-100, whose second is the class

    Errors:
        UserError: the file cannot be read, or its length is not that of whole images

    Source:
        A. Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    path, row = Path(path), labels + math.prod(IMAGE)
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem}") from problem
    if not data or len(data) % row:
        raise UserError(f"{path} must hold rows of {row} bytes, it has {len(data)} bytes")
    rows = _bytes(data).reshape(-1, row)
    return rows[:, labels:].reshape(-1, *IMAGE), rows[:, labels - 1].to(torch.int64)


def load_mnist(folder: str | Path) -> Split:
    """Return the data set in the four files of MNIST, Fashion-MNIST or KMNIST.

    Shapes (n examples, H rows, W columns):
        train_x, test_x: [n, H, W], ink from 0 to 1

    Errors:
        UserError: a file is missing or damaged, or images and labels differ in number
    """
    folder = Path(folder)
    found = [read_idx(_one_of(folder, part)) for part in MNIST]
    for part, x, y in (("train", *found[:2]), ("t10k", *found[2:])):
        if x.ndim != 3 or y.ndim != 1 or len(x) != len(y):
            raise UserError(
                f"{folder}: {part} must have images [n, H, W] and n labels, "
                f"got {list(x.shape)} and {list(y.shape)}"
            )
    train_x, train_y, test_x, test_y = found
    return Split(train_x / 255, train_y.long(), test_x / 255, test_y.long())


def load_cifar(folder: str | Path) -> Split:
    """Return CIFAR-10 (data_batch_*.bin, test_batch.bin) or CIFAR-100 (train.bin, test.bin).

    Shapes (n examples):
        train_x, test_x: [n, 3, 32, 32], light from 0 to 1

    Errors:
        UserError: a file is missing or damaged
    """
    folder = Path(folder)
    batches = sorted(folder.glob("data_batch_*.bin"))
    ten = bool(batches)
    train = [read_cifar(p, labels=1 if ten else 2) for p in batches or [folder / "train.bin"]]
    last = folder / ("test_batch.bin" if ten else "test.bin")
    test_x, test_y = read_cifar(last, labels=1 if ten else 2)
    x, y = (torch.cat(parts) for parts in zip(*cast(Sequence, train), strict=True))
    return Split(x / 255, y, test_x / 255, test_y)


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else open(path, "rb")


def _one_of(folder: Path, part: str) -> Path:
    """The file of that part: torchvision writes idx3-ubyte, some copies idx3.ubyte."""
    found = sorted(folder.glob(f"{part}?idx*ubyte*"))
    if not found:
        raise UserError(f"{folder} has no {part}-idx*-ubyte or .gz: put the four files of MNIST in")
    return found[0]


def _bytes(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0).byte()
