"""The lab opens: a real JupyterLab on loopback, and what is said when it does not."""

import json
import os
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from marslab.errors import UserError
from marslab.lab import instances, lab_check, ports, server
from marslab.lab.instances import Instance

GOOD = "\n# %%\nassert fast\nimport os\nassert os.environ['PANEL_INLINE'] == 'True'\n"
# Whoever starts the tests in the background has them ignore Ctrl-C, and children inherit that.
LAB = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from marslab.lab import server
from marslab.lab.server import open_lab
if len(sys.argv) > 4:
    server._command = lambda folder, port: [sys.executable, "-c", sys.argv[4], str(port)]
root, work, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
sys.exit(open_lab(work=work, port=port, browser=False, check=False, root=root))
"""


# Answers everything with 200, as long as it is asked to.
STAND_IN = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
"""


@contextmanager
def start(root: Path, work: Path, port: int, *stand_in: str) -> Iterator[subprocess.Popen[str]]:
    """A lab in a process of its own, which ends with the block also when the test fails."""
    command = [sys.executable, "-c", LAB, str(root), str(work), str(port), *stand_in]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as lab:
        try:
            yield lab
        finally:
            if lab.poll() is None:
                lab.terminate()


def mine() -> set[int]:
    """Processes that were started here and still run."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.mark.slow
def test_the_check_runs_the_start_notebook_and_ends_everything(course, capsys) -> None:
    root, before = course(nb00_start=GOOD), mine()
    port = ports.free_port(18888)
    code = server.open_lab(work=None, port=port, browser=False, check=True, root=root)
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert [line.split("s  ")[1] for line in out.splitlines()] == [
        "server answers",
        "kernel runs for 00_start.ipynb",
        "3 cells ran without an error",
        "kernel has ended",
        "everything has ended",
    ]
    assert mine() == before
    assert ports.free_port(port) == port


@pytest.mark.slow
def test_the_check_shows_the_cell_that_fails(course, capsys) -> None:
    root = course(nb00_start="\n# %%\nx = 1 / 0\n")
    assert lab_check.check_lab(work=None, port=18888, root=root) == 1
    err = capsys.readouterr().err
    told = "marslab: the lab check failed: cell 3 of the start notebook: ZeroDivisionError"
    assert err.startswith(told) and "x = 1 / 0" in err and "Traceback" in err


@pytest.mark.slow
def test_the_check_keeps_its_budget(course, capsys) -> None:
    root, before = course(nb00_start="\n# %%\nimport time\ntime.sleep(600)\n"), mine()
    assert lab_check.check_lab(work=None, port=18888, root=root, budget=1.0) == 1
    assert capsys.readouterr().err == "marslab: the lab check took longer than 1 s\n"
    assert mine() == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_a_lab_is_opened_found_again_and_ended(course, tmp_path: Path, capsys) -> None:
    root, work = course(nb00_start=GOOD), tmp_path / "work"
    with ExitStack() as opened:
        taken = opened.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        first = opened.enter_context(start(root, work, port))
        assert first.stdout is not None and first.stderr is not None
        address = first.stdout.readline().split()[1]
        dashboards = first.stdout.readline().split()[1]
        taken.close()
        found = instances.find(work.resolve())
        assert found is not None and found.port != port, "the next free port"
        assert address == found.url("lab/tree/00_start.ipynb")
        assert dashboards == found.url("marslab/dashboards")
        assert urlopen(address).status == 200
        _settings_are_ours(found)
        door = urlopen(dashboards)
        assert door.status == 200 and door.url.startswith("http://127.0.0.1:5")
        assert found.token not in door.url
        assert "/login" in urlopen(f"http://127.0.0.1:{found.port}/marslab/dashboards").url
        if os.name == "posix":
            assert instances.state_file(work.resolve()).stat().st_mode & 0o077 == 0

        code = server.open_lab(work=work, port=port, browser=False, check=False, root=root)
        out, err = capsys.readouterr()
        assert code == 0 and out.split()[1] == address
        assert err == f"a lab runs on {work.resolve()} already\n"

        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=60) == 130
        assert first.stderr.read().endswith("Ctrl-C ends the lab\nthe lab has ended\n")
        assert not psutil.pid_exists(found.pid)
        with pytest.raises(URLError):
            urlopen(door.url)
        assert instances.find(work.resolve()) is None
        assert not instances.state_file(work.resolve()).exists()


def _settings_are_ours(lab: Instance) -> None:
    """No question about news, no request to another host, sources open as notebooks."""
    notes = "lab/api/settings/@jupyterlab/apputils-extension:notification"
    news = json.load(urlopen(lab.url(notes)))
    default = news["schema"]["properties"]
    assert default["fetchNews"]["default"] == "false"
    assert default["checkForUpdates"]["default"] is False
    page = urlopen(lab.url("lab")).read().decode()
    assert '"news": {"disabled": true}' in page.replace("\n", " ")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_to_be_ended_ends_the_server(course, tmp_path: Path, number: int) -> None:
    root, work = course(nb00_start=""), tmp_path / "work"
    stand_in = STAND_IN + "server.serve_forever()\n"
    with start(root, work, ports.free_port(18888), stand_in) as lab:
        assert lab.stdout is not None
        address = lab.stdout.readline().split()[1]
        assert urlopen(address).status == 200
        lab.stdout.readline()
        lab.send_signal(number)
        assert lab.wait(timeout=60) == 128 + number
    with pytest.raises(URLError):
        urlopen(address)
    assert not instances.state_file(work.resolve()).exists()


def test_a_lab_that_is_shut_down_from_its_menu_is_done(
    course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = STAND_IN + "server.handle_request()\n"
    command = [sys.executable, "-c", code]
    monkeypatch.setattr(server, "_command", lambda folder, port: [*command, str(port)])
    root, work = course(nb00_start=""), tmp_path / "work"
    assert server.open_lab(work=work, port=18888, browser=False, check=False, root=root) == 0


def test_a_server_that_ends_at_once_is_one_sentence(
    course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    command = [sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"]
    monkeypatch.setattr(server, "_command", lambda folder, port: command)
    root, work = course(nb00_start=""), tmp_path / "work"
    assert server.open_lab(work=work, port=18888, browser=False, check=False, root=root) == 1
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith("marslab: JupyterLab ended at once: no such luck (more in ")


def test_a_work_copy_without_the_notebook_is_one_sentence(course, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no 00_start.ipynb: bring it back with `marslab nb re"):
        server.open_lab(
            work=tmp_path / "work", port=18888, browser=False, check=False, root=course(nb01_ok="")
        )


@pytest.mark.parametrize("note", ["", "{", "[]", '{"kind": "lab-instance", "schema": 1}'])
def test_a_broken_note_of_a_lab_is_no_lab(tmp_path: Path, note: str) -> None:
    instances.state_file(tmp_path).write_text(note)
    assert instances.find(tmp_path) is None


def test_a_note_of_a_lab_that_died_is_no_lab(tmp_path: Path) -> None:
    instances.keep(tmp_path, Instance(pid=1, port=ports.free_port(18888), token="t"))
    assert instances.find(tmp_path) is None


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert ports.free_port(port) > port


def test_no_port_left_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "TRIES", 0)
    with pytest.raises(UserError, match="no port is free from 8888 on: name another with --port"):
        ports.free_port(8888)


@pytest.mark.parametrize(
    ("platform", "release", "variables", "expected"),
    [
        ("linux", "6.1", {}, False),
        ("linux", "6.1", {"DISPLAY": ":0"}, True),
        ("linux", "6.1", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", "5.15-microsoft-standard-WSL2", {}, True),
        ("darwin", "23.1", {}, True),
        ("win32", "10", {}, True),
    ],
)
def test_a_browser_opens_only_where_there_is_a_display(
    monkeypatch: pytest.MonkeyPatch, capsys, platform, release, variables, expected
) -> None:
    opened = []
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(server.sys, "platform", platform)
    monkeypatch.setattr(server.platform, "release", lambda: release)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    lab = Instance(1, 8888, "key")
    server._show(lab, "lab", browser=True)
    server._show(lab, "lab", browser=False)
    assert opened == [lab.url("lab")] * expected
    assert capsys.readouterr().out.count("http://127.0.0.1:8888/lab?token=key") == 2
