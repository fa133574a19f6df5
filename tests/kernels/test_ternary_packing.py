"""pack_ternary and unpack_ternary: which bits stand for which weight, there and back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.kernels import pack_ternary, ternary_matmul, unpack_ternary

PACKINGS = ["2bit", "5trit"]
BACKENDS = ["naive", "torch", "numba"]


def test_four_weights_by_hand() -> None:
    row = torch.tensor([[1, 0, -1, 1]])
    assert pack_ternary(row).tolist() == [[0b01_11_00_01]]
    row = torch.tensor([[1, 0, -1, 1, 1]])
    assert pack_ternary(row, "5trit").tolist() == [[2 + 1 * 3 + 0 * 9 + 2 * 27 + 2 * 81]]


def test_a_byte_holds_weights_that_stand_far_apart() -> None:
    row = torch.zeros(1, 10, dtype=torch.int8)
    row[0, 4] = 1  # J = 3 bytes: 4 = 1 * 3 + 1 is place 1 of byte 1
    assert pack_ternary(row).tolist() == [[0, 0b01_00, 0]]
    row = torch.zeros(1, 10)
    row[0, 3] = -1  # J = 2 bytes: 3 = 1 * 2 + 1 is place 1 of byte 1
    assert pack_ternary(row, "5trit").tolist() == [[121, 121 - 3]]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 4), st.integers(0, 23), st.sampled_from(PACKINGS), st.integers(0, 99))
def test_what_was_packed_comes_back(N: int, K: int, packing: str, seed: int) -> None:
    W = torch.randint(-1, 2, (N, K), generator=torch.Generator().manual_seed(seed))
    for dtype in (torch.int8, torch.bfloat16, torch.float64):
        packed = pack_ternary(W.to(dtype), packing)
        assert packed.dtype == torch.uint8
        assert packed.shape == (N, -(-K // (4 if packing == "2bit" else 5)))
        assert torch.equal(unpack_ternary(packed, K, packing), W.to(torch.int8))


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_byte_is_told_apart_by_every_backend(packing: str) -> None:
    count = 4 if packing == "2bit" else 5
    W = torch.cartesian_prod(*[torch.tensor([-1, 0, 1])] * count)
    packed, one = pack_ternary(W, packing), torch.eye(count)
    assert len(packed.unique()) == 3**count
    for backend in BACKENDS:
        for some in (one, one.repeat(4, 1)):  # few rows of x, and many
            y = ternary_matmul(some, packed, torch.tensor(1.0), packing=packing, backend=backend)
            assert torch.equal(y[:count].T, W.float())
