"""A study as its author writes it: what to change, how often, on which task, with which budget."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from marslab.config import read
from marslab.errors import UserError, unknown
from marslab.presets import presets, read_yaml

SEEDS = (0, 1, 2)  # when a study names none
SEED_LIMIT = 2**32  # what numpy takes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
Mode = Literal["each", "product"]


@dataclass(frozen=True)
class Study:
    """What a study file says. The first value of each entry of `grid` is the baseline's.

    `grid` names settings of the preset by dots, and settings of the task as `task.x`. In mode
    "each" one entry at a time leaves the baseline, in mode "product" all combinations are run.

    Units:
        budget: settings of the task; `seconds` is the time that one run may take

    Errors:
        ValueError: a name that is no file name, an empty grid or entry, seeds that repeat

    >>> Study("scan-width", task="scan", grid={"task.width": [64, 128]}).seeds
    (0, 1, 2)
    """

    study: str
    title: str = ""
    preset: str | None = None
    task: str = "digits"
    budget: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = SEEDS
    mode: Mode = "each"
    grid: dict[str, list[Any]] = field(default_factory=dict)
    metric: str = ""  # the task's main metric when empty

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.study):
            raise ValueError(
                f"the name of a study is letters, digits, '.', '_' and '-', got {self.study!r}"
            )
        if not self.grid:
            raise ValueError("grid is empty: name a setting and its values, the baseline's first")
        for name, values in self.grid.items():
            if not values:
                raise ValueError(f"grid: {name} has no values: give the baseline's first")
        self._check_seeds()
        seconds = self.seconds
        if seconds is not None and not (_is_number(seconds) and seconds > 0):
            raise ValueError(f"budget.seconds must be a positive number, got {seconds!r}")

    def _check_seeds(self) -> None:
        if not self.seeds:
            raise ValueError("seeds is empty: name at least one, for example [0, 1, 2]")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must differ, got {list(self.seeds)}")
        for seed in self.seeds:
            if not 0 <= seed < SEED_LIMIT:
                raise ValueError(f"seeds must be from 0 to {SEED_LIMIT - 1}, got {seed}")

    @property
    def seconds(self) -> float | None:
        """The time that one run may take, in seconds; None without a limit."""
        return self.budget.get("seconds")

    @property
    def settings(self) -> dict[str, Any]:
        """The budget without the time limit: settings of the task."""
        return {name: value for name, value in self.budget.items() if name != "seconds"}

    def to_dict(self) -> dict[str, Any]:
        """Return the study as it would stand in a file."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds)}

    def replaced(self, **changes: Any) -> "Study":
        """Return the study with some of its fields changed, checked like a file."""
        return from_values(self.to_dict() | changes, f"study {self.study}")


def from_values(values: Mapping[str, Any], where: str) -> Study:
    """Return the study that plain values describe.

    Errors:
        UserError: no such field, or a value that it refuses; the sentence begins with `where`

    >>> from_values({"study": "s", "grid": {"ssm.gate": [True]}, "sedes": [0]}, "s.yaml")
    Traceback (most recent call last):
    marslab.errors.UserError: s.yaml: there is no setting 'sedes'. Did you mean 'seeds'? ...
    """
    try:
        return read(Study, values)
    except UserError as mistake:
        raise UserError(f"{where}: {mistake}") from mistake


def read_study(file: Path | Traversable) -> Study:
    """Return the study in a YAML file.

    Errors:
        UserError: the file cannot be read, or is no study
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as problem:
        told = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"the study {file} cannot be read: {told}") from problem
    return from_values(read_yaml(text, file.name), file.name)


def shipped() -> dict[str, Traversable]:
    """Return the studies that come with marslab: name -> file.

    >>> "digits-scan-parts" in shipped()
    True
    """
    folder = files("marslab.data") / "studies"
    found = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else []
    return {f.name.removesuffix(".yaml"): f for f in found if f.name.endswith(".yaml")}


def find_study(name: str) -> Study:
    """Return the study in the YAML file `name`, or the shipped study of that name.

    Errors:
        UserError: neither; or the file is no study
    """
    if name.endswith((".yaml", ".yml")):
        return read_study(Path(name))
    known = shipped()
    if name not in known:
        if name in presets():
            raise UserError(
                f"{name} is a preset: say what to change, "
                f"for example marslab ablate {name} --off NAME or --set NAME=VALUE,VALUE"
            )
        raise UserError(unknown("study", name, known))
    return read_study(known[name])


def unnamed(
    preset: str | None,
    grid: Mapping[str, Sequence[Any]],
    *,
    task: str,
    budget: Mapping[str, Any],
    seeds: Sequence[int],
    mode: str,
) -> Study:
    """Return a study of a preset and a grid, named by what it does: asked again, it goes on.

    >>> grid = {"ssm.gate": [True, False]}
    >>> made = unnamed("digits-scan", grid, task="digits", budget={}, seeds=[0], mode="each")
    >>> made.study
    'digits-scan-ssm.gate-...'
    """
    plain = {name: list(values) for name, values in grid.items()}
    parts = [preset, task, plain, dict(budget), mode]
    try:
        mark = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:6]
    except (TypeError, ValueError) as problem:
        raise UserError(f"the grid holds what a study cannot: {problem}") from problem
    words = [word for word in (preset or task, *plain) if NAME.fullmatch(word)]
    values = {
        "study": "-".join(["-".join(words)[:80], mark]),
        "title": f"{preset or task}: {', '.join(plain)}",
        "preset": preset,
        "task": task,
        "budget": dict(budget),
        "seeds": list(seeds),
        "mode": mode,
        "grid": plain,
    }
    return from_values(values, preset or task)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
