"""Transformers of published shapes beside TARS; what needs `transformers` skips where it is not."""

from importlib.util import find_spec

import pytest
import torch

from marslab.errors import UserError
from marslab.lab.decoding import WORD_PIECE, Job, measure, parameters
from marslab.lab.transformer import TransformerLM

NAMES = ("gpt2", "llama-3.2-1b", "qwen3-0.6b")
TINY = {"num_hidden_layers": 2, "vocab_size": 40, "bos_token_id": None, "eos_token_id": None}
installed = pytest.mark.skipif(
    find_spec("transformers") is None,
    reason="transformers is not installed: pip install transformers",
)


@installed
@pytest.mark.parametrize("name", NAMES)
def test_step_by_step_it_says_what_it_says_of_the_whole(name: str) -> None:
    torch.manual_seed(0)
    lm, ids = TransformerLM(name, TINY).eval(), torch.randint(40, (2, 7))
    state = lm.prefill(ids[:, :2])
    sizes = []
    for at in range(2, 7):
        logits, state = lm.step(ids[:, at], state)
        sizes.append(state.bytes / (at + 1))
        torch.testing.assert_close(logits, lm.prefill(ids[:, : at + 1]).logits)
    assert len(set(sizes)) == 1 and sizes[0] > 0  # so many bytes more with every token


@installed
@pytest.mark.parametrize(
    ("name", "published"),
    [("gpt2", 124_439_808), ("llama-3.2-1b", 1_235_814_400), ("qwen3-0.6b", 596_049_920)],
)
def test_it_is_as_large_as_published(name: str, published: int) -> None:
    assert parameters(Job(name, "fp32", 1, {})) == published


@installed
def test_its_row_counts_bytes_of_text() -> None:
    found = measure("gpt2", "fp32", bytes=10, overrides=TINY, timeout=300)
    assert found.name == "gpt2" and found.bytes == 10
    assert found.bytes_s == WORD_PIECE * found.tokens_s > 0
    tokens = 16 + 4 + 3  # the prompt, the warm-up, and ten bytes in pieces of four
    assert found.state_bytes == tokens * 2 * 2 * 768 * 4


@pytest.mark.parametrize("precision", ["int8", "ternary"])
def test_packed_weights_are_refused(precision: str) -> None:
    with pytest.raises(UserError, match=f"gpt2 is measured in fp32 or bf16, got {precision}"):
        measure("gpt2", precision)


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(UserError, match="gpt2 needs the package transformers .*: pip install"):
        measure("gpt2", "fp32")
