"""Figures stay with an executed notebook, and come back from its file."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marslab.errors import UserError
from marslab.lab import engine, notebooks
from marslab.lab.claims import claim, record, records
from marslab.lab.claims.records import MIME, Record, of_notebook

PARAMETERS = '# %% tags=["parameters"]\nfast = False\nseed = 0\n'
CELLS = f"""# %% [markdown]
# # Figures

{PARAMETERS}
# %%
from marslab.lab.claims import claim, record

record("sweeps", 12)
print("between")
record("diverged", float("inf"))
record("nothing", float("nan"))

# %%
claim("mmrec-clamp", 4976)
record("backend", "numba")
record("converged", True)
"""
STORED = [
    Record("record", "sweeps", 12),
    Record("record", "diverged", math.inf),
    Record("claim", "mmrec-clamp", 4976),
    Record("record", "backend", "numba"),
    Record("record", "converged", True),
]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (12, "12"),
        (0.5, "0.5"),
        (True, "True"),
        ("numba", "numba"),
        (np.float64(0.25), "0.25"),
        (np.int64(3), "3"),
        (np.float32(0.5), "0.5"),
        (torch.tensor(7), "7"),
        (torch.tensor([0.5]), "0.5"),
    ],
    ids=str,
)
def test_outside_a_notebook_a_line_is_printed(
    value: object, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    record("x", value)
    claim("mmrec-clamp", value)
    assert capsys.readouterr().out == f"record x = {told}\nclaim mmrec-clamp = {told}\n"


@pytest.mark.parametrize("value", [None, [1.0], {}, torch.ones(2), np.ones(3), 1j, "x" * 10_001])
def test_what_is_no_figure_is_refused(value: object) -> None:
    with pytest.raises(UserError, match="must be one number, a text of up to"):
        record("x", value)


@pytest.mark.parametrize("name", ["", "  ", 3, None, "x" * 121])
def test_a_record_needs_a_name(name: Any) -> None:
    with pytest.raises(UserError, match="a record needs a name"):
        record(name, 1)


def test_an_unknown_claim_names_the_nearest() -> None:
    with pytest.raises(UserError, match="no claim 'mmrec-clmp'. Did you mean 'mmrec-clamp'"):
        claim("mmrec-clmp", 1)


class Shell:
    """Stands for the IPython of a cell: keeps what it would show."""

    def __init__(self) -> None:
        self.display_pub, self.outputs = self, []

    def publish(self, *, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.outputs.append({"output_type": "display_data", "data": data, "metadata": metadata})


def test_what_a_cell_stores_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(records, "_shell", lambda: shell)
    for kind, name, value in STORED:
        (claim if kind == "claim" else record)(name, value)
    record("nothing", math.nan)
    path = tmp_path / "ran.ipynb"
    cell = {"cell_type": "code", "outputs": shell.outputs}
    path.write_text(json.dumps({"cells": [cell]}, allow_nan=False), "utf-8")
    *found, nothing = of_notebook(path)
    assert found == STORED and math.isnan(float(nothing.value))
    assert [type(stored.value) for stored in found] == [int, float, int, str, bool]
    assert shell.outputs[0]["data"]["text/plain"] == "record sweeps = 12"


@pytest.mark.slow
def test_a_notebook_carries_its_figures(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "01_figures.py").write_text(CELLS, "utf-8")
    notebooks.build(root=tmp_path)
    (result,) = engine.run(["01_figures"], root=tmp_path, output_dir=tmp_path / "out")
    assert result.ok and result.output is not None
    found = of_notebook(result.output)
    nothing = found.pop(2)
    assert found == STORED and nothing.name == "nothing" and math.isnan(float(nothing.value))
    text = result.output.read_text("utf-8")
    assert "record sweeps = 12" in text
    json.loads(text, parse_constant=pytest.fail)  # NaN would make it unreadable to JupyterLab


def test_a_notebook_that_never_ran_has_none() -> None:
    assert of_notebook(notebooks.shipped() / "01_from_loop_to_scan.ipynb") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', '{"cells": [1]}', "[" * 5000])
def test_a_file_that_is_no_notebook_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.ipynb"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match="is no notebook"):
        of_notebook(path)


def test_a_missing_notebook_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no notebook"):
        of_notebook(tmp_path / "none.ipynb")


@pytest.mark.parametrize(
    "stored",
    [
        3,
        {"kind": "rumour", "name": "x", "value": 1},
        {"kind": "record", "name": "x", "value": None},
        {"kind": "record", "name": "", "value": 1},
        {"kind": "record", "value": 1},
    ],
    ids=str,
)
def test_a_damaged_record_is_told(tmp_path: Path, stored: object) -> None:
    path = tmp_path / "odd.ipynb"
    cell = {"cell_type": "code", "outputs": [{"data": {MIME: stored}}]}
    path.write_text(json.dumps({"cells": [cell]}), "utf-8")
    with pytest.raises(UserError, match=r"a record in .* is damaged"):
        of_notebook(path)


def test_storing_a_figure_loads_neither_torch_nor_ipython() -> None:
    code = (
        "import sys\nfrom marslab.lab.claims import claim, record\n"
        "claim('mmrec-clamp', 1)\n"
        "print([m for m in ('torch', 'IPython', 'numba') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["claim mmrec-clamp = 1", "[]"]
