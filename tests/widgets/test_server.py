"""The server from outside: addresses, ports, origins, the password; no browser needed."""

import json
import re
import socket
import subprocess
import sys
from http.client import HTTPConnection
from urllib.request import urlopen

import pytest

from marslab.errors import UserError
from marslab.widgets import server
from marslab.widgets.__main__ import main


def get(address: str) -> str:
    with urlopen(address, timeout=60) as answer:
        return answer.read().decode()


def test_index_and_views_answer(served: str) -> None:
    assert "<title>Dashboards · marslab</title>" in get(f"{served}/")
    page = get(f"{served}/scans")
    assert "<title>Scans · marslab</title>" in page
    assert not re.search(r"(src|href)=.?http", page)
    assert "<title>Which op do I need? · marslab</title>" in get(f"{served}/which-op")


def test_only_its_own_origin_may_open_a_socket(served: str) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": "http://evil.example"}
    ask = HTTPConnection(served.removeprefix("http://"), timeout=60)
    ask.request("GET", "/scans/ws", headers=upgrade)
    assert ask.getresponse().status == 403
    ask.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_strangers_need_a_password(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", host, "--no-browser"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "everybody on the network" in err and "--password" in err


def test_a_password_lets_it_open_and_origins_stay_a_list() -> None:
    server.check("0.0.0.0", "secret")
    server.check("127.0.0.1", None)
    known = server.origins("0.0.0.0", 80)
    assert "*" not in "".join(known) and "127.0.0.1:80" in known
    assert f"{socket.gethostname()}:80" in known


@pytest.mark.slow
def test_with_a_password_nothing_is_shown_before_it() -> None:
    command = [sys.executable, "-m", "marslab.widgets", "--port", "0", "--no-browser"]
    with subprocess.Popen(
        [*command, "--password", "secret"], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        try:
            page = get(running.stdout.readline().strip() + "scans")
        finally:
            running.terminate()
    assert 'type="password"' in page and "Scans" not in page
    assert not re.search(r"(src|href)=.?http", page)


def test_a_port_in_use_is_passed_over_or_refused() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is in use: choose another"):
            server.free_port("127.0.0.1", port)
    assert server.free_port("127.0.0.1", 0) > 0
    assert server.free_port("127.0.0.1", None) >= server.USUAL_PORT


def test_the_same_code_is_found_running_and_others_are_not(served: str) -> None:
    port = int(served.rsplit(":", 1)[1])
    assert server.running(port)
    assert set(json.loads(get(f"{served}{server.ABOUT}"))) == {"marslab"}
    assert not server.running(server.free_port("127.0.0.1", 0))


def test_a_running_one_is_used_again(
    served: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "USUAL_PORT", int(served.rsplit(":", 1)[1]))
    monkeypatch.setattr(server, "running", lambda: True)
    assert main(["--no-browser", "scans"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{served}/scans\n" and "already running" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan"], "there is no view 'scan'. Did you mean 'scans'? Choose from: scans, "),
        (["--port", "http"], "a port is a number from 0 to 65535, got 'http'"),
        (["--port", "70000"], "a port is a number from 0 to 65535, got '70000'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as left:  # argparse's own way out
        code = left.code
    assert code == 2 and words in capsys.readouterr().err
