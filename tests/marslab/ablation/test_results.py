"""Tables and statistics: against figures worked out by hand, and what few seeds allow to say."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from marslab.lab.ablation import Results, Study
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.statistics import Interval, difference, interval
from marslab.lab.ablation.table import as_json, show
from marslab.lab.ablation.verdict import verdict

SHARE = Metric("held_out", "held-out accuracy", True, "share")
TIME = Metric("ms", "time", False, "ms")


def test_the_interval_is_that_of_the_resampled_means() -> None:
    values = [0.1, 0.4, 0.35, 0.8, 0.55]
    found = interval(values)
    draws = np.random.default_rng(1).choice(values, (20_000, 5)).mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    assert found.mean == pytest.approx(0.44) and found.n == 5
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)
    assert interval(values) == found


def test_three_seeds_reach_from_the_least_to_the_largest() -> None:
    assert interval([0.2, 0.5, 0.3])[1:] == pytest.approx((0.2, 0.5, 3))


def test_without_seeds_nothing_is_said() -> None:
    assert interval([]).n == 0 and math.isnan(interval([]).mean)
    assert math.isnan(interval([0.3]).low)


def test_differences_pair_the_seeds() -> None:
    # the seeds differ by far more than the variants: only the pairs show the difference
    base = {seed: 0.1 * seed for seed in range(8)}
    better = {seed: value + 0.01 for seed, value in base.items()}
    found = difference(better, base)
    assert found.mean == pytest.approx(0.01) and found.low > 0.009
    assert difference({9: 1.0}, base).n == 0


def test_the_interval_of_a_difference_is_students() -> None:
    apart = [0.01, 0.03, -0.02, 0.05]
    found = difference(dict(enumerate(apart)), dict.fromkeys(range(4), 0.0))
    expected = stats.ttest_1samp(apart, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(np.mean(apart)) and found.n == 4


@pytest.mark.parametrize(
    ("apart", "metric", "told"),
    [
        (Interval(0.041, 0.02, 0.06, 3), SHARE, "better by 4.1 points"),
        (Interval(0.041, 0.02, 0.06, 3), TIME, "worse by 0.041 ms"),
        (Interval(-3.0, -4.0, -2.0, 3), TIME, "better by 3 ms"),
        (Interval(-0.01, -0.02, 0.0, 3), SHARE, "no difference seen (interval holds 0)"),
        (Interval(0.0, 0.0, 0.0, 3), SHARE, "the same figure for every seed"),
        (Interval(0.0, math.nan, math.nan, 1), SHARE, "one seed: the same figure, no interval"),
        (interval([]), SHARE, "no seed shared with the baseline"),
    ],
)
def test_a_difference_in_words(apart: Interval, metric: Metric, told: str) -> None:
    assert verdict(apart, metric) == told


def rows(results: Results, metric: str | None = None) -> dict[str, dict[Any, Any]]:
    """The rows of the summary by variant."""
    return {row["variant"]: row for row in results.summary(metric).to_dict("records")}


@pytest.fixture
def results(study: Callable[..., Study], here: list[str]) -> Results:
    grid: dict[str, list[Any]] = {"task.act": ["score", "raise", "nan"], "task.width": [1, 3]}
    return ablate(study(grid, seeds=(0, 1, 2), title="Tiny [one]"))


def test_the_frame_is_tidy(results: Results) -> None:
    frame = results.frame()
    assert list(frame.columns) == [
        *("study", "variant", "task.act", "task.width", "seed", "status", "score", "cost"),
        *("seconds", "parameters"),
    ]
    assert len(frame) == 4 * 3
    assert frame["task.width"].tolist() == [1] * 9 + [3] * 3
    assert frame["status"].tolist() == ["done"] * 3 + ["failed"] * 3 + ["done"] * 6
    assert frame["score"].isna().tolist() == [False] * 3 + [True] * 6 + [False] * 3


def test_the_summary_is_worked_out_from_the_runs(results: Results) -> None:
    found = rows(results)
    score = results.frame().groupby("variant", sort=False)["score"].apply(list)
    base, wide = score["baseline"], score["task.width=3"]
    assert found["task.width=3"]["mean"] == pytest.approx(np.mean(wide))
    assert found["task.width=3"]["difference"] == pytest.approx(np.mean(wide) - np.mean(base))
    sure = stats.ttest_rel(wide, base).confidence_interval(0.95)
    assert found["task.width=3"]["difference_low"] == pytest.approx(sure.low)
    assert found["task.width=3"]["difference_high"] == pytest.approx(sure.high)
    assert [row["runs"] for row in found.values()] == [3, 0, 0, 3]
    assert [row["failed"] for row in found.values()] == [0, 3, 0, 0]
    assert math.isnan(found["baseline"]["difference"])
    assert found["baseline"]["verdict"] == "the baseline"
    assert found["task.act=raise"]["verdict"] == "failed: ArithmeticError: a sum that fails"
    assert found["task.act=nan"]["verdict"] == "no finite figure"


def test_another_metric_has_its_own_direction(results: Results) -> None:
    found = rows(results, "cost")
    assert found["task.width=3"]["verdict"] == "worse by 4 s"
    with pytest.raises(ValueError, match="there is no metric 'costs'. Did you mean 'cost'?"):
        results.summary("costs")


def test_the_main_metric_of_a_study_is_first(study: Callable[..., Study], here: list) -> None:
    found = ablate(study({"task.width": [1, 2]}, metric="cost", seeds=(0,)))
    assert found.metric.name == "cost" and found.curve.name == "score"
    assert rows(found)["task.width=2"]["verdict"] == "one seed: worse by 2 s, no interval"


def test_the_table_says_n_and_shows_what_is_missing(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    show(results)
    told = capsys.readouterr().out
    assert "Tiny [one]" in told and "more is better" in told
    assert "task.width=3" in told and "no finite figure" in told
    (row,) = [line for line in told.splitlines() if "task.act=nan" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][:4] == [
        "task.act=nan",
        "0",
        "-",
        "-",
    ]


def test_json_has_no_word_for_what_is_no_number(results: Results) -> None:
    found = json.loads(as_json(results))
    assert found["complete"] and len(found["runs"]) == 12
    assert found["summary"][0]["difference"] is None
    assert found["summary"][2]["mean"] is None
