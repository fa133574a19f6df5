"""`marslab lab --check`: a lab starts, its start notebook runs in its kernel, everything ends."""

import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marslab.lab import workcopy
from marslab.lab.engine import parameters_of
from marslab.lab.instances import Instance
from marslab.lab.notebooks import joined
from marslab.lab.runs import ANSI
from marslab.lab.server import START, StartError, serving

if TYPE_CHECKING:
    from tornado.websocket import WebSocketClientConnection

BUDGET = 120.0


class CheckError(Exception):
    """What did not work, in one sentence; further lines show the cell."""


def check_lab(*, work: Path | None, port: int, root: Path | None, budget: float = BUDGET) -> int:
    """Run the check, print what it did and how long that took; return the exit code.

    Without `work` it runs in a copy of its own, which ends with it.

    Units:
        budget: seconds for everything
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="marslab-check-") as folder:
        copy = workcopy.sync(work or Path(folder, "notebooks"), root=root)
        try:
            with serving(copy, port, Path(folder, "server.log")) as (instance, _):
                _done("server answers", start)
                left = budget - (time.monotonic() - start)
                asyncio.run(_within(left, _run(instance, copy / f"{START}.ipynb", start)))
            _done("everything has ended", start)
        except TimeoutError:
            print(f"marslab: the lab check took longer than {budget:g} s", file=sys.stderr)
            return 1
        except (CheckError, StartError, OSError) as error:
            print(f"marslab: the lab check failed: {error}", file=sys.stderr)
            return 1
    return 0


async def _within(seconds: float, work: Any) -> None:
    await asyncio.wait_for(work, max(seconds, 0.0))


async def _run(instance: Instance, notebook: Path, start: float) -> None:
    """Open a session for the notebook and run its cells in the session's kernel."""
    from tornado.websocket import websocket_connect

    asked = {"path": notebook.name, "name": notebook.name, "type": "notebook"}
    session = await _post(instance, "api/sessions", asked | {"kernel": {"name": "python3"}})
    kernel = session["kernel"]["id"]
    address = instance.url(f"api/kernels/{kernel}/channels").replace("http:", "ws:", 1)
    socket = await websocket_connect(address, max_message_size=2**28)
    try:
        _done(f"kernel runs for {notebook.name}", start)
        count = 0
        for count, source in enumerate(_sources(notebook), start=1):
            await _execute(socket, source, count)
        _done(f"{count} cells ran without an error", start)
    finally:
        socket.close()
    await _delete(instance, f"api/sessions/{session['id']}")
    _done("kernel has ended", start)


def _sources(notebook: Path) -> Iterator[str]:
    """The code of the notebook, with fast=True behind its parameters where it has that."""
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code" or not joined(cell).strip():
            continue
        yield joined(cell)
        if "parameters" in cell["metadata"].get("tags", []) and "fast" in parameters_of(notebook):
            yield "fast = True"


async def _execute(socket: "WebSocketClientConnection", source: str, count: int) -> None:
    """Send a cell to the kernel and wait until the kernel is idle again."""
    message = _message(source)
    await socket.write_message(json.dumps(message))
    while True:
        received = await socket.read_message()
        if received is None:
            raise CheckError(f"the kernel went away in cell {count}")
        if isinstance(received, bytes):
            continue  # a widget's buffers
        reply = json.loads(received)
        if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        content = reply["content"]
        if reply["msg_type"] == "error":
            trace = ANSI.sub("", "\n".join(content["traceback"]))
            told = f"{content['ename']}: {content['evalue']}"
            raise CheckError(f"cell {count} of the start notebook: {told}\n\n{source}\n\n{trace}")
        if reply["msg_type"] == "status" and content["execution_state"] == "idle":
            return


def _message(source: str) -> dict[str, Any]:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "marslab",
        "date": "",
        "version": "5.4",
    }
    content = {
        "code": source,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


async def _post(instance: Instance, path: str, content: dict[str, Any]) -> dict[str, Any]:
    from tornado.httpclient import AsyncHTTPClient

    reply = await AsyncHTTPClient().fetch(
        instance.url(path), method="POST", body=json.dumps(content), request_timeout=BUDGET
    )
    return json.loads(reply.body)


async def _delete(instance: Instance, path: str) -> None:
    from tornado.httpclient import AsyncHTTPClient

    await AsyncHTTPClient().fetch(instance.url(path), method="DELETE", request_timeout=BUDGET)


def _done(what: str, start: float) -> None:
    print(f"{time.monotonic() - start:6.1f} s  {what}", flush=True)
