"""A tiny course of two notebooks, and its site."""

from collections.abc import Callable
from pathlib import Path

import pytest

from marslab.lab import notebooks
from marslab.lab.site import building
from marslab.lab.site.cells import Task

PARAMETERS = '# %% tags=["parameters"]\nfast = True\nseed = 0\n'
TASK = Task("tiny.1", "Add <one> & be done", ("Think of $x + 1$.", "It is one line."))
Course = Callable[..., Path]

FIGURES = r"""# %% [markdown]
# # A first page
#
# Words with $a_t < b$ and a [next page](02_second.ipynb#The-end), a
# [source](../kernels/ssd/naive.py) and a [paper](https://arxiv.org/abs/2312.00752).
#
# $$h_t = a_t\,h_{t-1} + b_t$$
#
# ## Pictures & <b>numbers</b>
# The quokka lives here.

# %%
import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML
look = {"paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff", "font": {"color": "#1d2733"}}
go.Figure(
    data=[{"type": "scatter", "y": [1, 3, 2], "line": {"color": "#000033"}}],
    layout={"title": {"text": "Three </script> points"}, "height": 300, **look},
).show()
go.Figure({"data": [{"type": "bar", "y": [1, 2]}]}).show()

# %%
pd.DataFrame({"wide": ["x" * 300]})

# %%
HTML("<div><b>open <script>document.title = 'run'</script></section></main></body>")

# %%
from marslab.widgets.explorers import scan_rounds
scan_rounds(8)

# %% [markdown]
# ### Smaller
# More words.

# %% tags=["exercise"]
print('exercise("tiny.1").check(f)')
"""
SECOND = """# %% [markdown]
# # A second page
# ## The end
# Here a wombat sleeps. Ещё слово: Ёж.
"""


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A function (nb01_name=source, ...) -> folder of a course; each gets its parameters."""

    def make(**sources: str) -> Path:
        root = tmp_path_factory.mktemp("course")
        (root / "src").mkdir()
        for name, source in sources.items():
            number = name.removeprefix("nb")
            head, code, rest = source.partition("\n# %%\n")
            text = f"{head}\n\n{PARAMETERS}{code}{rest}"
            (root / "src" / f"{number}.py").write_text(text, "utf-8")
        notebooks.build(root=root)
        return root

    return make


@pytest.fixture(scope="session")
def made(course: Course, tmp_path_factory: pytest.TempPathFactory) -> building.Site:
    """The site of the tiny course, its notebooks run."""
    root = course(nb01_first=FIGURES, nb02_second=SECOND)
    out = tmp_path_factory.mktemp("made") / "a site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "task", {TASK.id: TASK}.get)
        return building.build(out, root=root, workers=1)
