"""The command line: help, exit codes, one sentence for each mistake, JSON for programs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import pytest

import marslab
from marslab import cli
from marslab.errors import MissingExtra, UserError

COMMANDS = ["lab", "dash", "doctor", "models", *cli.COMMANDS]


class Ran:
    """What one call of the command line left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = re.sub(r"[\s│]+", " ", err)  # usage errors are drawn in a box


@pytest.fixture
def marslab_(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Call the entry point with arguments, in this process."""
    monkeypatch.setenv("MARSLAB_DEBUG", "")  # set by --debug; restored after the test

    def call(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["marslab", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        told = capsys.readouterr()
        return Ran(code if isinstance(code, int) else 0, told.out, told.err)

    return call


def failing(error: BaseException) -> FunctionType:
    def fail(*_, **__) -> None:
        raise error

    assert isinstance(fail, FunctionType)
    return fail


def raised_by_us(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `marslab doctor` meet `error`, as if a line of marslab had raised it."""
    fail = failing(error)
    ours = FunctionType(fail.__code__, {"__name__": "marslab.lab.x"}, closure=fail.__closure__)
    monkeypatch.setattr("marslab.lab.doctor.report", ours)


def test_help_names_every_command(marslab_) -> None:
    ran = marslab_("--help")
    assert ran.code == 0
    assert [name for name in COMMANDS if not re.search(rf"\b{name}\b", ran.out)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(marslab_, command: str) -> None:
    ran = marslab_(command, "--help")
    assert ran.code == 0
    assert f"marslab {command}" in ran.out and "--help" in ran.out


def test_version(marslab_) -> None:
    ran = marslab_("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"marslab {marslab.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["benhc"], "No such command 'benhc'. Did you mean 'bench'?"),
        (["doctor", "--jsn"], "No such option: --jsn"),
        (["lab", "--port", "many"], "Invalid value for '--port'"),
        (["dash", "--port", "99999"], "Invalid value for '--port'"),
        (["bench", "linear_scam"], "Did you mean 'linear_scan'?"),
        (["bench", "--no-such-option"], "No such option: --no-such-option"),
        (["nb", "rum"], "Did you mean 'run'?"),
    ],
)
def test_a_mistake_gets_a_sentence_and_exit_code_2(marslab_, arguments, sentence) -> None:
    ran = marslab_(*arguments)
    assert ran.code == 2
    assert sentence in ran.err and ran.out == ""
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("epochs must be positive,\n  got 0"), 2, "epochs must be positive, got 0"),
        (ValueError("b must be [B, L, D]"), 2, "b must be [B, L, D]"),
        (TypeError("b must be a tensor"), 2, "b must be a tensor"),
        (MissingExtra("gpu", "triton"), 3, "pip install 'marslab[gpu]'"),
        (FileNotFoundError(2, "No such file", "x.yaml"), 2, "No such file: 'x.yaml'"),
        (KeyError("wave"), 1, "KeyError: 'wave' (see the stack trace: marslab --debug ...)"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_of_ours_is_one_sentence(marslab_, monkeypatch, error, code, sentence) -> None:
    raised_by_us(monkeypatch, error)
    ran = marslab_("doctor")
    assert ran.code == code
    assert sentence in ran.err and ran.err.count("marslab: ") == bool(sentence)
    assert "Traceback" not in ran.err and ran.out == ""


def test_a_value_error_from_elsewhere_is_a_failure(marslab_, monkeypatch) -> None:
    monkeypatch.setattr("marslab.lab.doctor.report", failing(ValueError("deep inside")))
    ran = marslab_("doctor")
    assert ran.code == 1 and "ValueError: deep inside" in ran.err


def test_debug_shows_the_stack_trace(marslab_, monkeypatch) -> None:
    raised_by_us(monkeypatch, UserError("too wide"))
    ran = marslab_("--debug", "doctor")
    assert ran.code == 2
    assert "Traceback" in ran.err and "marslab: too wide" in ran.err


def test_doctor(marslab_, tmp_path: Path) -> None:
    ran = marslab_("doctor", "--json")
    assert ran.code == 0 and ran.err == ""
    found = json.loads(ran.out)
    assert found["home"] == str(tmp_path / "home") and found["schemas"]["trace"] == 1
    assert found["backends"]["naive"]["ok"] and found["packages"]["torch"].startswith("2.")
    assert set(found["extras"]) == {"gpu", "arc", "embed", "hub", "edge", "cluster", "dev"}
    assert set(found["ports"]) == {"lab", "dash"}
    assert found["cores"]["logical"] >= 1 and found["memory"]["total_gb"] > 0


def test_doctor_in_words_says_why_a_backend_cannot_run(marslab_, monkeypatch) -> None:
    from marslab.lab import doctor

    found = doctor.report()
    found["backends"]["triton"] = {"ok": False, "reason": "no CUDA device", "device": "none"}
    found["extras"]["gpu"] = ["triton==3.7.1"]
    monkeypatch.setattr("marslab.lab.doctor.report", lambda: found)
    ran = marslab_("doctor")
    assert "triton: no, no CUDA device" in ran.out
    assert "gpu: missing triton==3.7.1" in ran.out


def test_models(marslab_) -> None:
    listed = json.loads(marslab_("models", "--json").out)
    shipped = next(row for row in listed if row["name"] == "digits-recurrence")
    assert set(shipped) >= {"system", "parameters", "bytes", "data", "scores", "licence"}
    assert "digits-recurrence" in marslab_("models").out


def test_lab_opens_the_lab(marslab_, monkeypatch, tmp_path: Path) -> None:
    asked = {}
    monkeypatch.setattr("marslab.lab.server.open_lab", lambda **given: asked.update(given) or 1)
    ran = marslab_("lab", "--work", str(tmp_path), "--port", "9000", "--no-browser", "--check")
    assert asked == {"work": tmp_path, "port": 9000, "browser": False, "check": True}
    assert ran.code == 1


def test_dash_starts_the_dashboards_in_a_process(marslab_, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(cli, "_wait", lambda command: asked.append(command) or 3)
    assert marslab_("dash", "scans", "--host", "0.0.0.0", "--password", "x y").code == 3
    assert marslab_("dash", "--no-browser", "--port", "6000").code == 3
    start = [sys.executable, "-P", "-m", "marslab.widgets"]
    assert asked[0] == [*start, "--host=0.0.0.0", "--password=x y", "--", "scans"]
    assert asked[1] == [*start, "--host=127.0.0.1", "--port=6000", "--no-browser"]


def test_the_exit_code_of_the_process_is_ours() -> None:
    assert cli._wait([sys.executable, "-c", "import sys; sys.exit(3)"]) == 3


@pytest.mark.slow
def test_as_a_program_without_colour(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-m", "marslab.cli", "doctor"],
        env=os.environ | {"NO_COLOR": "1", "FORCE_COLOR": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "torch" in done.stdout
    assert not re.search(r"\x1b\[[\d;]*(3[0-7]|9[0-7])m", done.stdout)


def test_threads_that_wait_sleep_but_where_they_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "app", lambda **options: None)
    for command, policy in (("doctor", "passive"), ("bench", None)):
        monkeypatch.setattr(sys, "argv", ["marslab", command])
        with monkeypatch.context() as own:
            own.delenv("OMP_WAIT_POLICY", raising=False)
            cli.main()
            assert os.environ.pop("OMP_WAIT_POLICY", None) == policy
