"""The one place that starts worker processes.

They are spawned, never forked: a forked child hangs in its first parallel numba kernel when the
parent has run one. Each works with one torch thread and one numba thread, so that as many run side
by side as there are cores. They end with their parent, however it ends.

`pool` shares items out, `process` holds one process, `inside` is what runs there, `naming` how it
finds its function, `failures` what goes wrong.
"""

from marslab.workers.failures import WorkerDied, WorkerError
from marslab.workers.inside import THREAD_VARIABLES, leave_tracker, one_thread
from marslab.workers.naming import named
from marslab.workers.pool import cores, run
from marslab.workers.process import Worker, apart, ready

__all__ = [
    "THREAD_VARIABLES",
    "Worker",
    "WorkerDied",
    "WorkerError",
    "apart",
    "cores",
    "leave_tracker",
    "named",
    "one_thread",
    "ready",
    "run",
]
