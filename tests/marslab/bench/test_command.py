"""The command: what it writes and prints, its exit codes, its sentences."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from marslab import kernels
from marslab.errors import UserError
from marslab.lab.bench import command, conditions, measure, ops, report
from marslab.lab.bench.ops import linear_scan
from marslab.lab.bench.variants import peer

app = typer.Typer()
app.command()(command.bench)


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def with_peers(monkeypatch: pytest.MonkeyPatch, *peers) -> None:
    """Let linear_scan have these peers and the torch backend alone."""
    ours = tuple(v for v in linear_scan.OP.variants if v.name == "torch")
    monkeypatch.setattr(linear_scan, "OP", replace(linear_scan.OP, variants=(*ours, *peers)))


@pytest.mark.usefixtures("small")
def test_quick_measures_writes_and_prints(tmp_path: Path) -> None:
    done = invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    assert done.exit_code == 0, done.output
    (path,) = tmp_path.iterdir()
    found = report.read(path)
    assert [row.case.direction for row in found.rows] == ["fwd", "fwd+bwd"] * 2
    assert found.complete
    assert found.conditions["torch"] == torch.__version__
    assert found.conditions["repeats"] == 1
    assert "linear_scan float32 B2 L32 D4 fwd" in done.stdout
    assert "written" in done.stderr
    assert "written" not in done.stdout


@pytest.mark.usefixtures("small")
def test_json_is_the_report_alone(tmp_path: Path) -> None:
    done = invoke("linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", "--json")
    assert json.loads(done.stdout)["kind"] == "bench"
    (path,) = (tmp_path / "home" / "bench").iterdir()  # MARSLAB_HOME of the test
    assert path.read_text("utf-8") == done.stdout


@pytest.mark.usefixtures("small", "fake_cuda")
def test_cuda_rows_name_its_backends_and_peers(tmp_path: Path) -> None:
    done = invoke(
        "linear_scan", "--quick", "--repeats=1", "--no-page", "--json", f"--out={tmp_path}"
    )
    found = report.from_json(done.stdout)
    assert found.device == "cuda"
    assert found.conditions["machine"] == "NVIDIA H200"
    for row in found.rows:
        named = {entry.name for entry in (*row.figures, *row.absent)}
        assert {"triton", "torch", "accelerated-scan warp", "fla chunk_hgrn"} <= named
        assert next(f for f in row.figures if f.name == "torch").peak_bytes == 4096


@pytest.mark.usefixtures("small")
def test_ctrl_c_keeps_what_is_measured(tmp_path: Path, monkeypatch) -> None:
    real, seen = measure.measure, []

    def second_is_interrupted(*arguments):
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(measure, "measure", second_is_interrupted)
    done = invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    assert done.exit_code == 130
    (path,) = tmp_path.iterdir()
    found = report.read(path)
    assert len(found.rows) == 1
    assert not found.complete
    assert "Cut short" in done.stdout


@pytest.mark.usefixtures("small")
def test_a_device_that_breaks_down_keeps_what_is_measured(tmp_path: Path, monkeypatch) -> None:
    real, seen = measure.measure, []

    def second_breaks(*arguments):
        seen.append(1)
        if len(seen) == 2:
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
        return real(*arguments)

    monkeypatch.setattr(measure, "measure", second_breaks)
    done = invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    assert done.exit_code == 1
    assert "the device broke down" in done.stderr
    (path,) = tmp_path.iterdir()
    found = report.read(path)
    assert len(found.rows) == 1
    assert "illegal memory access" in str(found.conditions["broke"])


@pytest.mark.usefixtures("small")
def test_who_ran_before_a_breakdown_is_named(tmp_path: Path, monkeypatch) -> None:
    def broken(a, b):
        raise torch.AcceleratorError("CUDA error")

    with_peers(monkeypatch, peer("a peer", "torch", "cpu", lambda: broken, risky=True))
    invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    found = report.read(next(tmp_path.iterdir()))
    assert len(found.rows) == 4  # risky ones wait until all else is done
    assert found.conditions["broke"] == "CUDA error, after a peer"


@pytest.mark.usefixtures("small")
def test_risky_peers_join_their_rows(tmp_path: Path, monkeypatch) -> None:
    order = []

    def scan(a, b):
        order.append(a.dtype)
        return kernels.linear_scan(a, b, backend="torch")

    with_peers(monkeypatch, peer("a peer", "torch", "cpu", lambda: scan, risky=True))
    invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    found = report.read(next(tmp_path.iterdir()))
    assert found.complete
    for row in found.rows:
        assert [figure.name for figure in row.figures] == ["torch", "a peer"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("risky", [False, True])
@pytest.mark.parametrize(
    "flag, names", [("--peers", ["torch", "a peer"]), ("--no-peers", ["torch"])]
)
def test_peers_can_be_left_out(
    tmp_path: Path, monkeypatch, risky: bool, flag: str, names: list[str]
) -> None:
    def scan(a, b):
        return kernels.linear_scan(a, b, backend="torch")

    with_peers(monkeypatch, peer("a peer", "torch", "cpu", lambda: scan, risky=risky))
    arguments = ("--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}")
    invoke("linear_scan", *arguments, flag)
    found = report.read(next(tmp_path.iterdir()))
    assert found.complete
    for row in found.rows:
        assert [figure.name for figure in row.figures] == names
        assert "a peer" not in [gone.name for gone in row.absent]


@pytest.mark.usefixtures("small")
def test_a_row_without_time_leaves_out_what_is_not_begun(tmp_path: Path) -> None:
    arguments = ("--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}")
    done = invoke("linear_scan", *arguments, "--row-seconds=0")
    assert done.exit_code == 0
    (row, *_) = report.read(next(tmp_path.iterdir())).rows
    assert not row.figures
    assert {gone.reason for gone in row.absent} >= {"not run: the 0 s for this row were over"}


@pytest.mark.usefixtures("small")
def test_a_peer_that_was_wrong_is_not_run_again(tmp_path: Path, monkeypatch) -> None:
    ran = []

    def load():
        ran.append(1)
        return lambda a, b: b.clone()

    with_peers(monkeypatch, peer("a peer", "torch", "cpu", load))
    invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    rows = report.read(next(tmp_path.iterdir())).rows
    reasons = [a.reason for row in rows for a in row.absent if a.name == "a peer"]
    assert reasons[0].startswith("wrong result")
    assert set(reasons[1:]) == {measure.EARLIER}
    assert ran == [1]


def test_ops_are_chosen_by_name_and_all_when_none_is_named() -> None:
    assert command.known(["min_gru", "linear_scan", "min_gru"]) == ["min_gru", "linear_scan"]
    assert command.known(None) == list(ops.NAMES)


def test_ctrl_c_before_the_first_row_writes_nothing(tmp_path: Path, monkeypatch) -> None:
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(conditions, "conditions", interrupted)
    assert invoke("linear_scan", "--device=cpu", f"--out={tmp_path}").exit_code == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small")
def test_the_file_grows_row_by_row(tmp_path: Path, monkeypatch) -> None:
    real, kept = measure.measure, []

    def watched(*arguments):
        found = report.read(next(tmp_path.iterdir()))
        kept.append((len(found.rows), found.complete))
        return real(*arguments)

    monkeypatch.setattr(measure, "measure", watched)
    invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    assert kept == [(0, False), (1, False), (2, False), (3, False)]


@pytest.mark.usefixtures("small")
def test_a_wrong_backend_fails_the_command(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(measure.Calling, "distance", lambda call: 1.0)
    done = invoke(
        "linear_scan", "--quick", "--device=cpu", "--repeats=1", "--no-page", f"--out={tmp_path}"
    )
    assert done.exit_code == 1
    assert "numba: wrong result: relative error 1.0e+00" in done.stderr


@pytest.mark.parametrize(
    "arguments, sentence, code",
    [
        (["liner_scan"], "there is no op to measure 'liner_scan'. Did you mean 'linear_s", 2),
        (["--device=gpu"], "there is no device 'gpu'. Did you mean 'cpu'? Choose from: auto,", 2),
        (["--device=cuda"], "this machine has no CUDA device: measure with --device cpu", 3),
        (["--repeats=0"], "--repeats must be from 1 to 10000, got 0", 2),
    ],
)
def test_bad_input_gets_a_sentence(arguments, sentence, code, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    error = invoke(*arguments).exception
    assert isinstance(error, UserError)
    assert str(error).startswith(sentence)
    assert error.exit_code == code


def test_a_folder_that_cannot_be_made_is_said_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    error = invoke("linear_scan", "--device=cpu", f"--out={tmp_path / 'file'}").exception
    assert isinstance(error, UserError)
    assert "cannot be made (File exists): name a folder that you can write" in str(error)


def test_without_plotly_the_page_is_skipped_with_a_sentence(monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    from rich.console import Console

    assert command.draw(Path("report.json"), Console(stderr=True)) == []
    assert "no page: plotly is not installed" in capsys.readouterr().err


def test_alone_it_prints_the_sentence_and_its_code(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--device=abacus"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "there is no device 'abacus'. Choose from: auto, cpu, cuda.\n"
    )


MEASURE = """
import sys
from pathlib import Path
folder = Path(sys.argv.pop())
sys.modules.update(dict.fromkeys(sys.argv[1:]))  # importing one of these fails
from rich.console import Console
from marslab.kernels import roofline
from marslab.lab.bench import ops, table
from marslab.lab.bench.cases import Case
from marslab.lab.bench.running import Run
roofline.STREAM_BYTES, roofline.MATMUL_SIDE = {"cpu": 4096}, {"cpu": 16}
for name in ops.NAMES:
    ops.find(name)
case = Case("linear_scan", {"B": 1, "L": 8, "D": 2}, "float32", "fwd+bwd")
found = Run(["linear_scan"], "cpu", 1, 60.0, folder, Console(stderr=True)).all([case])
table.show(found, Console())
assert {figure.name for figure in found.rows[0].figures} >= {"numba", "torch", "naive"}
"""


@pytest.mark.slow
def test_measuring_needs_no_heavy_package(tmp_path: Path) -> None:
    blocked = ["pydantic", "plotly", "panel", "papermill", "IPython", "pandas", "platformdirs"]
    arguments = [sys.executable, "-P", "-c", MEASURE, *blocked, str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
