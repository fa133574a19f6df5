"""Operands for numba and memory for what kernels write."""

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from marslab.kernels import launching
from marslab.kernels.launching import WORTH_ASKING, arrays, fresh

SMAPS = Path("/proc/self/smaps")
PAGES = Path("/sys/kernel/mm/transparent_hugepage")
NUMBERS = WORTH_ASKING // 4  # float32 numbers from which huge pages are asked for


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Every (start, size) that huge pages were asked for."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(launching, "_ask_for_huge_pages", lambda *block: calls.append(block))
    return calls


def test_huge_pages_are_asked_for_where_much_is_needed(asked: list[tuple[int, int]]) -> None:
    x = fresh(torch.empty(0), NUMBERS)
    fresh(torch.empty(0), NUMBERS - 1)
    fresh(torch.empty(0, device="meta"), NUMBERS)
    with FakeTensorMode():
        fresh(torch.empty(0), NUMBERS)
    assert asked == [(x.data_ptr(), WORTH_ASKING)]


def test_a_converted_operand_lies_in_such_memory_too(asked: list[tuple[int, int]]) -> None:
    x = torch.ones(NUMBERS)
    whole, half = arrays(torch.float32, x, x.bfloat16())
    assert asked == [(half.ctypes.data, WORTH_ASKING)]
    assert whole.ctypes.data == x.data_ptr()  # what fits is not copied
    assert half.sum() == NUMBERS


@pytest.mark.skipif(not PAGES.exists(), reason="this system has no huge pages for whoever asks")
def test_linux_hears_it() -> None:
    x = fresh(torch.empty(0), 4 * NUMBERS)
    if "VmFlags" not in SMAPS.read_text("utf-8"):
        pytest.skip("this Linux does not tell how memory is mapped")
    for start in (x.data_ptr(), x.data_ptr() + x.nbytes - 1):
        assert "hg" in flags(start)


def flags(address: int) -> list[str]:
    """How Linux has mapped an address of this process."""
    inside = False
    for line in SMAPS.read_text("utf-8").splitlines():
        head, *rest = line.split()
        if "-" in head and not head.endswith(":"):
            low, high = (int(part, 16) for part in head.split("-"))
            inside = low <= address < high
        elif inside and head == "VmFlags:":
            return rest
    return []


def test_views_that_are_conjugated_or_negative_are_written_out() -> None:
    z = torch.tensor([1 + 2j, 3 - 4j])
    conjugate, strided = arrays(torch.complex64, z.conj(), z[::2])
    (negative,) = arrays(torch.float32, z.conj().imag)
    assert z.conj().is_conj() and z.conj().imag.is_neg()
    assert conjugate.tolist() == [1 - 2j, 3 + 4j]
    assert negative.tolist() == [-2, 4]
    assert strided.flags["C_CONTIGUOUS"]
