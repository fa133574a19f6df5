"""The harness under a clock that we set."""

import pytest
import torch

from marslab.lab.bench import timing


def test_variants_take_turns(clock) -> None:
    calls = {"a": lambda: ("a", 0.001), "b": lambda: ("b", 0.002)}
    times = timing.take_turns(calls, 3, clock)
    assert clock.order == ["a", "a", "b", "b"] + ["a", "b"] * 3  # warm-up, then turns
    assert times["a"] == timing.Spread(0.001, 0.001, 0.001, 3)
    assert times["b"].median == 0.002


def test_slow_variants_sit_out_turns_evenly(clock) -> None:
    calls = {"fast": lambda: ("fast", 0.001), "slow": lambda: ("slow", 0.75)}
    times = timing.take_turns(calls, 8, clock)
    assert times["fast"].runs == 8
    assert times["slow"].runs == 4  # 3 s hold four runs
    turns = clock.order[2 * timing.WARM_UP :]
    assert turns == ["fast", "fast", "slow"] * 4


def test_a_slow_one_runs_three_times_but_never_more_than_asked(clock) -> None:
    calls = {"slow": lambda: ("slow", 2.0)}
    assert timing.take_turns(calls, 30, clock)["slow"].runs == 3
    assert timing.take_turns(calls, 1, clock)["slow"].runs == 1


def test_what_outlasts_the_budget_is_done_with_its_first_run(clock) -> None:
    times = timing.take_turns({"slow": lambda: ("slow", 100.0)}, 30, clock)
    assert times["slow"] == timing.Spread(100.0, 100.0, 100.0, 1)
    assert clock.order == ["slow"]


def test_a_smaller_budget_means_fewer_runs(clock) -> None:
    calls = {"slow": lambda: ("slow", 0.1)}
    assert timing.take_turns(calls, 30, clock, 0.5)["slow"].runs == 5
    assert timing.take_turns(calls, 30, clock, 0.0)["slow"].runs == 1


def test_answers_are_asked_for_after_the_last_call() -> None:
    log = []

    def stopwatch(call):
        log.append("run")
        call()
        return lambda: log.append("ask") or 0.001

    timing.take_turns({"a": lambda: None}, 4, stopwatch)
    assert log == ["run", "ask"] * timing.WARM_UP + ["run"] * 4 + ["ask"] * 4


def test_the_spread_is_the_middle_half() -> None:
    outlier = timing.spread([1.0, 2.0, 3.0, 4.0, 1000.0])
    assert outlier == timing.Spread(3.0, 2.0, 4.0, 5)
    assert timing.spread([7.0]) == timing.Spread(7.0, 7.0, 7.0, 1)


def test_on_a_cpu_an_untimed_run_goes_first() -> None:
    ran = []
    timing.bed("cpu").stopwatch(lambda: ran.append(1))()
    assert ran == [1, 1]


def test_on_cuda_a_copy_goes_first_and_events_stand_around_the_call(monkeypatch) -> None:
    log = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            log.append("event")

        def synchronize(self) -> None:
            log.append("wait")

        def elapsed_time(self, end: "Event") -> float:
            return 250.0  # milliseconds

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(timing, "STREAM_BYTES", {"cuda": 64})
    monkeypatch.setattr(torch.Tensor, "copy_", lambda to, source: log.append("copy"))
    stopwatch = timing._behind_copies(torch.device("cpu"))
    seconds = stopwatch(lambda: log.append("call"))
    assert log == [*["copy"] * timing.COPIES, "event", "call", "event"]
    assert seconds() == 0.25
    assert log[-1] == "wait"


def test_a_cpu_counts_no_peak_memory() -> None:
    assert timing.bed("cpu").peak(lambda: pytest.fail("not run")) is None
