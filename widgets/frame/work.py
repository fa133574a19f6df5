"""Long computations in a thread of their own, so that a page stays alive and can say "stop"."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import panel as pn

Say = Callable[[str], None]
Job = Callable[[Say], Any]


class Cancelled(Exception):
    """Raised inside a job, where it reports its progress, once nobody waits for it."""


class Work:
    """Run one job at a time; a new one cancels the one before, whose result is then dropped.

    A job takes `say`, and calls it with a line of progress as often as it can: there it stops when
    it was cancelled. `said`, `done` and `failed` are called on the page's own turn, in order.
    """

    def __init__(
        self,
        said: Callable[[str], None],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._said, self._done, self._failed = said, done, failed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, job: Job) -> None:
        """Start `job` in a thread, in place of the one that runs."""
        self.cancel()
        stop, post = threading.Event(), _turn()
        self._stop = stop
        letters: deque[tuple[Callable[[Any], None], Any]] = deque()
        reading = threading.Lock()

        def read() -> None:
            with reading:  # turns may come in several threads; the letters stay in their order
                while letters:
                    receive, what = letters.popleft()
                    if not stop.is_set():
                        receive(what)

        def tell(receive: Callable[[Any], None], what: Any) -> None:
            letters.append((receive, what))
            post(read)

        def say(line: str) -> None:
            if stop.is_set():
                raise Cancelled
            tell(self._said, line)

        def run() -> None:
            try:
                tell(self._done, job(say))
            except Cancelled:
                pass
            except Exception as error:
                tell(self._failed, error)

        self._thread = threading.Thread(target=run, name="marslab-view", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Ask the job to stop at its next line of progress; nothing of it arrives from now on."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait until the job has ended, and tell whether it has.

        Units:
            seconds: the longest wait
        """
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()


def _turn() -> Callable[[Callable[[], None]], object]:
    """How another thread acts on the page: on its next turn if it is served, else at once."""
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        return lambda act: act()
    return lambda act: document.add_next_tick_callback(act)
