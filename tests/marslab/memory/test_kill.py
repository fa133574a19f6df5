"""SIGKILL at random moments of `remember`: nothing acknowledged is lost, the store opens."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marslab.memory.hub import MemoryHub
from marslab.memory.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX's")
CHILD = Path(__file__).with_name("remembering.py")


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def killed(nursery: subprocess.Popen[str], path: Path, name: str, after: float) -> dict[int, str]:
    """Let a process remember for `after` seconds, kill it, and return what it acknowledged."""
    assert nursery.stdin is not None and nursery.stdout is not None
    nursery.stdin.write(f"{path} {name}\n")
    nursery.stdin.flush()
    acknowledged: dict[int, str] = {}
    child = 0
    for line in nursery.stdout:
        first, _, rest = line.strip().partition(" ")
        if first == "child":
            child = int(rest)
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        elif first == "ended":
            break
        else:
            acknowledged[int(first)] = rest
    return acknowledged


def survive(nursery: subprocess.Popen[str], folder: Path, kills: int) -> None:
    chance, expected, path = random.Random(kills), {}, folder / "first.sqlite"
    total = 0
    for number in range(kills):
        if number % 5 == 0:  # a new store: the moment it is made is a moment too
            path, expected = folder / f"store-{number}.sqlite", {}
        after = chance.choice([chance.uniform(0, 0.02), chance.uniform(0, 0.2)])
        expected |= killed(nursery, path, f"round-{number}", after)
        total += len(expected)
        with Store(path) as store:
            held = {record.id: record.text for record in store.records()}
            assert {id: held.get(id) for id in expected} == expected
            assert len(store) == len(held) == len(list(store.ids()))
            assert store.database.rows("PRAGMA integrity_check") == [("ok",)]
            assert sum(len(ids) for ids, _ in store.vectors()) == len(held)
        with MemoryHub(path, exact_below=10) as hub:
            found = hub.recall("record 0", k=3)
            assert len([each for each in found if each.source == "store"]) >= min(2, len(held))
    assert total > kills  # else nothing was tested


def test_twenty_kills(nursery: subprocess.Popen[str], tmp_path: Path) -> None:
    survive(nursery, tmp_path, 20)


@pytest.mark.slow
def test_a_hundred_kills(nursery: subprocess.Popen[str], tmp_path: Path) -> None:
    survive(nursery, tmp_path, 100)
