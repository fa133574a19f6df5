"""What MARS promises at the edge, against the shipped table and its own arithmetic."""

from dataclasses import replace

import pytest

from marslab.lab.claims.outcome import CannotTest, Outcome
from marslab.lab.claims.runs import mars_edge
from marslab.lab.edge.table import EdgeTable, shipped_table


def figures(outcome: Outcome) -> dict[str, float]:
    return {name: float(value) for name, value in outcome.figures.items()}


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch):
    """The shipped table with other numbers in some rows."""

    def change(**rows: dict) -> EdgeTable:
        found = shipped_table()
        new = tuple(
            replace(row, **rows.get(row.name.replace(", ", "_"), {}))
            if row.runtime == "onnxruntime"
            else row
            for row in found.rows
        )
        table = EdgeTable(found.conditions, new)
        monkeypatch.setattr(mars_edge, "shipped_table", lambda: table)
        return table

    return change


def test_figures_follow_the_table(changed) -> None:
    changed(
        fp32={"file_bytes": 4000, "packed_bytes": 3000, "ms_median": 3.0, "accuracy": (1.0, 0.9)},
        int8_static={"file_bytes": 1000, "ms_median": 2.0, "accuracy": (0.9, 0.8)},
        int8_trained={"file_bytes": 1250, "ms_median": 1.0, "accuracy": (1.0, 0.7)},
        pruned={"ms_median": 4.0, "file_bytes": 4000, "packed_bytes": 1500},
    )
    assert figures(mars_edge.smaller())["times_smaller"] == 4
    assert figures(mars_edge.faster())["times_faster"] == 3
    lost = figures(mars_edge.accuracy_lost())
    assert lost["points_lost"] == pytest.approx(10)
    assert lost["points_lost_worst"] == pytest.approx(20)
    pruned = figures(mars_edge.pruning_speed())
    assert (pruned["times_faster"], pruned["times_smaller"]) == (0.75, 1)
    assert pruned["times_smaller_packed"] == 2


def test_the_shipped_table_shows_what_the_page_says() -> None:
    """M36: zeros make nothing faster and no file smaller."""
    pruned = figures(mars_edge.pruning_speed())
    assert pruned["times_smaller"] == pytest.approx(1, abs=1e-3)
    assert pruned["times_smaller_packed"] > 1.3 and pruned["zeros"] == pytest.approx(0.5, abs=1e-3)
    assert 3 < figures(mars_edge.smaller())["times_smaller"] < 4
    assert mars_edge.faster().machine and mars_edge.faster().date


def test_without_a_table_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> EdgeTable:
        raise FileNotFoundError

    monkeypatch.setattr(mars_edge, "shipped_table", gone)
    with pytest.raises(CannotTest, match="edge-cpu.json is not there"):
        mars_edge.smaller()
