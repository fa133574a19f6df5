"""The Transformer beside TARS: what a step gives, what it carries, and its row of the table."""

import pytest
import torch

from marslab.errors import UserError
from marslab.lab.decoding import PRECISIONS, WORD_PIECE, Job, measure, parameters
from marslab.lab.transformer import SHAPES, Shape, TransformerLM

TINY = Shape(layers=2, d_model=16, heads=2, vocabulary=40)
OVERRIDES = {"layers": 1, "d_model": 32, "heads": 2, "vocabulary": 64}


def tiny() -> TransformerLM:
    torch.manual_seed(0)
    return TransformerLM(TINY).eval()


def test_step_by_step_it_says_what_it_says_of_the_whole() -> None:
    lm, ids = tiny(), torch.randint(TINY.vocabulary, (3, 9))
    state = lm.prefill(ids[:, :2])
    for at in range(2, 9):
        logits, state = lm.step(ids[:, at], state)
        torch.testing.assert_close(logits, lm.prefill(ids[:, : at + 1]).logits)


def test_what_it_carries_grows_with_every_token() -> None:
    lm = tiny()
    state = lm.prefill(torch.tensor([[1, 2, 3]]))
    sizes = [state.bytes]
    for token in range(5):
        _, state = lm.step(torch.tensor([token]), state)
        sizes.append(state.bytes)
    assert sizes == [steps * TINY.layers * 2 * TINY.d_model * 4 for steps in range(3, 9)]


@pytest.mark.parametrize(
    ("name", "published"), [("gpt2", 124_439_808), ("gpt2-large", 774_030_080)]
)
def test_it_is_as_large_as_published(name: str, published: int) -> None:
    assert parameters(Job(name, "fp32", 1, {})) == pytest.approx(published, rel=0.01)
    assert SHAPES[name].d_model == 64 * SHAPES[name].heads


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_writes(precision: str) -> None:
    lm = PRECISIONS[precision](tiny())
    assert isinstance(lm, TransformerLM)
    state = lm.prefill(torch.tensor([[1, 2, 3]]))
    logits, state = lm.step(torch.tensor([4]), state)
    exact = tiny().prefill(torch.tensor([[1, 2, 3, 4]])).logits
    near = torch.cosine_similarity(logits.float(), exact, dim=-1).item()
    assert logits.shape == exact.shape and near > (0.5 if "ternary" in precision else 0.99)


def test_its_row_counts_bytes_of_text() -> None:
    found = measure("gpt2", "fp32", bytes=10, overrides=OVERRIDES, timeout=300)
    assert found.name == "gpt2" and found.bytes == 10
    assert found.bytes_s == WORD_PIECE * found.tokens_s > 0
    tokens = 16 + 4 + 3  # the prompt, the warm-up, and ten bytes in pieces of four
    assert found.state_bytes == tokens * 2 * 32 * 4
    assert found.weights_mb == pytest.approx(4e-6 * found.parameters)


def test_unknown_sizes_are_told() -> None:
    with pytest.raises(UserError, match="there is no size 'layer'. Did you mean 'layers'"):
        measure("gpt2", "fp32", overrides={"layer": 1})
