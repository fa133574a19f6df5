"""A notebook that ran in this process changed nothing for those who come after it."""

import builtins
import os
import random
import sys
import warnings

import numpy as np
import plotly.io as pio
import pytest
import torch

from marslab.kernels import backends
from marslab.lab import engine

LEAKY = """
# %%
import builtins, os, random, sys, warnings
import numpy as np, torch, plotly.io as pio
from marslab.kernels import backends

# %%
os.chdir(".."); os.environ["MARSLAB_LEAK"] = "1"; sys.path.append("/leak"); sys.argv.append("leak")
warnings.simplefilter("ignore"); builtins.leak = 1; leaked = 1
torch.set_num_threads(1); torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(True)
random.seed(99); np.random.seed(99); torch.manual_seed(99); np.seterr(all="raise")
pio.renderers.default = "browser"; pio.templates.default = "plotly_dark"
backends._preferred.set("naive"); sys.stdout = None
"""


def test_a_notebook_leaves_the_process_as_it_was(course) -> None:
    root = course(nb01_leaky=LEAKY, nb02_first="\n# %%\nimport numpy, torch, plotly.io\n")
    engine.run(["2"], root=root)  # packages set things when they are first loaded
    torch.set_num_threads(2)
    before = state()
    (result,) = engine.run(["1"], root=root)
    assert result.failure is None
    assert state() == before


def state() -> dict[str, object]:
    """What a notebook could have changed for those who come after it."""
    return {
        "main": id(sys.modules["__main__"]),
        "streams": [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr, sys.displayhook)],
        "place": (os.getcwd(), dict(os.environ), list(sys.path), list(sys.argv)),
        "warnings": list(warnings.filters),
        "names": sorted(vars(builtins)),
        "torch": (
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_rng_state().tolist(),
        ),
        "random": (random.getstate(), str(np.random.get_state()), np.geterr()),  # noqa: NPY002
        "plotly": (pio.renderers.default, pio.templates.default),
        "backend": backends._preferred.get(),
    }


def test_ctrl_c_ends_the_run_and_leaves_nothing_behind(course) -> None:
    root = course(nb01_leaky=LEAKY + "raise KeyboardInterrupt\n")
    before = state()
    with pytest.raises(KeyboardInterrupt):
        engine.run(["1"], root=root)
    assert state() == before


def test_no_name_passes_from_one_notebook_to_the_next(course) -> None:
    root = course(nb01_sets="\n# %%\nleft_over = 1\n", nb02_asks="\n# %%\nleft_over\n")
    first, second = engine.run(root=root, workers=1)
    assert first.ok
    assert second.failure is not None and second.failure.error.startswith("NameError")


def test_panel_is_not_told_to_carry_its_own_bundle(course, monkeypatch) -> None:
    monkeypatch.setenv("PANEL_INLINE", "True")
    code = "\n# %%\nimport os\nassert 'PANEL_INLINE' not in os.environ\n"
    (result,) = engine.run(["1"], root=course(nb01_panel=code))
    assert result.failure is None
    assert os.environ["PANEL_INLINE"] == "True"
