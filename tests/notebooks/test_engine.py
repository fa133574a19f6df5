"""Running notebooks: what is refused, how a failure is told, what a run leaves alone."""

import sys
from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab import engine

FAILING = """
# %%
def divide(x):
    return x / 0

# %%
print("before")
divide(1)

# %%
print("never")
"""


@pytest.mark.parametrize("name", ["inproc", pytest.param("kernel", marks=pytest.mark.slow)])
def test_a_failing_cell_is_shown_with_source_and_traceback(
    course, tmp_path: Path, name: str
) -> None:
    root = course(nb02_failing=FAILING)
    (result,) = engine.run(["2"], root=root, engine=name, output_dir=tmp_path)
    failure = result.failure
    assert failure is not None and not result.ok
    assert failure.error == "ZeroDivisionError: division by zero"
    assert failure.source == 'print("before")\ndivide(1)'
    assert "return x / 0" in failure.traceback and "----> 2 divide(1)" in failure.traceback
    assert "\x1b" not in failure.traceback
    text = (tmp_path / "02_failing.ipynb").read_text("utf-8")
    assert "before\\n" in text and "never\\n" not in text


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("x = (1\nprint(2)", "SyntaxError"),
        ("%nosuchmagic", "UsageError"),
        ("raise ExceptionGroup('two', [ValueError('a')])", "ExceptionGroup"),
        ("input('name?')", "EOFError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_every_way_to_fail_is_a_failure(course, code: str, error: str) -> None:
    (result,) = engine.run(["1"], root=course(nb01_wrong=f"\n# %%\n{code}\n"))
    assert result.failure is not None
    assert result.failure.error.startswith(error)


@pytest.mark.slow
def test_a_kernel_that_dies_is_a_failure(course) -> None:
    root = course(nb01_dies="\n# %%\nimport os\nos._exit(1)\n")
    (result,) = engine.run(["1"], root=root, engine="kernel")
    assert result.failure is not None
    assert result.failure.error.startswith("DeadKernelError")
    assert "os._exit(1)" in result.failure.source


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "inproc",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarms"),
        ),
        pytest.param("kernel", marks=pytest.mark.slow),
    ],
)
def test_a_cell_that_hangs_is_stopped_and_named(course, name: str) -> None:
    root = course(nb01_hangs="\n# %%\nimport time\ntime.sleep(600)\n")
    (result,) = engine.run(["1"], root=root, engine=name, timeout=2.0)
    assert result.failure is not None
    assert "Timeout" in result.failure.error
    assert "time.sleep(600)" in result.failure.source


def test_parameters_reach_the_notebook_and_the_notebook_stays(course, tmp_path: Path) -> None:
    root = course(
        nb01_given="\n# %%\nassert (fast, seed) == (True, 7)\nopen('made', 'w').close()\n"
    )
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    (result,) = engine.run(["1"], root=root, parameters={"seed": 7})
    assert result.failure is None and result.output is None
    assert {path: path.read_bytes() for path in root.rglob("*.*")} == before
    assert not Path("made").exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"parameters": {"sed": 1}},
            "01_ok has no parameter 'sed'. Did you mean 'seed'? "
            "Use the name of one of its parameters: it has fast, seed.",
        ),
        ({"engine": "knl"}, "there is no engine 'knl': choose 'inproc' or 'kernel'"),
        ({"workers": 0}, "workers must be at least 1, got 0: leave it out for one a core"),
        (
            {"asked": ["01_no"]},
            "there is no notebook '01_no'. Did you mean '01_ok'? Choose from: 01_ok.",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(
    course, monkeypatch, wrong: dict, sentence: str
) -> None:
    monkeypatch.setattr(engine, "run_one", lambda job: pytest.fail("it ran"))
    with pytest.raises(UserError) as error:
        engine.run(**{"asked": ["1"], "root": course(nb01_ok=""), **wrong})
    assert str(error.value) == sentence


def test_a_run_never_writes_over_its_notebooks(course) -> None:
    root = course(nb01_ok="")
    with pytest.raises(UserError, match="a run never changes them: choose another output folder"):
        engine.run(["1"], root=root, output_dir=root)


@pytest.mark.slow
def test_notebooks_run_side_by_side_with_one_thread_each(course) -> None:
    code = "\n# %%\nimport os, torch\nassert torch.get_num_threads() == 1\n"
    code += "assert os.environ['OMP_NUM_THREADS'] == '1'\n"
    root, told = course(nb01_one=code, nb02_two=code, nb03_bad=FAILING), []
    results = engine.run(root=root, workers=2, on_result=told.append)
    assert [(result.name, result.ok) for result in results] == [
        ("01_one", True),
        ("02_two", True),
        ("03_bad", False),
    ]
    assert sorted(result.name for result in told) == ["01_one", "02_two", "03_bad"]
