"""Run notebooks with papermill: in this process for every commit, in real kernels for the whole.

A run never touches the notebook it reads. It works in a temporary folder; what it made is kept
only where `output_dir` says.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marslab.crew import Crew, Order
from marslab.errors import UserError, nearest
from marslab.files import write_text
from marslab.lab.isolation import environment, isolated
from marslab.lab.notebooks import names, resolve, shipped
from marslab.lab.runs import Failure, RunResult, cells_of, failure_of
from marslab.workers import cores

ENGINES = ("inproc", "kernel")
TIMEOUT = 300.0
Value = bool | int | float | str | None


@dataclass(frozen=True)
class Job:
    """All that a worker process needs to run one notebook."""

    path: Path
    engine: str
    parameters: Mapping[str, Value]
    output_dir: Path | None
    timeout: float | None
    keep_as: str = ""  # the name of the executed notebook; that of the notebook if empty


def run(
    asked: Iterable[str] | None = None,
    *,
    fast: bool = True,
    engine: str = "inproc",
    parameters: Mapping[str, Value] | None = None,
    output_dir: Path | None = None,
    workers: int | None = None,
    timeout: float | None = TIMEOUT,
    root: Path | None = None,
    on_result: Callable[[RunResult], None] | None = None,
) -> list[RunResult]:
    """Run the notebooks named (default: all of them) and tell how each one went.

    With more than one notebook the runs are shared among `workers` processes of one thread each;
    `workers=1` stays in this process. `fast` is given to each notebook that has that parameter.

    Units:
        timeout: seconds a single cell may take; None for no limit

    Errors:
        UserError: no such notebook or engine, or a parameter that a notebook does not have
    """
    options = {"engine": engine, "output_dir": output_dir, "timeout": timeout, "root": root}
    jobs = plan(asked, fast=fast, parameters=parameters or {}, **options)
    tell = on_result or (lambda result: None)
    return run_jobs(jobs, workers=workers, on_result=lambda index, result: tell(result))


def plan(
    asked: Iterable[str] | None,
    *,
    fast: bool,
    engine: str,
    parameters: Mapping[str, Value],
    output_dir: Path | None,
    timeout: float | None,
    root: Path | None,
) -> list[Job]:
    """Return what is to be run, one job for each notebook named; the arguments are those of run.

    Errors:
        UserError: no such notebook or engine, or a parameter that a notebook does not have
    """
    root = root or shipped()
    _check(engine, output_dir, root)
    known = names(root)
    chosen = known if asked is None else [resolve(name, known) for name in asked]
    paths = [root / f"{name}.ipynb" for name in dict.fromkeys(chosen)]
    return [
        Job(path, engine, _given(path, fast, parameters), output_dir, timeout) for path in paths
    ]


def run_jobs(
    jobs: Sequence[Job],
    *,
    workers: int | None = None,
    on_result: Callable[[int, RunResult], None] = lambda index, result: None,
) -> list[RunResult]:
    """Run the jobs side by side, and call on_result(index, result) as each is done.

    A process that dies costs the notebook that it ran, not the others.

    Errors:
        UserError: `workers` is not positive
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers must be at least 1, got {workers}: leave it out for one a core")
    if workers != 1 and len(jobs) > 1:
        return _side_by_side(jobs, workers or cores(), on_result)
    results = []
    for index, job in enumerate(jobs):
        results.append(run_one(job))
        on_result(index, results[-1])
    return results


def parameters_of(path: Path) -> dict[str, str]:
    """Return the parameters of a notebook and their defaults, as written in its cell."""
    from papermill import inspect_notebook

    return {name: found["default"] for name, found in inspect_notebook(path).items()}


def run_one(job: Job) -> RunResult:
    """Run one notebook here, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="marslab-run-") as folder:
        work = Path(folder, "work")
        work.mkdir()
        executed = Path(folder, job.path.name)
        extra = {"IPYTHONDIR": f"{folder}/ipython", "JUPYTER_RUNTIME_DIR": f"{folder}/runtime"}
        settings = _engine(job.engine)
        start = time.perf_counter()
        with environment(**extra):
            failure = _execute(job, settings, executed, work)
        seconds = time.perf_counter() - start
        cells = cells_of(executed)
        kept = _keep(executed, job)
    if failure is not None and failure.count is None and cells:
        failure = replace(failure, count=cells[-1].count, source=cells[-1].source)
    slowest = max(cells, key=lambda cell: cell.seconds, default=None)
    return RunResult(job.path.stem, seconds, slowest, failure, kept)


def _check(engine: str, output_dir: Path | None, root: Path) -> None:
    if engine not in ENGINES:
        raise UserError(f"there is no engine {engine!r}: choose 'inproc' or 'kernel'")
    if output_dir is not None and output_dir.resolve() == root.resolve():
        raise UserError(
            f"{output_dir} holds the notebooks that are to run, and a run never changes them: "
            "choose another output folder"
        )


def _given(path: Path, fast: bool, asked: Mapping[str, Value]) -> dict[str, Value]:
    known = parameters_of(path)
    for name in asked:
        if name not in known:
            listed = f"it has {', '.join(known)}" if known else "it has none"
            raise UserError(
                f"{path.stem} has no parameter {name!r}.{nearest(name, known)} "
                f"Use the name of one of its parameters: {listed}."
            )
    return ({"fast": fast} if "fast" in known else {}) | dict(asked)


def _execute(job: Job, settings: dict[str, Any], executed: Path, work: Path) -> Failure | None:
    """Let papermill run the notebook; what it raises becomes the failure of a cell."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError

    try:
        execute_notebook(
            job.path,
            executed,
            parameters=dict(job.parameters),
            cwd=work,
            progress_bar=False,
            kernel_name="python3",
            execution_timeout=job.timeout,
            **settings,
        )
    except PapermillExecutionError as error:
        return failure_of(error)
    except (CellTimeoutError, DeadKernelError) as error:
        return Failure(None, "", f"{type(error).__name__}: {_first_line(error)}", "")
    return None


def _engine(name: str) -> dict[str, Any]:
    """What papermill needs to be told for an engine."""
    if name == "inproc":
        from marslab.lab import inproc

        with isolated():  # what every notebook loads is loaded before the clock starts
            pass
        return {"engine_name": inproc.NAME, "request_save_on_cell_execute": False}
    from traitlets.config import Config

    return {
        "engine_name": "nbclient",
        "config": Config(KernelManager=encryption()),
        "extra_arguments": ["--IPKernelApp.log_level=50"],  # it logs being asked to end as an error
    }


def encryption() -> dict[str, str]:
    """Return the setting by which the traffic with a kernel is encrypted, where zmq can do it."""
    import zmq

    return {"transport_encryption": "auto"} if zmq.has("curve") else {}


def _keep(executed: Path, job: Job) -> Path | None:
    if job.output_dir is None or not executed.exists():
        return None
    path = job.output_dir / (job.keep_as or job.path.name)
    notebook = json.loads(executed.read_text("utf-8"))
    # Widgets' states are megabytes that only a live kernel can use; papermill's own switch for
    # them breaks `interact` (nbclient 0.11 then looks for a state that it did not keep).
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"]["papermill"] |= {"input_path": path.name, "output_path": path.name}
    write_text(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return path


def _side_by_side(
    jobs: Sequence[Job], size: int, on_result: Callable[[int, RunResult], None]
) -> list[RunResult]:
    crew, results = Crew(run_one), {}
    try:
        for ended in crew.work([Order(*pair) for pair in enumerate(jobs)], size):
            job, error = jobs[ended.key], ended.error
            results[ended.key] = ended.result if error is None else _broken(job, error)
            on_result(ended.key, results[ended.key])
    finally:
        crew.rest()
    return [results[index] for index in range(len(jobs))]


def _broken(job: Job, error: Exception) -> RunResult:
    """The result of a run that raised outside of its cells, or whose process died."""
    told = str(error).removeprefix("item 0: ")
    failure = Failure(None, "", told, getattr(error, "trace", ""))
    return RunResult(job.path.stem, 0.0, None, failure, None)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
