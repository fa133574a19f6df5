"""The table that ships: of today's plan, whole, and the one that the ledger's figures are of."""

import json
from dataclasses import asdict
from math import isfinite

import pytest

from marslab.lab.claims.ledger import shipped_runs
from marslab.lab.lengths.findings import growth, learned, times_faster_reading, times_smaller
from marslab.lab.lengths.plan import MARS, RIVAL, LengthsPlan
from marslab.lab.lengths.table import LengthsTable, shipped_table

READ_FROM_IT = ("mars-layer-growth", "mars-5x-inference", "mars-5x-memory", "mars-5x-training")


@pytest.fixture(scope="module")
def table() -> LengthsTable:
    return shipped_table()


def test_it_is_of_todays_plan_and_whole(table: LengthsTable) -> None:
    plan = LengthsPlan()
    assert table.conditions["plan"] == json.loads(json.dumps(asdict(plan)))
    assert table.conditions["threads"] == 1
    assert {kind: tuple(table.curve(kind)) for kind in table.kinds()} == plan.layers
    assert table.kinds("model") == [MARS, RIVAL]
    for kind in (MARS, RIVAL):
        assert tuple(table.curve(kind, part="model")) == plan.reads
        assert all(tuple(table.steps(kind, rows)) == plan.contexts for rows in plan.rows)
    assert len(table.lessons) == 2 * len(plan.seeds)


def test_what_is_counted_is_what_theory_says(table: LengthsTable) -> None:
    """Bytes, unlike times, are the same wherever they are counted."""
    powers = {kind: growth(table.curve(kind, "kept_bytes")).exponent for kind in table.kinds()}
    assert powers["attention"] == pytest.approx(2, abs=0.1)
    assert all(powers[kind] == pytest.approx(1, abs=0.05) for kind in powers if kind != "attention")
    state, cache = table.state(MARS), table.state(RIVAL)
    assert len(set(state.values())) == 1
    assert cache == {context: 3 * 2 * 512 * 4 * context for context in cache}


def test_what_is_found_in_it_is_finite(table: LengthsTable) -> None:
    loss, seconds, _ = learned(table)
    found = [loss, *seconds[MARS], *seconds[RIVAL], *times_smaller(table).values()]
    assert all(isfinite(x) and x > 0 for x in [*found, *times_faster_reading(table).values()])
    assert loss < 1.5, "a loss that guessing nearly has tells nothing"


def test_the_ledgers_figures_are_of_this_table(table: LengthsTable) -> None:
    runs = {run.claim: run for run in shipped_runs()}
    assert {runs[id].date for id in READ_FROM_IT} == {table.conditions["date"]}
