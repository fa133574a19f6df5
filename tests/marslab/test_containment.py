"""Items that hang, die, flood and fork: each in a process of its own, gone afterwards."""

import importlib
from pathlib import Path
from typing import Any

import psutil
import pytest

from marslab import containment
from marslab.containment import alone
from marslab.workers import WorkerError

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture
def unruly(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(JOBS)  # a spawned process gets this path too
    return importlib.import_module("unruly")


def ended(mark: Path) -> bool:
    """Whether the process that wrote its number there ends, or has ended."""
    pid = int(mark.read_text())
    if not psutil.pid_exists(pid):
        return True
    process = psutil.Process(pid)
    return process.status() == psutil.STATUS_ZOMBIE or not psutil.wait_procs([process], 60)[1]


def nothing(item: object, begin: object) -> None:
    """Never called: an item is refused before, or there is none."""


def test_each_item_gets_its_own_result_and_failures_stand_in_their_place(unruly: Any) -> None:
    items = [["echo", "ä"], ["fail"], ["die", 3], ["exit", 0], ["read"], ["object"], ["echo", None]]
    seen: dict[int, Any] = {}
    results = alone(unruly.act, items, timeout=60, processes=2, on_result=seen.__setitem__)
    assert [results[at] for at in (0, 4, 6)] == ["ä", "", None]
    assert [str(results[at]) for at in (1, 2, 3)] == [
        "item 1: ValueError: no such luck",
        "item 2: its process ended too early, with exit code 3",
        "item 3: SystemExit: 0",
    ]
    assert str(results[5]).startswith("item 5: TypeError: Object of type object is not JSON")
    assert isinstance(results[1], WorkerError) and "in fail" in results[1].trace
    assert seen == dict(enumerate(results))


def test_a_late_item_is_killed_with_its_children(unruly: Any, tmp_path: Path) -> None:
    items = [["spin"], ["close_all"], ["leave_a_child_and_wait", str(tmp_path / "mark")]]
    spun, closed, waited = alone(unruly.act, items, timeout=1, processes=3)
    assert isinstance(spun, TimeoutError) and str(spun) == "item 0: not done after 1 s"
    assert isinstance(waited, TimeoutError)
    assert isinstance(closed, TimeoutError | WorkerError)  # it may close its way of noticing us
    assert not (tmp_path / "mark").exists() or ended(tmp_path / "mark")


def test_a_process_that_dies_beside_its_child(unruly: Any, tmp_path: Path) -> None:
    [died] = alone(unruly.act, [["die_beside_a_child", str(tmp_path / "mark")]], timeout=60)
    assert str(died) == "item 0: its process ended too early, with exit code 7"
    assert ended(tmp_path / "mark")


def test_what_is_left_running_is_killed_when_the_item_is_done(unruly: Any, tmp_path: Path) -> None:
    items = [["leave_a_child", str(tmp_path / "mark")], ["linger"]]
    assert alone(unruly.act, items, timeout=60, processes=2) == ["from the parent", "done"]
    assert ended(tmp_path / "mark")


def test_floods_and_forged_answers_change_nothing(
    unruly: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    items = [["print_much"], ["scribble"], ["answer_twice"]]
    assert alone(unruly.act, items, timeout=60, processes=2) == ["printed", "real", 1]
    assert capfd.readouterr() == ("", "")


def test_memory_is_limited(unruly: Any) -> None:
    pytest.importorskip("resource")
    assert alone(unruly.act, [["allocate"]], timeout=60) == ["MemoryError"]


def test_loading_has_a_limit_of_its_own(unruly: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "START", 0.5)
    [late] = alone(unruly.never_begin, [0], timeout=600)
    assert isinstance(late, TimeoutError)


def test_an_interruption_kills_what_runs(unruly: Any, tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))

    def interrupt(at: int, result: object) -> None:
        raise KeyboardInterrupt

    items = [["echo", 1], ["spin"]]
    with pytest.raises(KeyboardInterrupt):
        alone(unruly.act, items, timeout=600, processes=2, on_result=interrupt)
    now = set(psutil.Process().children(recursive=True)) - before
    assert [p for p in now if "spawn_main" in " ".join(p.cmdline())] == []


def test_what_cannot_be_found_by_name_is_refused() -> None:
    assert alone(nothing, [], timeout=1) == []
    with pytest.raises(TypeError, match="define the function at the top of a module"):
        alone(lambda item, begin: item, [1], timeout=1)
