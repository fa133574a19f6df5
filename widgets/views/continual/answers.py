"""The Continual learning view's tables, its sentences and its Python, made from one result."""

from collections.abc import Mapping
from dataclasses import fields
from html import escape

import pandas as pd

from marslab.learning.continual import bwt_limit
from marslab.widgets.views.continual.run import ContinualResult, Learned
from marslab.widgets.views.continual.setup import STRENGTH_OF, ContinualSetup

METHOD_NAMES = {
    "naive": "Naive: nothing against forgetting",
    "joint": "Joint: all tasks so far at once",
    "ewc": "EWC",
    "online-ewc": "EWC, online",
    "ewc-sparse": "EWC and sparse update",
    "si": "Synaptic intelligence",
    "lwf": "Learning without forgetting",
    "reptile": "Reptile: meta-learning",
    "replay": "Experience replay",
    "sparse": "Sparse update",
    "sparse-slots": "Sparse memory slots",
    "hdc-replay": "HDC replay",
    "ewc-hdc-replay": "EWC and HDC replay (MARS)",
}
SIGNS = {
    "lam": "λ",
    "c": "c",
    "alpha": "α",
    "kept": "examples",
    "share": "share",
    "slots": "slots",
}
KINDS = {
    "class": (
        "An answer is chosen from all classes, and nobody says which task an image is of. A class"
        " that was not taught is never answered, so FWT is minus the luck of the untrained network."
    ),
    "task": "The task of each image is told, and an answer is chosen from its classes only.",
    "domain": "All tasks have the same ten classes; what changes is how the image looks.",
}
READ = {
    "matrix": (
        "A row is the network after a task, a column what it then knows of a task. Framed: just"
        " learned. Below: what was left of it later. Above: what was known before it was taught."
    ),
    "course": (
        "Each task's held-out accuracy, read a dozen times a task. Thin before its turn,"
        " and upright lines where the next task begins."
    ),
    "scores": (
        "BWT is what later tasks did to earlier ones, FWT what a task had before its turn, less an"
        " untrained network. BWT, FWT and average: higher is better; forgetting: lower."
    ),
    "pixels": (
        "Fisher information of the weights behind each pixel, after each task: where EWC puts its"
        " springs. A pixel that is always blank has none."
    ),
}


def named(setup: ContinualSetup) -> str:
    """The chosen method with its strength.

    >>> named(ContinualSetup(method="ewc", lam=10)), named(ContinualSetup(method="naive"))
    ('ewc, λ = 10', 'naive')
    """
    field = STRENGTH_OF.get(setup.method)
    return setup.method if field is None else f"{setup.method}, {SIGNS[field]} = {setup.strength:g}"


def facts(result: ContinualResult) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    chosen = result.learned[result.setup.method]
    scores = chosen.found.scores
    limit = bwt_limit(chosen.found.R)
    return [
        ("Average", f"{scores.average:.1%}", "mean held-out accuracy after the last task"),
        ("BWT", _signed(scores.bwt), f"backward transfer; at most {limit:.2f} with this diagonal"),
        ("FWT", _signed(scores.fwt), "forward transfer, against the untrained network"),
        ("Forgetting", f"{scores.forgetting:.2f}", "from a task's best to its end"),
        ("Keeps", _bytes(chosen.found.memory[-1]), "between tasks, the network not counted"),
        ("Time", f"{chosen.seconds:.1f} s", "to train and to read, on this machine"),
    ]


def card(result: ContinualResult, figure: str) -> str:
    """The scores of all, in sentences, and how to read the figure."""
    rows = {title(result, name): _line(each) for name, each in result.learned.items()}
    rows["This scenario"] = KINDS[result.kind]
    rows["Figure"] = READ[figure]
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows.items())
    head = f"<h2>{escape(METHOD_NAMES[result.setup.method])}</h2>"
    return f'<div class="ml-card ml-answer" role="status">{head}<dl>{lines}</dl></div>'


def _line(learned: Learned) -> str:
    scores, memory = learned.found.scores, learned.found.memory
    grows = f", {_bytes(learned.found.growth)} more with each task" if learned.found.growth else ""
    return (
        f"average {scores.average:.1%}, BWT {_signed(scores.bwt)}, FWT {_signed(scores.fwt)}, "
        f"forgetting {scores.forgetting:.2f}; keeps {_bytes(memory[-1])}{grows}"
    )


def title(result: ContinualResult, name: str) -> str:
    """A method of the result, the chosen one with its strength."""
    return named(result.setup) if name == result.setup.method else name


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _bytes(count: float) -> str:
    """A size in decimal units.

    >>> _bytes(0), _bytes(2048), _bytes(300400)
    ('nothing', '2.0 kB', '300 kB')
    """
    if not count:
        return "nothing"
    kilo = count / 1000
    return f"{kilo:.1f} kB" if kilo < 10 else f"{kilo:,.0f} kB"


def cells(result: ContinualResult) -> pd.DataFrame:
    """R of every method: one row for each task learned and task tested."""
    rows = [
        {"method": name, "after": after, "on": on, "accuracy": value}
        for name, each in result.learned.items()
        for after, row in zip(result.tasks, each.found.R.tolist(), strict=True)
        for on, value in zip(result.tasks, row, strict=True)
    ]
    return pd.DataFrame(rows)


def readings(result: ContinualResult) -> pd.DataFrame:
    """All readings of every method: one row a reading, one column a task."""
    parts = []
    for name, each in result.learned.items():
        frame = pd.DataFrame(each.accuracy.tolist(), columns=list(result.tasks))
        frame.insert(0, "step", each.steps)
        frame.insert(0, "method", name)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def scores(result: ContinualResult) -> pd.DataFrame:
    """One row for each method: its four scores, the limit of BWT, bytes, whether it is told."""
    rows = [
        {"method": name}
        | each.found.scores._asdict()
        | {
            "bwt_limit": bwt_limit(each.found.R),
            "bytes": each.found.memory[-1],
            "bytes_a_task": each.found.growth,
            "needs_task_id": each.needs_task_id,
        }
        for name, each in result.learned.items()
    ]
    return pd.DataFrame(rows)


def pixels(result: ContinualResult) -> pd.DataFrame:
    """The importance of every pixel: one row for each method, task and pixel."""
    rows = [
        {"method": name, "task": task, "pixel": at, "fisher": value}
        for name, each in result.learned.items()
        for task, row in zip(result.tasks, each.importance.tolist(), strict=True)
        for at, value in enumerate(row)
    ]
    return pd.DataFrame(rows)


def source(values: Mapping[str, object], figure: str, side: str) -> str:
    """Python that gives the numbers again, then the view."""
    default = {field.name: field.default for field in fields(ContinualSetup)}
    given = [f"{name}={value!r}" for name, value in values.items() if value != default[name]]
    looks = {"figure": (figure, "matrix"), "side": (side, "chosen")}
    seen = [f"{name}={now!r}" for name, (now, was) in looks.items() if now != was]
    lines = [
        "import panel as pn",
        "from marslab.widgets.views import ContinualView",
        "from marslab.widgets.views.continual import ContinualSetup, run",
        "",
        'pn.extension("plotly")',
        f"found = run(ContinualSetup({', '.join(given)}))",
        "scores = {name: each.found.scores for name, each in found.learned.items()}",
        f"ContinualView({', '.join([*given, *seen])})  # the view itself, in a notebook",
    ]
    return "\n".join(lines) + "\n"
