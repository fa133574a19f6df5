"""A JupyterLab server with a door to the dashboards: /marslab/dashboards starts and opens them.

Loaded by the server itself, as a server extension that the packaged Jupyter settings name. The
dashboards are a process of their own, started at the first visit and ended with the lab.
"""

import asyncio
import atexit
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import httpclient, web

from marslab.lab.ports import free_port

PATH = "marslab/dashboards"
COMMAND = (sys.executable, "-P", "-m", "marslab.widgets", "--no-browser")
PATIENCE = 60.0


class Dashboards:
    """The process that serves the dashboards, and its address."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self.command, self.lock = command, asyncio.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    async def running(self) -> str:
        """Return the address of the dashboards; start them first where they do not run.

        Errors:
            HTTPError: they ended, or did not answer in time
        """
        async with self.lock:
            if self.process is None or self.process.poll() is not None:
                port = free_port(5006)
                self.address = f"http://127.0.0.1:{port}"
                self.process = subprocess.Popen([*self.command, f"--port={port}"])
                atexit.register(self.stop)
                await self._answers()
        return self.address

    def stop(self) -> None:
        """End the process if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)

    async def _answers(self) -> None:
        client, loop = httpclient.AsyncHTTPClient(), asyncio.get_running_loop()
        assert self.process is not None
        end = loop.time() + PATIENCE
        while loop.time() < end and self.process.poll() is None:
            try:
                await client.fetch(self.address, request_timeout=5.0)
                return
            except (OSError, httpclient.HTTPClientError):
                await asyncio.sleep(0.2)
        self.stop()
        raise web.HTTPError(
            503, reason="the dashboards did not start: run `marslab dash` to see why"
        )


class DashboardsHandler(JupyterHandler):
    """Sends the browser on to the dashboards; the path and the query go with it."""

    @property
    def auth_resource(self) -> str:
        """What the server's authorizer is asked about."""
        return "contents"

    def initialize(self, dashboards: Dashboards) -> None:
        self.dashboards = dashboards

    @web.authenticated
    async def get(self, view: str) -> None:
        address = await self.dashboards.running()
        # The lab's own key stays here: the dashboards have no use for it.
        query = [(name, self.get_query_argument(name)) for name in self.request.arguments]
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        self.redirect(f"{address}/{view}{'?' if rest else ''}{rest}")


def _load_jupyter_server_extension(serverapp: Any) -> None:
    route = url_path_join(serverapp.web_app.settings["base_url"], PATH) + r"/?([\w-]*)"
    rule: tuple[str, Callable[..., object], dict[str, object]]
    rule = (route, DashboardsHandler, {"dashboards": Dashboards()})
    serverapp.web_app.add_handlers(".*$", [rule])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "marslab.lab.dash_link"}]
