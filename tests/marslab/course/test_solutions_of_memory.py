"""The reference solutions of notebooks 22 and 23 against the library."""

import math
import unicodedata

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from marslab.lab.course.content import hub, titans
from marslab.memory import HashedNgramEmbedder, Memo, MemoryHub, Titans, TitansConfig, calibrate
from marslab.memory.embedding import TOKEN


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, dtype=torch.float64, generator=random), dim=-1)


def test_a_step_is_gradient_descent_with_momentum() -> None:
    (k, v), rate, momentum, forget = unit(2, 5), 0.1, 0.6, 0.02
    M, S = torch.randn(2, 5, 5, dtype=torch.float64)
    leaf = M.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((leaf @ k - v).square().sum(), leaf)
    expected = momentum * S - rate * gradient
    found = titans.my_titans_step(M, S, (k, v), rate, momentum, forget)
    torch.testing.assert_close(found[1], expected)
    torch.testing.assert_close(found[0], (1 - forget) * M + expected)


def test_the_step_is_how_titans_steps_its_matrices() -> None:
    config = TitansConfig(rate=0.1, momentum=0.6, forget=0.02)
    library = Titans(5, 5, config).double()
    M, S = torch.randn(2, 5, 5, dtype=torch.float64)
    k, v = unit(2, 5)
    expected = library._stepped(M, S, 2 * torch.outer(M @ k - v, k))
    found = titans.my_titans_step(M, S, (k, v), config.rate, config.momentum, config.forget)
    torch.testing.assert_close(found, expected)


def test_no_output_of_a_layer_norm_is_nearer() -> None:
    x = unit(2000, 16)
    y = F.layer_norm(unit(2000, 16, seed=1), (16,), eps=0.0)
    assert (y - x).square().mean(-1).min() >= titans.my_least_loss(16)
    along = x * math.sqrt(16)
    assert (along - x).square().mean(-1).min() == pytest.approx(titans.my_least_loss(16))


def test_the_share_is_the_accuracy_of_calibrate() -> None:
    library, x = Titans(16, 24), unit(40, 16).float()
    found = calibrate(library, x[:20], x[20:])
    state = library.fresh()
    for item in x[:20]:
        state, _ = library.write(item, state)
    sets = library.surprise(x[:20], state).detach(), library.surprise(x[20:], state).detach()
    assert titans.my_right_share(*sets, found.threshold) == pytest.approx(found.accuracy)


def test_grams_are_those_of_the_embedder() -> None:
    text = "The naïve cat, banana 37+48"
    words = TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
    apart = HashedNgramEmbedder(1 << 16)
    counts: dict[str, int] = {}
    for word in words:
        for gram, count in hub.my_grams(word, 4).items():
            counts[gram] = counts.get(gram, 0) + count
    # With so many places no two pieces meet: the squares are those of the weights.
    expected = sorted(len(gram) * (1 + math.log(count)) for gram, count in counts.items())
    found = np.sort(np.abs(apart([text])[0]))[-len(expected) :]
    assert np.allclose(found, np.array(expected) / np.linalg.norm(expected), atol=1e-6)


def test_a_lookup_is_a_memo_that_asks_for_the_cosine_alone() -> None:
    keys = unit(6, 3)
    memo = Memo(6, 3, threshold=0.8, strict=False)
    for i, key in enumerate(keys):
        memo.put(key.numpy(), str(i), "answer")
    for vector in unit(50, 3, seed=1):
        row, hit = hub.my_lookup(keys, vector, 0.8), memo.get(vector.numpy(), "?")
        assert (hit is None) == (row == -1) and (hit is None or hit.question == str(row))


def test_the_memory_vector_is_the_hubs() -> None:
    texts = ["the sea is deep", "the moon is far", "x^2 = 4"]
    with MemoryHub() as door:
        for text in texts:
            door.remember(text)
        asked, *rows = torch.tensor(door.store.embedded(["how deep is the sea?", *texts]))
        vector = door.memory_vector("how deep is the sea?")
    assert vector is not None
    found = hub.my_memory_vector(torch.stack(rows), asked)
    torch.testing.assert_close(found, vector, rtol=1e-4, atol=1e-5)
