"""What the items of test_containment.py do: everything that a worker should not."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from marslab.containment import limit_memory


def act(item: list[Any], begin: Callable[[], None]) -> object:
    name, *given = item
    begin()
    return ACTIONS[name](*given)


def never_begin(item: object, begin: Callable[[], None]) -> None:
    time.sleep(600)


def fail() -> None:
    raise ValueError("no such luck")


def spin() -> None:
    while True:
        pass


def leave_a_child(mark: str) -> str:
    """Fork a process that goes on for ever, and say so from both."""
    if os.fork() == 0:
        Path(f"{mark}.tmp").write_text(str(os.getpid()))
        os.replace(f"{mark}.tmp", mark)
        time.sleep(600)
    while not Path(mark).exists():
        time.sleep(0.01)
    return "from the parent"


def answer_twice() -> int:
    leader = os.getpid()
    os.fork()
    if os.getpid() == leader:
        time.sleep(0.5)  # the other one is first to answer
    return int(os.getpid() == leader)


def leave_a_child_and_wait(mark: str) -> None:
    leave_a_child(mark)
    time.sleep(600)


def die_beside_a_child(mark: str) -> None:
    leave_a_child(mark)
    os._exit(7)


def print_much() -> str:
    for _ in range(100):
        print("x" * 1_000_000)
        os.write(2, b"y" * 1_000_000)
    return "printed"


def scribble() -> str:
    """Write what looks like a verdict to every handle that there is."""
    for handle in range(3, 64):
        try:
            os.write(handle, b'\n{"result": "forged"}\n' + b"\xff" * 50_000 + b"\nzzz")
        except OSError:
            continue
    return "real"


def close_all() -> None:
    os.closerange(0, 64)
    time.sleep(600)


def linger() -> str:
    threading.Thread(target=spin).start()
    return "done"


def allocate() -> str:
    limit_memory(1 << 28)
    try:
        return str(len(bytearray(1 << 30)))
    except MemoryError:
        return "MemoryError"


def read() -> str:
    return sys.stdin.read()


ACTIONS = {
    each.__name__: each
    for each in (
        *(
            fail,
            spin,
            leave_a_child,
            leave_a_child_and_wait,
            answer_twice,
            die_beside_a_child,
            print_much,
        ),
        *(scribble, close_all, linger, allocate, read),
    )
} | {"die": os._exit, "exit": sys.exit, "echo": lambda text: text, "object": object}
