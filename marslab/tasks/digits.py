"""scikit-learn's handwritten digits as short sequences: 8 rows of 8 pixels."""

from typing import NamedTuple

import torch
from torch import Tensor


class Split(NamedTuple):
    """Data to train on and data held out.

    Shapes (n examples):
        train_x, test_x: [n, ...]
        train_y, test_y: [n]
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


def load_digits_sequences(seed: int = 0) -> Split:
    """Return the 1,797 digits as sequences, every fifth (360) held out.

    Shapes (n examples):
        train_x [1437, 8, 8], test_x [360, 8, 8]: float32 ink from 0 to 1; step t is row t
        train_y [1437], test_y [360]: int64, the digit

    Source:
        E. Alpaydin & C. Kaynak 1998, Optical recognition of handwritten digits, UCI repository
        (CC BY 4.0), the copy in scikit-learn.

    >>> split = load_digits_sequences()
    >>> split.train_x.shape, split.test_y.shape
    (torch.Size([1437, 8, 8]), torch.Size([360]))
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    x = torch.tensor(images, dtype=torch.float32).reshape(-1, 8, 8)[order] / 16
    y = torch.tensor(labels, dtype=torch.int64)[order]
    held_out = len(y) // 5 + 1
    return Split(x[held_out:], y[held_out:], x[:held_out], y[:held_out])
