"""How a study is repeated: its command, and the file that says what it is."""

import json
from typing import Any

from marslab.errors import UserError
from marslab.lab.ablation.ablate import TASK
from marslab.lab.ablation.study import Study, find_study, shipped, unnamed


def command(study: Study) -> str:
    """Return the command that runs a study again: its name, the one-liner, or a file to be saved.

    >>> command(Study("mine", preset="digits-scan", grid={"ssm.gate": [True, False]}))
    'marslab ablate mine.yaml'
    """
    if _is_shipped(study):
        return f"marslab ablate {study.study}"
    return _one_liner(study) or f"marslab ablate {study.study}.yaml"


def _one_liner(study: Study) -> str:
    """The command that gives a study without a file its name; empty where there is none such."""
    fields = {name: getattr(study, name) for name in ("task", "budget", "seeds", "mode")}
    again = unnamed(study.preset, study.grid, **fields) if study.preset else None
    if again != study or study.mode != "each" or study.task != TASK:
        return ""
    if list(study.seeds) != list(range(len(study.seeds))):
        return ""
    off = [name for name, values in study.grid.items() if values == [True, False]]
    sets = {name: values for name, values in study.grid.items() if name not in off}
    words = [f"--off {name}" for name in off]
    words += [f"--set {name}={','.join(map(_plain, values))}" for name, values in sets.items()]
    words += [f"--budget {name}={_plain(value)}" for name, value in study.budget.items()]
    return " ".join(["marslab ablate", str(study.preset), *words, f"--seeds {len(study.seeds)}"])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_yaml(study: Study) -> str:
    """Return the study as its file would say it."""
    import yaml

    kept = {name: value for name, value in study.to_dict().items() if value not in ("", None, {})}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, default_flow_style=None)


def _is_shipped(study: Study) -> bool:
    try:
        return study.study in shipped() and find_study(study.study) == study
    except UserError:
        return False
