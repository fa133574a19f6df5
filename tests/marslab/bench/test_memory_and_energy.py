"""The high-water mark of memory, and joules from counters that are files here."""

from pathlib import Path

import pytest
import torch

from marslab.lab.bench import memory
from marslab.lab.bench.energy import Joules, packages
from marslab.lab.bench.memory import HighWater

MIB = 2**20


def mark(bytes: int) -> int:
    with HighWater() as found:
        torch.ones(bytes // 4)
    if found.bytes is None:
        pytest.skip("this system keeps no high-water mark that can be reset (Linux does)")
    return found.bytes


def test_it_is_what_a_call_holds_at_its_worst_and_starts_anew_each_time() -> None:
    large, small = mark(64 * MIB), mark(16 * MIB)
    assert large == pytest.approx(64 * MIB, abs=4 * MIB)
    assert small == pytest.approx(16 * MIB, abs=4 * MIB)


def test_what_was_freed_before_is_not_held_against_it() -> None:
    def many() -> list[torch.Tensor]:
        return [torch.ones(4096) for _ in range(1024)]

    many()  # freed, but kept by the allocator for the next
    with HighWater() as found:
        many()
    if found.bytes is None:
        pytest.skip("this system keeps no high-water mark that can be reset (Linux does)")
    assert found.bytes == pytest.approx(16 * MIB, abs=4 * MIB)


def test_without_a_mark_there_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SELF", tmp_path / "none")
    with HighWater() as found:
        pass
    assert found.bytes is None


def zone(root: Path, name: str, kind: str, microjoules: int) -> Path:
    place = root / name
    place.mkdir()
    for file, text in (("name", kind), ("max_energy_range_uj", "9999999")):
        (place / file).write_text(f"{text}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    return place


def test_joules_are_of_whole_packages_and_a_counter_may_run_over(tmp_path: Path) -> None:
    one = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    two = zone(tmp_path, "intel-rapl:1", "package-1", 9_000_000)
    part = zone(tmp_path, "intel-rapl:0:0", "core", 5)
    with Joules(tmp_path) as energy:
        (one / "energy_uj").write_text("3500000\n")
        (two / "energy_uj").write_text("1000000\n")
        (part / "energy_uj").write_text("800000\n")
    assert energy.joules == pytest.approx(2.5 + 2.0)


def test_a_counter_that_may_not_be_read_is_none(tmp_path: Path) -> None:
    place = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (place / "energy_uj").unlink()
    (place / "energy_uj").mkdir()  # reading it fails, as it does without the right to
    assert packages(tmp_path) == []
    with Joules(tmp_path) as energy:
        pass
    assert energy.joules is None
