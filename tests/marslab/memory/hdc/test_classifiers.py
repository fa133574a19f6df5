"""Encoders and classifiers: against torchhd's, and what of them learns."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchhd
from torch import Tensor

from marslab import trace
from marslab.memory.hdc import NgramEncoder, ProjectionEncoder, Prototypes, RecordEncoder


def test_near_inputs_have_near_projections() -> None:
    """cos(W x + angle): the cosine of two hypervectors is exp(-d^2 / 2 F) in the mean."""
    x, y = torch.randn(2, 20, 16)
    encode = ProjectionEncoder(16, 40_000)
    found = F.cosine_similarity(encode(x), encode(y))
    torch.testing.assert_close(found, (-(x - y).square().sum(-1) / 32).exp(), atol=0.03, rtol=0)


def test_a_trainable_encoder_learns_through_one_bit() -> None:
    """M14: weights and angles get a gradient; of a random encoder nothing does."""
    for trainable in (True, False):
        encode = ProjectionEncoder(4, 64, trainable=trainable, bits=1)
        h, target = encode(torch.randn(8, 4)), torch.randn(8, 64)
        assert len(h[0].unique()) == 2 and h.requires_grad is trainable
        if trainable:
            (h * target).sum().backward()
            assert all(p.grad is not None and p.grad.any() for p in encode.parameters())


def test_records_are_the_hash_tables_of_torchhd() -> None:
    encode = RecordEncoder(5, 256, levels=7, low=0.0, high=1.0)
    x = torch.tensor([[0.0, 0.2, 0.49, 1.0, 7.0], [-1.0, 1.0, 0.1, 0.9, 0.5]])
    place = torch.tensor([[0, 1, 3, 6, 6], [0, 6, 1, 5, 3]])
    tensor: Any = torchhd.ensure_vsa_tensor
    theirs = torchhd.hash_table(tensor(encode.keys), tensor(encode.levels[place]))
    torch.testing.assert_close(encode(x), theirs.as_subclass(Tensor))
    near = F.cosine_similarity(encode.levels[:1], encode.levels)
    assert bool((near.diff() < 0).all()) and near[0] == 1
    assert encode(torch.randn(2, 3, 5)).shape == (2, 3, 256)
    assert encode(torch.randn(0, 5)).shape == (0, 256)


def test_ngrams_are_those_of_torchhd() -> None:
    encode = NgramEncoder(128)
    characters = torch.stack([encode._character(c) for c in " tiếng "])
    drawn: Any = torchhd.ensure_vsa_tensor(characters)
    torch.testing.assert_close(encode(["tiếng"])[0], torchhd.ngrams(drawn, 3).as_subclass(Tensor))
    assert torch.equal(NgramEncoder(128)(["tiếng"]), encode(["tiếng"]))
    assert not torch.equal(NgramEncoder(128, seed=1)(["tiếng"]), encode(["tiếng"]))
    assert encode(["abc"])[0] @ encode(["cba"])[0] < 0.5 * 128
    assert encode([]).shape == (0, 128) and encode(["a"]).shape == (1, 128)


def clusters(spread: float = 2.5) -> tuple[Tensor, Tensor]:
    y = torch.arange(60) % 4
    return torch.randn(4, 96)[y] + spread * torch.randn(60, 96), y


def test_centroids_and_corrections_are_those_of_torchhd() -> None:
    h, y = clusters()
    ours, theirs = Prototypes(4, 96), torchhd.models.Centroid(96, 4)
    ours.add(h, y)
    theirs.add(h, y)
    torch.testing.assert_close(ours.weight.data, theirs.weight.data)
    torch.testing.assert_close(ours(h) / 16, theirs(h).as_subclass(Tensor), atol=1e-5, rtol=0)
    y = y.roll(1)  # so that there is something to correct
    for seed in range(3):
        mistakes = ours.retrain(h, y, epochs=1, lr=0.3, batch=60, seed=seed)
        assert mistakes == [int((theirs(h).argmax(-1) != y).sum())] and mistakes[0] > 10
        theirs.add_online(h, y, lr=0.3)
        torch.testing.assert_close(ours.weight.data, theirs.weight.data)


def test_corrections_help_and_are_told() -> None:
    h, y = clusters(5.0)
    classes = Prototypes(4, 96)
    with trace() as seen:
        mistakes = classes.retrain(h, y, epochs=20)
    assert mistakes[0] > 10 and mistakes[-1] == 0
    assert seen.frame("hdc_retrain")["mistakes"][0].tolist() == mistakes


@pytest.mark.parametrize("bits", [1, 8, 32])
def test_class_hypervectors_learn_by_gradient(bits: int) -> None:
    h, y = clusters(5.0)
    classes = Prototypes(4, 96, bits=bits)
    classes.add(h, y)
    before = F.cross_entropy(classes(h), y)
    before.backward()
    assert all(p.grad is not None and p.grad.any() for p in classes.parameters())
    optimizer = torch.optim.Adam(classes.parameters(), lr=1.0)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(classes(h), y).backward()
        optimizer.step()
    assert F.cross_entropy(classes(h), y) < 0.3 * before


def test_what_is_refused() -> None:
    for make in (ProjectionEncoder, RecordEncoder, Prototypes):
        with pytest.raises(ValueError, match="positive"):
            make(0, 8)
        with pytest.raises(ValueError, match="bits must be one of"):
            make(2, 8, bits=5)
    with pytest.raises(ValueError, match="positive"):
        NgramEncoder(0)
    with pytest.raises(ValueError, match="text 1 of 2 is empty"):
        NgramEncoder(8)(["a", ""])
    with pytest.raises(ValueError, match="low < high"):
        RecordEncoder(2, 8, low=1.0, high=1.0)
