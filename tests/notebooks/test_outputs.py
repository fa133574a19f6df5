"""What a notebook shows when it runs in-process: what a kernel would have shown."""

import json
from pathlib import Path

import pytest

from marslab.lab import engine

SHOWN = """
# %%
import sys
print("one"); print("two", file=sys.stderr); print("three")
display({"text/html": "<b>b</b>"}, raw=True)
seed

# %%
import plotly.graph_objects as go
figure = go.Figure(go.Scatter(y=[1, 2]))
display(figure)
figure

# %%
figure.show()

# %%
handle = display("first", display_id=True)
print("between")

# %%
handle.update("second")
1 + 1;

# %%
from IPython.display import clear_output
print("gone")
clear_output(wait=True)
print("kept")

# %%
import ipywidgets
ipywidgets.IntSlider()
"""


def outputs(path: Path) -> list[list[tuple]]:
    """What each code cell shows, without what differs from run to run."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    shown = []
    for cell in cells:
        rows = []
        for output in cell.get("outputs", []):
            kind = output["output_type"]
            if kind == "stream":
                rows.append((kind, output["name"], "".join(output["text"])))
            else:
                data = output.get("data", {})
                plain = "".join(data.get("text/plain", ""))
                rows.append((kind, output.get("execution_count"), sorted(data), plain))
        shown.append(rows)
    return shown


def test_outputs_come_in_the_order_and_form_of_a_kernel(course, tmp_path: Path) -> None:
    (result,) = engine.run(["1"], root=course(nb01_shown=SHOWN), output_dir=tmp_path)
    assert result.failure is None
    assert result.output == tmp_path / "01_shown.ipynb"
    figure = ["application/vnd.plotly.v1+json"]
    slider = ["application/vnd.jupyter.widget-view+json", "text/plain"]
    assert outputs(tmp_path / "01_shown.ipynb")[3:] == [
        [
            ("stream", "stdout", "one\n"),
            ("stream", "stderr", "two\n"),
            ("stream", "stdout", "three\n"),
            ("display_data", None, ["text/html"], ""),
            ("execute_result", 3, ["text/plain"], "0"),
        ],
        [("display_data", None, figure, ""), ("display_data", None, figure, "")],
        [("display_data", None, figure, "")],
        [
            ("display_data", None, ["text/plain"], "'second'"),
            ("stream", "stdout", "between\n"),
        ],
        [],
        [("stream", "stdout", "kept\n")],
        [("execute_result", 9, slider, "IntSlider(value=0)")],
    ]


@pytest.mark.slow
def test_a_real_kernel_shows_the_same(course, tmp_path: Path) -> None:
    root = course(nb01_shown=SHOWN)
    for name in engine.ENGINES:
        (result,) = engine.run(["1"], root=root, engine=name, output_dir=tmp_path / name)
        assert result.failure is None
    here, there = (outputs(tmp_path / name / "01_shown.ipynb") for name in engine.ENGINES)
    # A kernel's two streams may overtake one another; each of them is in order.
    assert [sorted(map(str, cell)) for cell in merged(here)] == [
        sorted(map(str, cell)) for cell in merged(there)
    ]


def merged(cells: list[list[tuple]]) -> list[list[tuple]]:
    """Each cell with its streams joined, wherever other outputs came between."""
    joined = []
    for rows in cells:
        streams = {row[1]: "" for row in rows if row[0] == "stream"}
        for row in rows:
            if row[0] == "stream":
                streams[row[1]] += row[2]
        joined.append([row for row in rows if row[0] != "stream"] + list(streams.items()))
    return joined


@pytest.mark.slow
def test_a_real_kernel_runs_a_live_control(course, tmp_path: Path) -> None:
    code = "\n# %%\nimport ipywidgets\nipywidgets.interact(lambda x: print(x), x=3)\n"
    (result,) = engine.run(["1"], root=course(nb01_live=code), engine="kernel", output_dir=tmp_path)
    assert result.failure is None
    assert "widgets" not in json.loads((tmp_path / "01_live.ipynb").read_text())["metadata"]


def test_a_warning_reaches_the_reader(course, tmp_path: Path) -> None:
    code = "\n# %%\nimport warnings\nwarnings.warn('careful')\n"
    engine.run(["1"], root=course(nb01_warns=code), output_dir=tmp_path)
    ((kind, name, text),) = outputs(tmp_path / "01_warns.ipynb")[-1]
    assert (kind, name) == ("stream", "stderr") and "UserWarning: careful" in text
