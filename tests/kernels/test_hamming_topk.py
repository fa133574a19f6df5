"""hamming_topk and its bit packing: against counting in plain Python, ties, ragged rows."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels import hamming_topk, pack_bits, unpack_bits
from marslab.kernels.hamming_topk import torch_ops
from marslab.kernels.hamming_topk.work import cost, draw
from marslab.tracing import trace

ALL = ["naive", "torch", "numba"]
FAST = ALL[1:]
BYTES = torch.zeros(3, 4, dtype=torch.uint8)


def by_hand(query: Tensor, codebook: Tensor, k: int) -> list[list[tuple[int, int]]]:
    """(distance, index) of the k nearest, with Python's own whole numbers and sort."""

    def number(row: Tensor) -> int:
        return int.from_bytes(row.numpy().tobytes(), "big")

    codes = [number(code) for code in codebook]
    return [
        sorted(((number(one) ^ code).bit_count(), n) for n, code in enumerate(codes))[:k]
        for one in query
    ]


def pairs(query: Tensor, codebook: Tensor, k: int, backend: str) -> list[list[tuple[int, int]]]:
    distance, index = hamming_topk(query, codebook, k, backend=backend)
    assert distance.dtype == torch.int32 and index.dtype == torch.int64
    assert distance.shape == index.shape == (query.shape[0], k)
    rows = zip(distance.tolist(), index.tolist(), strict=True)
    return [list(zip(*row, strict=True)) for row in rows]


@pytest.mark.parametrize("backend", ALL)
def test_three_codes_by_hand(backend: str) -> None:
    codebook = torch.tensor([[0b11110000], [0b00000001], [0b11111111]], dtype=torch.uint8)
    query = torch.tensor([[0b11110001], [0b00000000]], dtype=torch.uint8)
    expected = [[(1, 0), (3, 2), (4, 1)], [(1, 1), (4, 0), (8, 2)]]
    assert pairs(query, codebook, 3, backend) == expected


SIZES = [(1, 1, 1, 1), (3, 20, 64, 5), (9, 257, 65, 257), (17, 300, 1000, 3), (2, 5, 0, 4)]
EMPTY = [(0, 5, 20, 2), (3, 5, 20, 0), (0, 0, 8, 0)]


@pytest.mark.parametrize("sizes", SIZES + EMPTY, ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_it_is_what_counting_in_python_gives(backend: str, sizes: tuple[int, ...]) -> None:
    operands = draw(sizes)  # pyright: ignore[reportArgumentType]
    assert pairs(*operands, backend) == by_hand(*operands)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data())
def test_any_rows_of_any_length(data: st.DataObject) -> None:
    width, N, Q = (data.draw(st.integers(0, most)) for most in (19, 12, 10))
    k = data.draw(st.integers(0, N))
    some = st.binary(min_size=width, max_size=width)  # few values: many ties
    few = data.draw(st.lists(some, min_size=1, max_size=3))

    def rows(count: int) -> Tensor:
        chosen = [data.draw(st.sampled_from(few)) for _ in range(count)]
        return torch.tensor([list(row) for row in chosen], dtype=torch.uint8).view(count, width)

    query, codebook = rows(Q), rows(N)
    for backend in ALL:
        assert pairs(query, codebook, k, backend) == by_hand(query, codebook, k)


@pytest.mark.parametrize("backend", ALL)
def test_ties_go_to_the_smaller_index(backend: str) -> None:
    codebook = torch.tensor([[1], [2], [0], [4]] * 100, dtype=torch.uint8)
    distance, index = hamming_topk(torch.zeros_like(codebook[:1]), codebook, 250, backend=backend)
    zeros = list(range(2, 400, 4))
    ones = [n for n in range(400) if n % 4 != 2][:150]
    assert index.tolist() == [zeros + ones]
    assert distance.tolist() == [[0] * 100 + [1] * 150]


@pytest.mark.parametrize("backend", ALL)
def test_all_bits_may_differ(backend: str) -> None:
    codebook = torch.full((2, 13), 255, dtype=torch.uint8)
    query = torch.zeros(1, 13, dtype=torch.uint8)
    assert pairs(query, codebook, 2, backend) == [[(104, 0), (104, 1)]]


@pytest.mark.parametrize("backend", ALL)
def test_a_damaged_word_is_cleaned_up(backend: str) -> None:
    codes = torch.rand(200, 1003) < 0.5
    damaged = codes[42] ^ (torch.rand(1003) < 0.3)
    found = hamming_topk(pack_bits(damaged[None]), pack_bits(codes), 1, backend=backend)
    assert found.index.item() == 42
    assert found.distance.item() == (damaged ^ codes[42]).sum().item()


@pytest.mark.parametrize("backend", ALL)
def test_the_nearest_bits_have_the_largest_cosine(backend: str) -> None:
    bipolar = torch.where(torch.rand(60, 301) < 0.5, -1.0, 1.0)
    bits = pack_bits(bipolar > 0)
    found = hamming_topk(bits[:4], bits, 60, backend=backend)
    cosine = torch.cosine_similarity(bipolar[:4, None], bipolar, dim=-1).gather(1, found.index)
    torch.testing.assert_close(cosine, 1 - 2 * found.distance / 301)


@pytest.mark.parametrize("backend", ALL)
def test_strides_and_places_in_memory_do_not_matter(backend: str) -> None:
    query, codebook, k = draw((5, 40, 128, 7))
    expected = hamming_topk(query, codebook, k, backend=backend)
    turned = hamming_topk(query.mT.contiguous().mT, codebook.flip(1).flip(1), k, backend=backend)
    memory = torch.zeros(codebook.numel() + 3, dtype=torch.uint8)
    odd = memory[3:].view_as(codebook).copy_(codebook)  # words that start at no multiple of 8
    for got in (turned, hamming_topk(query, odd, k, backend=backend)):
        assert all(torch.equal(x, y) for x, y in zip(got, expected, strict=True))


@pytest.mark.parametrize("backend", FAST)
def test_many_tiles_give_what_one_gives(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from marslab.kernels.hamming_topk import cpu

    operands = draw((21, 600, 100, 9))
    monkeypatch.setattr(torch_ops, "UNPACKED", 5000)
    monkeypatch.setattr(cpu, "MOST_CELLS", 1)
    assert pairs(*operands, backend) == by_hand(*operands)


def test_every_cpu_backend_is_chosen_and_told() -> None:
    with trace() as t:
        hamming_topk(BYTES, BYTES, 1)
    assert t.names() == ["kernel"] and t.events[0].fields["backend"] == "numba"


@pytest.mark.parametrize("backend", FAST)
def test_it_compiles_whole(backend: str) -> None:
    def nearest(query: Tensor, codebook: Tensor) -> tuple[Tensor, Tensor]:
        found = hamming_topk(query, codebook, 3, backend=backend)
        return found.distance, found.index

    query, codebook, _ = draw((2, 9, 20, 3))
    compiled = torch.compile(nearest, backend="aot_eager", fullgraph=True)
    for got, want in zip(compiled(query, codebook), nearest(query, codebook), strict=True):
        assert torch.equal(got, want)


def test_opcheck() -> None:
    from marslab.kernels.hamming_topk.cpu import forward

    torch.library.opcheck(forward, tuple(draw((3, 9, 20, 4))))


# Packing.


@pytest.mark.parametrize("shape", [(9,), (0,), (2, 3, 16), (4, 1), (0, 5)], ids=str)
def test_bits_are_packed_as_numpy_does(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape) < 0.5
    packed = pack_bits(x)
    assert packed.dtype == torch.uint8
    assert np.array_equal(packed.numpy(), np.packbits(x.numpy(), axis=-1))
    assert torch.equal(unpack_bits(packed, shape[-1]), x)


TYPES: dict[str, tuple[Any, str]] = {
    "numbers": (
        lambda: pack_bits(torch.ones(3)),
        "pack_bits: x must be bool (of a bipolar vector x > 0), got float32",
    ),
    "a list": (lambda: pack_bits([True]), "pack_bits: x must be a torch.Tensor, got list"),  # type: ignore
    "unpacked": (lambda: unpack_bits(BYTES > 0, 2), "unpack_bits: packed must be uint8, got bool"),
    "a float query": (
        lambda: hamming_topk(BYTES.float(), BYTES, 1),
        "hamming_topk: query must be uint8 (see pack_bits), got float32",
    ),
    "a signed codebook": (
        lambda: hamming_topk(BYTES, BYTES.to(torch.int8), 1),
        "hamming_topk: codebook must be uint8 (see pack_bits), got int8",
    ),
    "half a code": (
        lambda: hamming_topk(BYTES, BYTES, 0.5),  # type: ignore
        "hamming_topk: k must be an int, got float",
    ),
}
VALUES: dict[str, tuple[Any, str]] = {
    "a bit of no axis": (
        lambda: pack_bits(torch.tensor(True)),
        "pack_bits: x must be [..., D], got []",
    ),
    "more bits than there are": (
        lambda: unpack_bits(BYTES, 33),
        "unpack_bits: packed must be [..., bytes] with at least D = 33 bits and D at least 0,"
        " got [3, 4]",
    ),
    "one query": (
        lambda: hamming_topk(BYTES[0], BYTES, 1),
        "hamming_topk: query must be [Q, bytes], got [4]",
    ),
    "one code": (
        lambda: hamming_topk(BYTES, BYTES[0], 1),
        "hamming_topk: codebook must be [N, bytes], got [4]",
    ),
    "rows of two lengths": (
        lambda: hamming_topk(BYTES[:, :2], BYTES, 1),
        "hamming_topk: query and codebook must have rows of one length, got 2 and 4 bytes",
    ),
    "more than there are": (
        lambda: hamming_topk(BYTES, BYTES, 4),
        "hamming_topk: k must be from 0 to the 3 codes there are, got 4",
    ),
    "less than none": (
        lambda: hamming_topk(BYTES, BYTES, -1),
        "hamming_topk: k must be from 0 to the 3 codes there are, got -1",
    ),
    "two places": (
        lambda: hamming_topk(BYTES.to("meta"), BYTES, 1),
        "hamming_topk: all tensors must be on one device, got query on meta, codebook on cpu",
    ),
    "no such backend": (
        lambda: hamming_topk(BYTES, BYTES, 1, backend="triton"),
        "hamming_topk: backend 'triton' cannot run: for this input the op has"
        " ['naive', 'torch', 'numba']",
    ),
}


@pytest.mark.parametrize("case", TYPES)
def test_a_wrong_type_is_one_sentence(case: str) -> None:
    call, sentence = TYPES[case]
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        call()


@pytest.mark.parametrize("case", VALUES)
def test_a_wrong_value_is_one_sentence(case: str) -> None:
    call, sentence = VALUES[case]
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call()


def test_the_cost_counts_each_byte_once() -> None:
    query, codebook, k = draw((6, 30, 77, 4))
    distance, index = hamming_topk(query, codebook, k)
    moved = sum(x.nbytes for x in (query, codebook, distance, index))
    assert cost((6, 30, 77, 4)).bytes == moved
    with pytest.raises(ValueError, match="bits are packed in uint8, got torch.float32"):
        draw((1, 1, 1, 1), torch.float32)
