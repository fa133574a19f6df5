"""Sources and notebooks: the same bytes every time, there and back, and no outputs on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab import notebooks

SOURCE = """# %% [markdown]
# # Waves é
#
# A picture, then $x^2$.

# %% tags=["parameters"]
fast = True

# %%
import math


# %%
def area(r):
    return math.pi * r**2


# %%
area(1)

# %%
area(1)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "03_waves.py").write_text(SOURCE, "utf-8")
    notebooks.build(root=tmp_path)
    return tmp_path


def test_a_built_notebook_holds_the_cells_and_nothing_of_a_run(root: Path) -> None:
    found = json.loads((root / "03_waves.ipynb").read_text("utf-8"))
    assert found["metadata"]["kernelspec"]["name"] == "python3"
    kinds = [cell["cell_type"] for cell in found["cells"]]
    assert kinds == ["markdown", "code", "code", "code", "code", "code"]
    assert found["cells"][1]["metadata"] == {"tags": ["parameters"]}
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    ids = [cell["id"] for cell in found["cells"]]
    assert len(set(ids)) == len(ids), "the two equal cells must still differ in id"


def test_building_gives_the_same_bytes_in_another_process(root: Path) -> None:
    before = (root / "03_waves.ipynb").read_bytes()
    code = "import sys; from pathlib import Path; from marslab.lab import notebooks as n; "
    code += "n.build(['3'], root=Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)
    assert (root / "03_waves.ipynb").read_bytes() == before


def test_pull_of_an_unedited_notebook_changes_no_byte(root: Path) -> None:
    before = (root / "03_waves.ipynb").read_bytes()
    notebooks.pull(root / "03_waves.ipynb", root=root)
    assert (root / "src" / "03_waves.py").read_text("utf-8") == SOURCE
    assert (root / "03_waves.ipynb").read_bytes() == before


@pytest.mark.parametrize("name", ["03_waves.ipynb", "03_waves.new.ipynb"])
def test_pull_brings_an_edit_home_without_outputs(root: Path, tmp_path: Path, name: str) -> None:
    edited = json.loads((root / "03_waves.ipynb").read_text("utf-8"))
    edited["metadata"]["widgets"] = {"state": {}}
    edited["cells"][4] |= {"source": ["area(2)"], "execution_count": 7, "metadata": {"x": 1}}
    edited["cells"][4]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "12.6"}]
    injected = {"cell_type": "code", "source": "fast = False", "outputs": []}
    edited["cells"].insert(2, injected | {"metadata": {"tags": ["injected-parameters"]}})
    work = tmp_path / "work"
    work.mkdir()
    (work / name).write_text(json.dumps(edited), "utf-8")

    source = notebooks.pull(work / name, root=root)

    assert source == root / "src" / "03_waves.py"
    assert source.read_text("utf-8") == SOURCE.replace("area(1)", "area(2)", 1)
    assert notebooks.in_step(root) == []
    assert "12.6" not in (root / "03_waves.ipynb").read_text("utf-8")


def test_in_step_names_what_is_not(root: Path) -> None:
    assert notebooks.in_step(root) == []
    source = root / "src" / "03_waves.py"
    source.write_text(source.read_text("utf-8").replace("area(1)", "area(3)"), "utf-8")
    (root / "04_orphan.ipynb").write_text("{}")
    (root / "src" / "05_unbuilt.py").write_text(SOURCE, "utf-8")
    assert notebooks.in_step(root) == ["03_waves", "04_orphan", "05_unbuilt"]


@pytest.mark.parametrize("name", ["3", "03", "waves", "03_waves", "03_waves.ipynb"])
def test_a_notebook_goes_by_its_number_and_its_name(name: str) -> None:
    assert notebooks.resolve(name, ["02_scan", "03_waves"]) == "03_waves"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("03_wave", "there is no notebook '03_wave'. Did you mean '03_waves'?"),
        ("9", "there is no notebook '9'. Choose from: 03_spine, 03_waves."),
        ("3", "'3' names 03_spine and 03_waves: give the full name"),
    ],
)
def test_an_unknown_notebook_gets_the_nearest(name: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        notebooks.resolve(name, ["03_spine", "03_waves"])
    assert str(error.value).startswith(sentence)


def test_a_source_without_parameters_is_refused_and_nothing_is_written(root: Path) -> None:
    (root / "src" / "04_bare.py").write_text("# %%\nx = 1\n")
    with pytest.raises(UserError, match="first code cell of 04_bare is not its parameters: begin"):
        notebooks.build(root=root)
    assert not (root / "04_bare.ipynb").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("waves.ipynb", "{}", "waves.ipynb is not named like a notebook: call it NN_name.ipynb"),
        ("03_waves.ipynb", "{", "03_waves.ipynb is not a notebook .*: nothing was changed"),
        ("03_waves.ipynb", "{}", "03_waves.ipynb is not a notebook of format 4: save it again"),
        ("03_waves.ipynb", None, "there is no file .*03_waves.ipynb: give the .ipynb to bring"),
    ],
)
def test_what_cannot_be_pulled(
    root: Path, tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    path = tmp_path / "work" / name
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=sentence):
        notebooks.pull(path, root=root)
    assert (root / "src" / "03_waves.py").read_text("utf-8") == SOURCE


def test_without_a_checkout_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "shipped", lambda: tmp_path / "site-packages" / "notebooks")
    with pytest.raises(UserError, match="built in a checkout, .* `pip install -e .` there"):
        notebooks.build()


def test_the_title_is_the_first_heading(root: Path) -> None:
    assert notebooks.title(root / "03_waves.ipynb") == "Waves é"
