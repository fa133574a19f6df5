"""A memory layer against its definition, slot by slot."""

import pytest
import torch

from marslab.layers.slot_memory import SlotMemory


def by_loops(memory: SlotMemory, x: torch.Tensor) -> torch.Tensor:
    rows = []
    for each in x:
        query = memory.query.weight @ each
        score = torch.stack([query @ key for key in memory.keys])
        best = sorted(range(len(score)), key=lambda i: -score[i].item())[: memory.k]
        weight = score[best].exp() / score[best].exp().sum()
        rows.append(sum(w * memory.values[i] for w, i in zip(weight, best, strict=True)))
    return torch.stack(rows)


def test_it_is_a_softmax_over_the_nearest_slots() -> None:
    torch.manual_seed(0)
    memory, x = SlotMemory(6, slots=20, k=3).double(), torch.randn(5, 6, dtype=torch.float64)
    torch.testing.assert_close(memory(x), by_loops(memory, x))


def test_only_slots_that_are_read_get_a_gradient() -> None:
    torch.manual_seed(0)
    memory, x = SlotMemory(6, slots=50, k=2), torch.randn(4, 6)
    memory(x).square().sum().backward()
    read = memory.slots(x).unique().tolist()
    for grad in (memory.values.grad, memory.keys.grad):
        assert grad is not None and grad.any(1).nonzero().flatten().tolist() == read
    assert memory.query.weight.grad is not None and memory.query.weight.grad.any()


def test_any_leading_shape_will_do() -> None:
    memory, x = SlotMemory(4, slots=9, k=9), torch.randn(2, 3, 4)
    assert memory(x).shape == (2, 3, 4) and memory.slots(x).shape == (2, 3, 9)
    torch.testing.assert_close(memory(x)[1, 2], memory(x[1, 2]))


@pytest.mark.parametrize("k", [0, 10])
def test_k_is_a_number_of_slots(k: int) -> None:
    with pytest.raises(ValueError, match=r"k must be in 1..9 \(the slots\)"):
        SlotMemory(4, slots=9, k=k)
