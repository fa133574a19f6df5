"""A study in a process of its own, at low priority: for a page that shall answer meanwhile.

`run_apart` starts `python -m marslab.lab.ablation.apart` and reads its progress, a line of JSON
for each run. That process ends when its input does, so it never outlives who started it.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, NamedTuple

from marslab.errors import UserError
from marslab.lab.ablation.execute import Place, Work
from marslab.lab.ablation.store import RunRecord
from marslab.lab.ablation.study import Study, from_values

NICE = 10  # how far a study steps back behind the pages; 19 is the most
LOOK = 0.2  # seconds between two calls of `tell`


class Progress(NamedTuple):
    """How far a study is: runs that ended, runs in all, and a line about the last one."""

    done: int
    total: int
    last: str


def run_apart(
    study: Study,
    tell: Callable[[Progress], None],
    *,
    home: Path | None = None,
    workers: int | None = None,
    retry: bool = False,
) -> None:
    """Do the missing runs of a study in another process; each is kept as it ends.

    `tell` is called several times a second. What it raises ends the study; the runs that ended
    are kept, and the next call goes on.

    Units:
        workers: processes, one per core if None

    Errors:
        UserError: the study cannot be run, or its process died
    """
    asked = {"study": study.to_dict(), "home": str(home) if home else None}
    asked |= {"workers": workers, "retry": retry}
    command = [sys.executable, "-P", "-m", "marslab.lab.ablation.apart"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(command, stderr=errors, encoding="utf-8", **pipes) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once: its exit code says so
        _follow(process, process.stdout, tell)
        if process.wait() != 0:
            raise UserError(_last_words(errors, process.returncode))


def _follow(
    process: subprocess.Popen[str], lines: IO[str], tell: Callable[[Progress], None]
) -> None:
    """Tell each line of progress, and the last one again while nothing new comes."""
    found: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        for line in lines:
            found.put(line)
        found.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        _tell_all(found, tell)
    except BaseException:
        process.kill()
        raise
    finally:
        reader.join()


def _tell_all(found: SimpleQueue[str | None], tell: Callable[[Progress], None]) -> None:
    latest = Progress(0, 0, "")
    while True:
        try:
            line = found.get(timeout=LOOK)
        except Empty:
            tell(latest)
            continue
        if line is None:
            return
        said = json.loads(line)
        if "error" in said:
            raise UserError(said["error"])
        latest = Progress(**said)
        tell(latest)


def _last_words(errors: IO[str], code: int) -> str:
    errors.seek(0)
    lines = errors.read().strip().splitlines()[-1:] or [f"exit code {code}"]
    return f"the process of the study ended early ({lines[0]}): what was done is kept"


def main() -> int:
    """Read a study from the input, run it, and print its progress; return the exit code."""
    # Whatever a run prints goes to the errors: the output carries the progress alone.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(NICE)  # the workers, which this process starts, have it too
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()

    def say(said: dict[str, Any]) -> None:
        print(json.dumps(said), file=told, flush=True)

    try:
        _work(asked, lambda progress: say(progress._asdict()))
    except UserError as mistake:
        say({"error": str(mistake)})
    return 0


def _work(asked: dict[str, Any], say: Callable[[Progress], None]) -> None:
    study = from_values(asked["study"], f"study {asked['study'].get('study')}")
    home = Path(asked["home"]) if asked["home"] else None
    work = Work(study, home=home, retry=asked["retry"])
    total, done = len(work.plan.jobs), len(work.ended)

    def count(record: RunRecord) -> None:
        nonlocal done
        done += 1
        say(Progress(done, total, f"{record.variant}, seed {record.seed}: {record.status}"))

    say(Progress(done, total, ""))
    work.do(Place(workers=asked["workers"]), count)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
