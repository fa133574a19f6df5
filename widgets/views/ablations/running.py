"""The jobs of the view: to read a study, and to run one while the page stays alive."""

import threading
import time
from collections import deque
from typing import NamedTuple

from marslab.lab.ablation import Results
from marslab.lab.ablation.apart import Progress, run_apart
from marslab.widgets.frame import Say
from marslab.widgets.views.ablations import reading
from marslab.workers import cores

REDRAW = 10.0  # seconds: each drawing takes a turn of the server that other pages wait for
_running = threading.Lock()  # two studies at once would only share the same cores


class Loaded(NamedTuple):
    """What the view shows: a study, and the one beside it if there is one."""

    results: Results
    beside: Results | None = None


def look(name: str, beside: str, say: Say) -> Loaded:
    """Read one study, or two to be compared."""
    say("Reading the runs")
    loaded = Loaded(reading.load(name), reading.load(beside) if beside else None)
    for results in (each for each in loaded if each is not None and each.runs):
        say("Working out the intervals")  # here, and not on the turn of the page
        results.summary()
    return loaded


def run(name: str, beside: str, partial: deque[Loaded], say: Say) -> Loaded:
    """Do the missing runs of a study, and those that failed before, then read it.

    Every few seconds `partial` holds what there is by then.
    """
    study = reading.load(name).study
    while not _running.acquire(timeout=0.2):
        say("Waiting for a study that another page runs")
    seen, drawn = 0, 0.0

    def tell(progress: Progress) -> None:
        nonlocal seen, drawn
        if progress.done > seen and time.monotonic() - drawn > REDRAW:
            partial.append(look(name, beside, lambda line: None))
            seen, drawn = progress.done, time.monotonic()
        say(line_of(progress))

    try:
        run_apart(study, tell, workers=max(1, cores() - 1), retry=True)  # a core for the pages
    finally:
        _running.release()
    return look(name, beside, say)


def line_of(progress: Progress) -> str:
    """Say how far a study is.

    >>> line_of(Progress(3, 12, "baseline, seed 2: done"))
    '3 of 12 runs · baseline, seed 2: done'
    """
    if not progress.total:
        return "Starting the study in a process of its own"
    last = f" · {progress.last}" if progress.last else ""
    return f"{progress.done} of {progress.total} runs{last}"
