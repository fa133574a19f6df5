"""What MARS promises beside a Transformer, against a table whose answers are known."""

from dataclasses import replace

import pytest
import torch

from marslab.lab.bench.energy import Joules
from marslab.lab.claims.measuring import judged
from marslab.lab.claims.outcome import UNKNOWN, CannotTest, Outcome
from marslab.lab.claims.runs import mars_lengths, mars_rival
from marslab.lab.claims.schema import find
from marslab.lab.lengths.plan import MARS, RIVAL, quick
from marslab.lab.lengths.table import LengthsTable

RUNS = {
    "mars-layer-growth": mars_lengths.growth,
    "mars-5x-inference": mars_rival.faster,
    "mars-5x-memory": mars_rival.smaller,
    "mars-5x-training": mars_rival.trained,
}


@pytest.fixture
def shipped(toy: LengthsTable, monkeypatch: pytest.MonkeyPatch) -> LengthsTable:
    monkeypatch.setattr(mars_lengths, "shipped_table", lambda: toy)
    return toy


def figures(outcome: Outcome) -> dict[str, float]:
    return {name: float(value) for name, value in outcome.figures.items()}


@pytest.mark.parametrize(
    ("id", "verdict"),
    [
        ("mars-layer-growth", "holds"),
        ("mars-5x-inference", "partly"),
        ("mars-5x-memory", "partly"),
        ("mars-5x-training", "partly"),
    ],
)
@pytest.mark.usefixtures("shipped")
def test_each_claim_lists_what_its_run_gives_and_is_judged(id: str, verdict: str) -> None:
    outcome = RUNS[id]()
    assert judged(find(id), outcome) == verdict
    assert len(outcome.says) < 400
    assert outcome.machine == "a machine, 2 cores, 1 thread"
    assert (outcome.date, outcome.code) == ("2026-11-29T00:00:00Z", "")


@pytest.mark.usefixtures("shipped")
def test_figures_follow_the_table() -> None:
    grown = figures(mars_lengths.growth())
    assert grown["time_exponent_attention"] == pytest.approx(2.0)
    assert grown["peak_exponent_fused_attention"] == pytest.approx(1.0)
    assert grown["memory_exponent_attention"] == pytest.approx(2.0)
    assert (grown["longest_attention"], grown["longest_ssd"]) == (8192, 32768)
    assert grown["ms_at_8192_ssd"] == pytest.approx(8.192)
    quicker = figures(mars_rival.faster())
    assert (quicker["least_times_faster"], quicker["most_times_faster"]) == (0.5, 32)
    assert (quicker["reading_8192"], quicker["step_8_row_2048"]) == (8, 8)
    lighter = figures(mars_rival.smaller())
    assert lighter["state_growth"] == 1 and lighter["cache_kb_a_step"] == pytest.approx(0.01)
    assert lighter["peak_reading_at_once"] == 3
    taught = figures(mars_rival.trained())
    assert (taught["times_faster"], taught["equal_loss"]) == (1.5, 1.0)
    assert (taught["times_faster_lowest_seed"], taught["times_faster_highest_seed"]) == (1.5, 2)


def test_a_table_of_other_code_counts_as_stale(shipped: LengthsTable) -> None:
    shipped.conditions["code"] = "0" * 16
    assert mars_rival.faster().code == UNKNOWN


def test_without_a_table_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> LengthsTable:
        raise FileNotFoundError

    monkeypatch.setattr(mars_lengths, "shipped_table", gone)
    for run in RUNS.values():
        with pytest.raises(CannotTest, match="mars-lengths-cpu.json is not there"):
            run()


def test_without_a_counter_no_power_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mars_rival, "packages", lambda: [])
    with pytest.raises(CannotTest, match="No energy counter .RAPL, /sys/class/powercap. can be"):
        mars_rival.power()


def test_power_is_joules_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter that says 1 J a step of MARS and 4 J of the rival."""
    spent = iter([3.0, 12.0] * 2)

    class Meter(Joules):
        def __exit__(self, *error: object) -> None:
            self.joules = next(spent)

    monkeypatch.setattr(mars_rival, "Joules", Meter)
    torch.manual_seed(0)
    found = mars_rival.joules_a_step(quick().models, context=8, steps=3, turns=2)
    assert found == {MARS: 1.0, RIVAL: 4.0}
    monkeypatch.setattr(mars_rival, "packages", lambda: ["a counter"])
    monkeypatch.setattr(mars_rival, "joules_a_step", lambda *plan: found)
    outcome = mars_rival.power()
    assert outcome.figures["times_less_energy"] == 4
    assert judged(find("mars-3x-power"), outcome) == "holds"
    weaker = replace(outcome, figures={**outcome.figures, "times_less_energy": 1.0})
    assert judged(find("mars-3x-power"), weaker) == "does not hold"
