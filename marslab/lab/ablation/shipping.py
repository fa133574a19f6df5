"""Results that come with marslab: beside a study's YAML file one JSON file of the same name."""

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from marslab import home
from marslab.errors import UserError, unknown
from marslab.files import write_text
from marslab.lab.ablation.store import RunRecord, read_json, record_of
from marslab.lab.checkout import data_folder

KIND, FOLDER = "study-results", "studies"


class Shipped(NamedTuple):
    """Where the results of a study stand, what it means (as in study.json), and its runs by id."""

    file: Path
    values: dict[str, Any]
    runs: dict[str, RunRecord]


def measured(folder: Path | None = None) -> list[str]:
    """Return the names of the studies whose results come with marslab.

    >>> "continual-digits" in measured()
    True
    """
    folder = folder or Path(str(files("marslab.data"))) / FOLDER
    return sorted(file.stem for file in folder.glob("*.json"))


def read_shipped(name: str, folder: Path | None = None) -> Shipped:
    """Return the shipped results of a study.

    Errors:
        UserError: there are none, or the file is damaged
    """
    known = measured(folder)
    if name not in known:
        raise UserError(unknown("study with shipped results", name, known))
    file = (folder or Path(str(files("marslab.data"))) / FOLDER) / f"{name}.json"
    values = read_json(file, KIND)
    runs = values.pop("runs", None)
    if not isinstance(runs, list):
        raise UserError(f"{file} is damaged: runs: remove or restore it")
    records = [record_of(each, file) for each in runs]
    return Shipped(file, values, {record.id: record for record in records})


def ship(values: dict[str, Any], runs: list[RunRecord], folder: Path | None = None) -> Path:
    """Write the results of a study into data/studies of the checkout; return the file.

    `values` is what study.json says; one line of the file for each run. Traces stay where they are.

    Errors:
        UserError: this marslab is installed without a checkout, or a run failed or is missing
    """
    name = values["study"]["study"]
    wanted = [run for variant in values["variants"] for run in variant["runs"]]
    done = {run.id: run for run in runs if run.status == "done"}
    if missing := [run for run in wanted if run not in done]:
        raise UserError(f"{len(missing)} runs of {name} are not done: run the study, then ship it")
    file = data_folder("a study", folder) / FOLDER / f"{name}.json"
    head = json.dumps(values | home.stamp(KIND), ensure_ascii=False, allow_nan=False)
    lines = [json.dumps(asdict(done[run]) | {"trace": None}, allow_nan=False) for run in wanted]
    write_text(file, head[:-1] + ', "runs": [\n' + ",\n".join(lines) + "\n]}\n")
    return file
