"""scikit-learn's small tables of measured features, standardized, with a fixed part held out."""

from typing import Literal, get_args

import torch

from marslab.errors import unknown
from marslab.tasks.digits import Split

Table = Literal["digits", "wine", "cancer"]
TABLES: tuple[Table, ...] = get_args(Table)


def load_table(name: Table, seed: int = 0) -> Split:
    """Return a table: every fifth example (rounded up) is held out, the same for every model.

    digits: 1,797 images of 64 pixels, 10 classes; wine: 178 wines of 13 measurements, 3 classes;
    cancer: 569 tumours of 30 measurements, 2 classes. Each feature has mean 0 and variance 1 in the
    part to train on; one that is constant there is 0.

    Shapes (n examples, F features):
        train_x, test_x: float32 [n, F]
        train_y, test_y: int64 [n]

    Errors:
        ValueError: there is no such table

    Source:
        Alpaydin & Kaynak 1998; Aeberhard & Forina 1991; Wolberg et al. 1995: UCI repository
        (CC BY 4.0), the copies in scikit-learn.

    >>> split = load_table("wine")
    >>> split.train_x.shape, split.test_x.shape
    (torch.Size([142, 13]), torch.Size([36, 13]))
    """
    from sklearn import datasets

    loaders = {
        "digits": datasets.load_digits,
        "wine": datasets.load_wine,
        "cancer": datasets.load_breast_cancer,
    }
    if name not in loaders:
        raise ValueError(unknown("table", name, loaders))
    rows, labels = loaders[name](return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    x, y = torch.tensor(rows, dtype=torch.float64)[order], torch.tensor(labels)[order].long()
    held_out = -(-len(y) // 5)
    deviation = x[held_out:].std(0, correction=0)
    x = (x - x[held_out:].mean(0)) / torch.where(deviation > 0, deviation, 1.0)
    x = torch.where(deviation > 0, x, 0.0).float()
    return Split(x[held_out:], y[held_out:], x[:held_out], y[:held_out])
