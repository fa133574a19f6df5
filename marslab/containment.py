"""Running code that is not ours: each item in a process of its own, which is killed afterwards.

The code may print anything, write to any file handle it finds, start processes and never return.
So its process leads a group of its own, what it prints is thrown away, and its messages carry a
token. This keeps accidents and jokes apart from the verdict. It is no sandbox: the code still has
the rights of the user who runs it.
"""

import json
import os
import secrets
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from operator import attrgetter
from select import select
from typing import Any

from marslab import workers

LOOK = 0.1  # seconds between two looks at processes that say nothing
START = 300.0  # seconds for a fresh process to load what it needs, on a busy machine too
LONGEST = 1 << 20  # bytes of one message; more without an end is no message of ours


def alone(
    function: Callable[[Any, Callable[[], None]], Any],
    items: Iterable[Any],
    *,
    timeout: float,
    processes: int | None = None,
    on_result: Callable[[int, Any], None] | None = None,
) -> list[Any]:
    """Return what function(item, begin) gives for each item, each in a process of its own.

    What it prints is thrown away; its process and all that this one started are killed when the
    item is done or late. A failure stands in the list in place of the result, as a WorkerError or
    a TimeoutError, and the other items go on. `function` calls `begin()` when what it needs is
    loaded: from there its time is counted. Items and results travel as JSON.

    Units:
        timeout: seconds for one item, from `begin()` on; 300 more to get there
        processes: at a time, one per core if None

    Errors:
        TypeError: `function` cannot be found by name in a fresh process
    """
    tell = on_result or (lambda at, result: None)
    waiting = deque(enumerate(items))
    results: list[Any] = [None] * len(waiting)
    running: list[Watched] = []
    try:
        while waiting or running:
            while waiting and len(running) < (processes or workers.cores()):
                running.append(Watched(function, *waiting.popleft(), timeout))
            select([each.reader for each in running if not each.receiver.ended], [], [], LOOK)
            for each in list(running):
                done, result = each.outcome()
                if done:
                    running.remove(each)
                    results[each.at] = result
                    tell(each.at, result)
    finally:
        for each in running:
            each.end()
    return results


class Sender:
    """The worker's end of the pipe: one JSON message a line, behind the token."""

    def __init__(self, handle: int, token: str) -> None:
        self._handle, self._token, self._process = handle, token, os.getpid()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; nothing, in a process that the code forked off."""
        if os.getpid() != self._process:
            return
        data = f"\n{self._token}{json.dumps(message)}\n".encode()
        while data:
            data = data[os.write(self._handle, data) :]


class Receiver:
    """The other end: reads what is there, without waiting, and drops what is not ours."""

    def __init__(self, handle: int, token: str) -> None:
        self._handle, self._token, self._rest = handle, token.encode(), b""
        self.ended = False
        os.set_blocking(handle, False)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield the messages that arrived since the last call."""
        for _ in range(64):  # a flood must not keep us from looking at the clock
            try:
                data = os.read(self._handle, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self.ended = True
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._rest = self._rest[-LONGEST:]
            for line in lines:
                if line.startswith(self._token):
                    yield json.loads(line.removeprefix(self._token))


class Watched:
    """One item in its process, seen from the process that waits for it.

    Units:
        timeout: seconds from the message that it has begun
    """

    def __init__(self, function: Callable, at: int, item: object, timeout: float) -> None:
        self.at, self._timeout, token = at, timeout, secrets.token_hex(16)
        order = (workers.named(function), json.dumps(item), token)
        self._process, self.reader = workers.apart(_work, order)
        self.receiver = Receiver(self.reader.fileno(), token)
        self._deadline = time.monotonic() + START

    def outcome(self) -> tuple[bool, Any]:
        """Whether the item is done, and then its result or the error; its process is gone."""
        message = self._look()
        if message is None:
            return False, None
        self.end()
        if "late" in message:
            return True, TimeoutError(f"item {self.at}: not done after {self._timeout:g} s")
        if "error" in message:
            return True, workers.WorkerError(self.at, message["error"], message["trace"])
        return True, message["result"]

    def _look(self) -> dict[str, Any] | None:
        """How the item went, as "result", "error" or "late"; None while it is running."""
        alive = self._process.is_alive()  # asked first: what a dead process sent is all there
        for message in self.receiver.messages():
            if "begun" not in message:
                return message
            self._deadline = time.monotonic() + self._timeout
        if not alive:
            code = self._process.exitcode
            return {"error": f"its process ended too early, with exit code {code}", "trace": ""}
        return {"late": True} if time.monotonic() > self._deadline else None

    def end(self) -> None:
        """Kill the process and what it started."""
        if self._process.pid is not None:
            end_family(self._process.pid)
        self._process.kill()
        self._process.join()
        self.reader.close()


def _work(handle: int, order: tuple[tuple[str, str], str, str]) -> None:
    """Do an item in this process, which is not used again."""
    where, item, token = order
    enclose()
    sender = Sender(handle, token)
    try:
        function = attrgetter(where[1])(import_module(where[0]))
        result = function(json.loads(item), lambda: sender.send({"begun": True}))
        sender.send({"result": result})
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"
        sender.send({"error": told, "trace": traceback.format_exc()})
    finally:
        os._exit(0)  # without the code's own exit handlers


def enclose() -> None:
    """Make this process the head of a group of its own, and throw away what it prints.

    It also lets go of the pipe to the resource tracker, which is the parent's too.
    """
    workers.leave_tracker()
    if hasattr(os, "setsid"):
        os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes beside what it has; systems without such limits do not.

    Units:
        more: bytes of memory that can be written, not of the libraries mapped
    """
    try:
        import resource
    except ImportError:
        return
    import psutil

    has = getattr(psutil.Process().memory_info(), "data", 0)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = has + more if hard == resource.RLIM_INFINITY else min(has + more, hard)
    for what, limit in ((resource.RLIMIT_DATA, wanted), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # a system may know the name and refuse the limit
            resource.setrlimit(what, (limit, limit))


def end_family(leader: int) -> None:
    """Kill the group that the process `leader` leads, and what descends from it, at once."""
    import psutil

    try:
        family = psutil.Process(leader).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    with suppress(ProcessLookupError, PermissionError):  # it is gone, or leads no group yet
        os.killpg(leader, signal.SIGKILL)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
