"""Files of MNIST and CIFAR, tiny ones that are written here."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marslab.errors import UserError
from marslab.tasks.continual import split_by_class
from marslab.tasks.image_files import load_cifar, load_mnist, read_cifar, read_idx

DRAW = np.random.default_rng(0)


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def images(n: int, *shape: int) -> np.ndarray:
    return DRAW.integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(3, 5, 4), (7,), (0, 2, 2), (2, 1, 1, 3)])
def test_an_idx_file_is_read_as_written(tmp_path: Path, shape: tuple, packed: bool) -> None:
    array = images(*shape)
    data = gzip.compress(idx(array)) if packed else idx(array)
    (tmp_path / "x").write_bytes(data)
    assert torch.equal(read_idx(tmp_path / "x"), torch.from_numpy(array))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "must be an idx file of bytes"),
        (b"\x80\x04\x95\x00", "must be an idx file of bytes"),  # a pickle
        (b"\0\0\x0d\x01\0\0\0\0", "must be an idx file of bytes"),  # of floats
        (idx(images(3, 2))[:-1], "needs 6 bytes, it has 5"),
        (idx(images(3, 2)) + b"\0", "needs 6 bytes, it has more"),
        (b"\0\0\x08\x02\0\0", "is damaged: its header"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "is damaged: its header"),
        (gzip.compress(idx(images(3, 2)), mtime=0)[:-9], "cannot be read"),
        (b"\x1f\x8b\0\0", "cannot be read"),
        (b"\x1f\x8b\x08" + bytes(12), "cannot be read"),  # gzip, then no valid block
    ],
)
def test_a_damaged_idx_file_gets_a_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(UserError, match=says):
        read_idx(tmp_path / "x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60), magic=st.sampled_from([b"", b"\x1f\x8b\x08", b"\0\0\x08"]))
def test_no_file_crashes_the_readers(tmp_path: Path, data: bytes, magic: bytes) -> None:
    (tmp_path / "x").write_bytes(magic + data)
    for read in (read_idx, read_cifar):
        try:
            read(tmp_path / "x")
        except UserError:
            continue


def write_mnist(folder: Path, n: int = 12) -> np.ndarray:
    x = images(n, 4, 4)
    for part, ending in (("train", ".gz"), ("t10k", "")):
        for kind, array in (("images-idx3", x), ("labels-idx1", np.arange(n) % 4)):
            data = idx(array)
            file = folder / f"{part}-{kind}-ubyte{ending}"
            file.write_bytes(gzip.compress(data) if ending else data)
    return x


def test_the_four_files_of_mnist_make_a_split(tmp_path: Path) -> None:
    x = write_mnist(tmp_path)
    split = load_mnist(tmp_path)
    torch.testing.assert_close(split.train_x, torch.from_numpy(x) / 255)
    assert split.test_y.tolist() == [0, 1, 2, 3] * 3
    tasks = split_by_class(split, [(0, 1), (2, 3)]).tasks
    assert [len(task.split.train_y) for task in tasks] == [6, 6]


def test_a_missing_file_of_mnist_is_named(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))
    with pytest.raises(UserError, match=r"t10k must have images \[n, H, W\] and n labels"):
        load_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError, match="has no t10k-labels"):
        load_mnist(tmp_path)


def rows(labels: list[list[int]], pixels: np.ndarray) -> bytes:
    return b"".join(bytes(y) + x.tobytes() for y, x in zip(labels, pixels, strict=True))


def test_cifar_10_is_read_in_the_order_of_its_batches(tmp_path: Path) -> None:
    x = images(4, 3, 32, 32)
    (tmp_path / "data_batch_1.bin").write_bytes(rows([[3], [5]], x[:2]))
    (tmp_path / "data_batch_2.bin").write_bytes(rows([[0]], x[2:3]))
    (tmp_path / "test_batch.bin").write_bytes(rows([[9]], x[3:]))
    split = load_cifar(tmp_path)
    torch.testing.assert_close(split.train_x, torch.from_numpy(x[:3]) / 255)
    assert split.train_y.tolist() == [3, 5, 0] and split.test_y.tolist() == [9]


def test_cifar_100_gives_the_fine_class(tmp_path: Path) -> None:
    x = images(2, 3, 32, 32)
    (tmp_path / "train.bin").write_bytes(rows([[1, 70], [2, 99]], x))
    (tmp_path / "test.bin").write_bytes(rows([[4, 44]], x[:1]))
    split = load_cifar(tmp_path)
    assert split.train_y.tolist() == [70, 99] and split.test_y.tolist() == [44]
    with pytest.raises(UserError, match="must hold rows of 3073 bytes, it has 6148"):
        read_cifar(tmp_path / "train.bin")


def test_no_cifar_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train.bin cannot be read"):
        load_cifar(tmp_path)
