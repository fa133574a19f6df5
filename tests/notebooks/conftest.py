"""A tiny course to build, run and copy; nothing here touches the real one or the user's home."""

from collections.abc import Callable
from pathlib import Path

import pytest

from marslab.lab import notebooks

PARAMETERS = '# %% tags=["parameters"]\nfast = False\nseed = 0\n'
Course = Callable[..., Path]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A function (name="code of the cells after the parameters", ...) -> folder of a course."""

    def make(**cells: str) -> Path:
        root = tmp_path / "course"
        (root / "src").mkdir(parents=True, exist_ok=True)
        for name, code in cells.items():
            number = name.removeprefix("nb")
            source = f"# %% [markdown]\n# # About {number[3:]}\n\n{PARAMETERS}\n{code}"
            (root / "src" / f"{number}.py").write_text(source, "utf-8")
        notebooks.build(root=root)
        return root

    return make
