"""Hyperdimensional classifiers side by side: random or learned encoders, by width and precision."""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from marslab.learning.fit import accuracy, fit
from marslab.learning.hdc_plan import OURS, TORCHHD, Data, HdcTraining, Method
from marslab.memory.embedding import HashedNgramEmbedder
from marslab.memory.hdc import NgramEncoder, ProjectionEncoder, Prototypes, RecordEncoder
from marslab.memory.hdc.quantization import FULL, WIDTHS
from marslab.tasks.digits import Split
from marslab.tasks.language_names import load_language_names
from marslab.tasks.tables import load_table

if TYPE_CHECKING:
    import pandas as pd

ROWS = 256  # examples encoded at once
# Root mean square of a class hypervector when training starts: 10 times the step that the encoder
# can bear. Found, as the rate, on a fifth of the examples to train on.
SIZE = 0.1


class HdcScore(NamedTuple):
    """What a classifier reached.

    Units:
        held_out, train: share that is right, 0..1
        seconds: learning and encoding, loading the data apart
        class_bytes: what the class hypervectors take, packed to their bits
    """

    held_out: float
    train: float
    seconds: float
    class_bytes: int


def train_hdc(training: HdcTraining, seed: int = 0) -> HdcScore:
    """Train one classifier; `seed` draws encoder and order, the held-out part is always the same.

    >>> train_hdc(HdcTraining("wine", "centroid", dim=512)).held_out > 0.8
    True
    """
    split = _features(training.data) if training.encoder != "ngram" else None
    began = time.perf_counter()
    if training.method in TORCHHD:
        assert split is not None
        model = _torchhd(training, split, seed)
    elif training.method == "trainable":
        assert split is not None
        model = _trainable(training, split, seed)
    else:
        split = _encoded(training, split, seed)
        model = _prototypes(training, split, seed)
    held_out = _accuracy(model, split.test_x, split.test_y)
    train = _accuracy(model, split.train_x, split.train_y)
    size = int(split.train_y.max() + 1) * -(-training.dim * training.bits // 8)
    return HdcScore(held_out, train, time.perf_counter() - began, size)


def hdc_table(
    data: Data = "digits",
    *,
    dims: Sequence[int] = (256, 1024, 4096, 10_000),
    bits: Sequence[int] = WIDTHS,
    methods: Sequence[Method] = OURS + TORCHHD,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    training: HdcTraining | None = None,
    on_row: Callable[[dict], None] | None = None,
) -> "pd.DataFrame":
    """Train every method at every width, precision and seed; one row each, all on the same split.

    torchhd's methods know 32 bits only and appear there. `training` gives epochs, lr and batch.

    >>> hdc_table("wine", dims=[64], bits=[1], methods=["centroid"], seeds=[0])["bits"].tolist()
    [1]
    """
    import pandas as pd

    rows: list[dict] = []
    for dim in dims:
        for width in bits:
            for method in methods:
                if method in TORCHHD and width != FULL:
                    continue
                plan = replace(
                    training or HdcTraining(), data=data, method=method, dim=dim, bits=width
                )
                for seed in seeds:
                    score = train_hdc(plan, seed)
                    about = {"data": data, "method": method, "dim": dim, "bits": width}
                    rows.append(about | {"seed": seed} | score._asdict())
                    if on_row is not None:
                        on_row(rows[-1])
    return pd.DataFrame(rows)


@lru_cache(maxsize=4)
def _features(data: Data) -> Split:
    """Examples as standardized numbers; of names, 384 hashed n-grams."""
    if data != "languages":
        return load_table(data)
    names = load_language_names()
    embed = HashedNgramEmbedder()
    train, test = (torch.from_numpy(embed(part)) for part in (names.train, names.test))
    mean, deviation = train.mean(0), train.std(0).clamp(min=1e-6)
    return Split(
        (train - mean) / deviation,
        torch.tensor(names.train_y),
        (test - mean) / deviation,
        torch.tensor(names.test_y),
    )


@torch.no_grad()
def _encoded(training: HdcTraining, split: Split | None, seed: int) -> Split:
    """The split as hypervectors of an encoder that does not learn."""
    if split is None:
        names = load_language_names()
        encode = NgramEncoder(training.dim, bits=training.bits, seed=seed)
        labels = torch.tensor(names.train_y), torch.tensor(names.test_y)
        return Split(encode(names.train), labels[0], encode(names.test), labels[1])
    F, D = split.train_x.shape[1], training.dim
    if training.encoder == "record":
        encoder = RecordEncoder(F, D, bits=training.bits, seed=seed)
    else:
        encoder = ProjectionEncoder(F, D, bits=training.bits, seed=seed)
    train, test = (encoder(x) for x in (split.train_x, split.test_x))
    return Split(train, split.train_y, test, split.test_y)


def _started(training: HdcTraining, h: Tensor, y: Tensor) -> Prototypes:
    """Class hypervectors that add up the examples."""
    model = Prototypes(int(y.max() + 1), training.dim, bits=training.bits)
    for rows in torch.arange(len(y)).split(ROWS):
        model.add(h[rows], y[rows])
    return model


def _prototypes(training: HdcTraining, split: Split, seed: int) -> nn.Module:
    model = _started(training, split.train_x, split.train_y)
    if training.method == "online":
        model.retrain(
            split.train_x, split.train_y, epochs=training.epochs, batch=training.batch, seed=seed
        )
    elif training.method == "prototypes":
        _fit(model, model, training, split, seed)
    return model


def _trainable(training: HdcTraining, split: Split, seed: int) -> nn.Module:
    encoder = ProjectionEncoder(
        split.train_x.shape[1], training.dim, trainable=True, bits=training.bits, seed=seed
    )
    with torch.no_grad():
        classes = _started(training, encoder(split.train_x), split.train_y)
    model = nn.Sequential(encoder, classes)
    _fit(model, classes, training, split, seed)
    return model


def _fit(
    model: nn.Module, classes: Prototypes, training: HdcTraining, split: Split, seed: int
) -> None:
    with torch.no_grad():  # cosines do not see the length; Adam's steps are as large for any
        classes.weight *= SIZE / classes.weight.square().mean(-1, keepdim=True).sqrt()
    fit(model, split, epochs=training.epochs, lr=training.lr, batch=training.batch, seed=seed)


def _torchhd(training: HdcTraining, split: Split, seed: int) -> nn.Module:
    """torchhd's encoder and classifier, its own rate of 0.035."""
    import torchhd

    x, y = split.train_x, split.train_y
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = torchhd.embeddings.Sinusoid(x.shape[1], training.dim)
    # its weights have variance 1: features of variance 1 would turn too fast
    encoder.weight.data /= x.shape[1] ** 0.5
    classes = torchhd.models.Centroid(training.dim, int(y.max() + 1))
    with torch.no_grad(), warnings.catch_warnings():
        # online learning starts from zeros, and torchhd warns of them
        warnings.filterwarnings("ignore", "The norm of a vector is nearly zero", UserWarning)
        h = encoder(x).as_subclass(Tensor)
        if training.method == "torchhd-centroid":
            classes.add(h, y)
        else:
            order = torch.Generator().manual_seed(seed)
            for _ in range(training.epochs):
                for rows in torch.randperm(len(y), generator=order).split(training.batch):
                    classes.add_online(h[rows], y[rows], lr=0.035)
    return nn.Sequential(encoder, classes)


def _accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    parts = zip(x.split(ROWS), y.split(ROWS), strict=True)
    return sum(accuracy(model, a, b) * len(b) for a, b in parts) / len(y)
