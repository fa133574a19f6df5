"""Progress of a study on stderr: a bar on a terminal, a line for each run elsewhere."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.store import RunRecord


class Bar:
    """Runs done of all, the score of the last one, the time that is left."""

    def __init__(self, console: Console, metric: Metric, done: int, total: int) -> None:
        self.console, self.metric, self.done, self.total = console, metric, done, total
        self.drawn = Progress(
            TextColumn("runs"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.drawn.add_task("", total=total, completed=done)

    def __enter__(self) -> "Bar":
        self.drawn.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drawn.stop()

    def tell(self, record: RunRecord) -> None:
        """One more run has ended."""
        self.done += 1
        words = last(record, self.metric)
        self.drawn.update(self.task, completed=self.done, description=words)
        if not self.console.is_terminal or record.status == "failed":
            line = f"{self.done}/{self.total} {words}"
            self.console.print(line, soft_wrap=True, markup=False, highlight=False)


def last(record: RunRecord, metric: Metric) -> str:
    """Say in a line how a run ended.

    >>> from marslab.lab.ablation.metrics import Metric
    >>> run = RunRecord("1", "s", "ssm.gate=false", {}, 0, "failed", error="out of memory")
    >>> last(run, Metric("held_out", "held-out accuracy", True, "share"))
    'ssm.gate=false, seed 0: failed: out of memory'
    """
    value = record.metrics.get(metric.name)
    if record.status == "failed":
        told = f"failed: {record.error}"
    else:
        told = "no finite figure" if value is None else metric.told(value)
    return f"{record.variant}, seed {record.seed}: {told}"
