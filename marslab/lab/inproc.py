"""A papermill engine that runs a notebook in this process: a kernel's outputs, no kernel start.

Imported only when notebooks run in-process, because it loads IPython and papermill.
"""

import atexit
import contextvars
import io
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import comm
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from nbformat import NotebookNode
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

from marslab.errors import UserError
from marslab.lab.isolation import isolated
from marslab.lab.recorder import Recorder, Stream

NAME = "marslab-inproc"


class Publisher(DisplayPublisher):
    """`display(...)`, `update_display` and `clear_output` of the shell below."""

    shell: "Shell"

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: object = None,
        *,
        transient: Mapping[str, str] | None = None,
        update: bool = False,
        **kwargs: object,
    ) -> None:
        recorder, display_id = self.shell.recorder, (transient or {}).get("display_id")
        if update and display_id is not None:
            recorder.update(display_id, data, metadata or {})
        else:
            content = {"data": data, "metadata": metadata or {}}
            recorder.add("display_data", display_id=display_id, **content)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.clear(wait)


class Hook(DisplayHook):
    """The value of a cell's last expression, as an `execute_result`."""

    shell: "Shell"  # pyright: ignore[reportIncompatibleVariableOverride]

    def write_output_prompt(self) -> None:
        """Nothing: the count is part of the output."""

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        content = {"data": format_dict, "metadata": md_dict or {}}
        self.shell.recorder.add("execute_result", execution_count=self.prompt_count, **content)

    def finish_displayhook(self) -> None:
        self._is_active = False


class Shell(InteractiveShell):
    """IPython without terminal, history file or kernel."""

    recorder = AnyTrait()
    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)

    def init_virtualenv(self) -> None:
        """Nothing: the notebook sees the modules of this process."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Nothing: there is no window to serve."""

    def _showtraceback(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, etype: type, evalue: BaseException, stb: list[str]
    ) -> None:
        self.recorder.add("error", ename=etype.__name__, evalue=str(evalue), traceback=stb)


class InProcess(Engine):
    """Runs the code cells of a notebook one after the other; the first error ends the run."""

    @classmethod
    def execute_managed_notebook(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        execution_timeout: float | None = None,
        **kwargs: object,
    ) -> None:
        """Run the cells, with the notes that papermill makes about each of them."""
        if InteractiveShell.initialized():
            raise UserError(
                "notebooks cannot run in-process inside IPython or Jupyter: use engine='kernel'"
            )
        # A copy of the context: a backend or a trace that the notebook sets ends with it.
        contextvars.copy_context().run(_run, nb_man, execution_timeout)


papermill_engines.register(NAME, InProcess)


def _run(nb_man: NotebookExecutionManager, timeout: float | None) -> None:
    count = 0
    with isolated(), _shell() as shell:
        for index, cell in enumerate(nb_man.nb.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            count += 1
            nb_man.cell_start(cell, index)
            result = _run_cell(shell, cell, count, timeout)
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                nb_man.cell_exception(cell, index)
            nb_man.cell_complete(cell, index)
            if isinstance(error, KeyboardInterrupt):
                raise error
            if error is not None:
                break


def _run_cell(
    shell: Shell, cell: NotebookNode, count: int, timeout: float | None
) -> ExecutionResult:
    outputs = shell.recorder.start()
    with _alarm(timeout):
        result = shell.run_cell(cell.source, store_history=True)
    cell.execution_count, cell.outputs = count, outputs
    error = result.error_before_exec or result.error_in_exec
    if error is not None and not any(output.output_type == "error" for output in outputs):
        # Usage errors of magics and groups of exceptions are printed, not shown as errors.
        shell.recorder.add("error", ename=type(error).__name__, evalue=str(error), traceback=[])
    return result


@contextmanager
def _shell() -> Iterator[Shell]:
    """A shell whose streams are recorded, with a `__main__` of its own."""
    recorder, config = Recorder(), Config({"HistoryManager": {"enabled": False}})
    create_comm = comm.create_comm
    with tempfile.TemporaryDirectory(prefix="marslab-ipython-") as folder:
        sys.stdin = io.StringIO()
        sys.stdout, sys.stderr = Stream(recorder, "stdout"), Stream(recorder, "stderr")
        comm.create_comm = comm.DummyComm  # widgets have nobody to talk to
        shell = Shell.instance(
            ipython_dir=folder, config=config, recorder=recorder, colors="nocolor"
        )
        try:
            yield shell
        finally:
            comm.create_comm = create_comm
            atexit.unregister(shell.atexit_operations)
            shell.atexit_operations()
            Shell.clear_instance()


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Raise TimeoutError inside a cell that runs too long, where the system has alarms."""
    in_main = threading.current_thread() is threading.main_thread()
    if seconds is None or not in_main or not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"the cell ran longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
