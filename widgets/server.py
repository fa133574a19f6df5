"""Serving the dashboards: one address, its own origin only, a password before strangers."""

import hashlib
import json
import secrets
import socket
import webbrowser
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import panel as pn
import psutil
import tornado.web

from marslab.errors import UserError
from marslab.lab import ports
from marslab.widgets.frame import serve_view
from marslab.widgets.index import index
from marslab.widgets.views import PAGES

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
USUAL_PORT = 5006
THREADS = 4  # so that one reader's slow run does not stop the others
ABOUT = "/marslab.json"


class About(tornado.web.RequestHandler):
    """Tells a second `marslab dash` that this port is already serving the same code."""

    def get(self) -> None:
        self.write({"marslab": _this_code()})


def check(host: str, password: str | None) -> None:
    """Refuse what would open the dashboards to strangers.

    Errors:
        UserError: `host` is not this machine alone and there is no password
    """
    if host in (LOOPBACK, "localhost"):
        return
    if not password:
        raise UserError(
            f"--host {host} lets everybody on the network run code on this machine:"
            " give --password too, or leave --host out to serve this machine alone"
        )


def running(port: int = USUAL_PORT) -> bool:
    """Whether this very code is served on `port` of this machine already."""
    try:
        with urlopen(f"http://{LOOPBACK}:{port}{ABOUT}", timeout=1) as answer:
            return json.loads(answer.read(1000)).get("marslab") == _this_code()
    except (URLError, OSError, ValueError, AttributeError):
        return False


def free_port(host: str, wanted: int | None) -> int:
    """Choose the port: the one wanted, or else the usual one or the next that is free.

    Errors:
        UserError: the wanted port is in use, or none is free
    """
    if wanted is None:
        return ports.free_port(USUAL_PORT, host)
    found = ports.probe(wanted, host)
    if found is None:
        raise UserError(f"port {wanted} is in use: choose another with --port, or leave --port out")
    return found


def serve(host: str, port: int, password: str | None, opened: Callable[[], None]) -> Any:
    """Serve every view until the process is told to stop; `opened` is called once it listens."""
    pn.extension("plotly", nthreads=THREADS)
    access = _access(password)
    server = pn.io.server.get_server(
        {"/": index, **{view.slug: serve_view(view) for view in PAGES}},
        port=port,
        address=host,
        websocket_origin=origins(host, port),
        extra_patterns=[(ABOUT, About)],
        title={"/": "Dashboards · marslab", **{v.slug: f"{v.title} · marslab" for v in PAGES}},
        **access,
    )
    server.start()
    server.io_loop.add_callback(opened)
    server.io_loop.start()
    server.stop()


def _access(password: str | None) -> dict[str, Any]:
    """Panel's basic auth, with a page of our own: Panel's asks another host for its logo."""
    if not password:
        return {}
    page = files("marslab.widgets.frame").joinpath("login.html")
    return {
        "basic_auth": password,
        "cookie_secret": secrets.token_hex(32),
        "login_template": str(page),
    }


def origins(host: str, port: int) -> list[str]:
    """The addresses under which a page may speak to this server: its own.

    >>> origins("127.0.0.1", 5006)
    ['127.0.0.1:5006', 'localhost:5006']
    """
    names = [LOOPBACK, "localhost"]
    if host == EVERYWHERE:
        names += [socket.gethostname(), *_own_addresses()]
    elif host not in names:
        names.append(host)
    return [f"{name}:{port}" for name in names]


def show(url: str) -> None:
    """Open `url` in the reader's browser, if there is one."""
    webbrowser.open(url)


def _own_addresses() -> list[str]:
    found = (entry for card in psutil.net_if_addrs().values() for entry in card)
    return sorted({e.address for e in found if e.family is socket.AF_INET} - {LOOPBACK})


def _this_code() -> str:
    """Tells two checkouts apart without telling where they are."""
    return hashlib.sha256(str(Path(__file__).resolve()).encode()).hexdigest()[:16]
