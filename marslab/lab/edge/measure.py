"""Measure the edge table here: sizes, latencies by turns on one thread, accuracy over seeds."""

import re
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor, nn

from marslab import files, workers
from marslab.compress.onnx_file import OPSET, OnnxModel, to_onnx
from marslab.compress.pruning import zeros
from marslab.kernels.roofline import watch
from marslab.lab.bench.conditions import surroundings
from marslab.lab.edge.making import DYNAMIC, FIRST, variants
from marslab.lab.edge.plan import EdgePlan
from marslab.lab.edge.table import EdgeRow, EdgeTable
from marslab.learning.fit import accuracy
from marslab.tasks import load_digits_sequences

BESIDE = re.compile(r"(_scale|_zero_point)_\d+$|\.scale$")  # as PT2E and Int8Linear name them
TORCH, ONNX = "torch", "onnxruntime"
WARM_UP = 20  # calls of each before the clock runs
PACKAGES = ("marslab", "torch", "torchao", "onnx", "onnxruntime", "onnxscript", "numpy", "numba")
METHOD = (
    "one example a call, examples of the held-out part in turn; variants take turns call by call, "
    "each run once untimed and then timed, in a process of one thread; wall clock, median and "
    "99th percentile"
)


class Job(NamedTuple):
    """One seed of a plan, as it travels to a worker; the files of the first one are kept."""

    plan: EdgePlan
    seed: int
    folder: str
    timed: bool


class Delivered(NamedTuple):
    """One variant as it would be delivered: how it is called, and the file that holds it."""

    name: str
    runtime: str
    model: nn.Module
    call: nn.Module
    file: Path


def edge_table(plan: EdgePlan, on_seed: Callable[[int], None] | None = None) -> EdgeTable:
    """Train every variant with every seed, and time those of the first one.

    Each seed has a process of its own; the first runs alone, since it is timed.

    Errors:
        MissingExtra: a package of the extra `edge` is not installed
        UserError: no such preset or setting
    """
    with tempfile.TemporaryDirectory(prefix="marslab-edge-") as folder:
        jobs = [Job(plan, seed, folder, at == 0) for at, seed in enumerate(plan.seeds)]
        found = []
        for part in filter(None, (jobs[:1], jobs[1:])):
            found += workers.run(_measured, part)
            if on_seed is not None:
                on_seed(len(found))
    scores = {
        name: tuple(each["accuracy"][name] for each in found) for name in found[0]["accuracy"]
    }
    rows = [EdgeRow(**row, accuracy=scores[row["name"]]) for row in found[0]["rows"]]
    return EdgeTable(_conditions(plan), tuple(rows))


def _measured(job: Job) -> dict[str, Any]:
    split = load_digits_sequences()
    made = variants(job.plan, split, job.seed)
    found: dict[str, Any] = {
        "accuracy": {n: accuracy(m, split.test_x, split.test_y) for n, m in made.items()}
    }
    if job.timed:
        found["rows"] = _rows(made, split.test_x, job)
    return found


@torch.no_grad()
def _rows(made: dict[str, nn.Module], x: Tensor, job: Job) -> list[dict[str, Any]]:
    delivered = _delivered(made, x[:1], Path(job.folder))
    taken = latencies({(d.name, d.runtime): d.call for d in delivered}, x, job.plan.repeats)
    rows = []
    for each in delivered:
        data = each.file.read_bytes()
        seconds = taken[each.name, each.runtime]
        rows.append(
            {
                "name": each.name,
                "runtime": each.runtime,
                "parameters": _parameters(each.model),
                "zeros": _zeros(each.model),
                "file_bytes": len(data),
                "packed_bytes": len(zlib.compress(data, 9)),
                "ms_median": 1e3 * median(seconds),
                "ms_p99": 1e3 * sorted(seconds)[-1 - len(seconds) // 100],
                "difference": float((each.call(x) - each.model(x)).abs().max()),
            }
        )
    return rows


def _delivered(made: dict[str, nn.Module], example: Tensor, folder: Path) -> list[Delivered]:
    """In torch what torch alone runs, and the model to compare with; the rest as ONNX files."""
    found = []
    for at, (name, model) in enumerate(made.items()):
        if name in (FIRST, DYNAMIC):
            path = folder / f"{at}.safetensors"
            files.write_bytes(path, save(dict(model.state_dict())))
            found.append(Delivered(name, TORCH, model, model, path))
        if name != DYNAMIC:
            path = to_onnx(model, example, folder / f"{at}.onnx")
            found.append(Delivered(name, ONNX, model, OnnxModel(path), path))
    return found


@torch.no_grad()
def latencies(calls: Mapping[Any, nn.Module], x: Tensor, repeats: int) -> dict[Any, list[float]]:
    """Seconds of `repeats` calls of each model on one example, A B C, A B C, ...

    Shapes (n examples):
        x: [n, ...], taken one after the other

    >>> taken = latencies({"a": nn.Identity()}, torch.zeros(2, 3), 5)
    >>> len(taken["a"])
    5
    """
    taken: dict[Any, list[float]] = {name: [] for name in calls}
    for at in range(-WARM_UP, repeats):
        one = x[at % len(x)][None]
        for name, model in calls.items():
            model(one)  # untimed: the caches are still full of the variant before
            seconds = watch(lambda model=model, one=one: model(one))()
            if at >= 0:
                taken[name].append(seconds)
    return taken


def _zeros(model: nn.Module) -> float | None:
    """The share of weights that are zero, where they are real numbers."""
    real = any(isinstance(m, nn.Linear) for m in model.modules())
    return round(zeros(model), 4) if real else None


def _parameters(model: nn.Module) -> int:
    """Numbers that the model holds, step sizes and zero points aside."""
    kept = model.state_dict().items()
    return sum(x.numel() for name, x in kept if not BESIDE.search(name))


def _conditions(plan: EdgePlan) -> dict[str, Any]:
    return {
        **surroundings(PACKAGES),
        "threads": 1,
        "opset": OPSET,
        "warm_up": WARM_UP,
        "method": METHOD,
        "plan": asdict(plan),
    }
