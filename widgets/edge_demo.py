"""`python -m marslab.widgets.edge_demo`: a page of phone width, and a model of 8 bits behind it.

`marslab edge-demo` runs this. The model is the shipped digits-scan; it is rounded, and written as
ONNX, when the server starts.
"""

import argparse
import asyncio
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import tornado.web
from torch import Tensor

from marslab.compress.onnx_file import OnnxModel, to_onnx
from marslab.compress.pt2e import to_static_int8
from marslab.errors import UserError
from marslab.lab import ports
from marslab.systems.registry import load
from marslab.tasks import load_digits_sequences
from marslab.widgets.server import LOOPBACK, origins, show

NAME, USUAL_PORT = "digits-scan", 5016
SIDE, MOST_BYTES = 8, 4096
CALIBRATION, BATCH = 512, 128


class Reader:
    """The model of 8 bits in onnxruntime, and the held-out digits.

    Errors:
        MissingExtra: a package of the extra `edge` is not installed
    """

    def __init__(self, folder: Path) -> None:
        split = load_digits_sequences()
        self.held_out, self.given = split.test_x, -1
        seen = split.train_x[:CALIBRATION]
        small = to_static_int8(load(NAME), seen[:1], seen.split(BATCH))
        path = to_onnx(small, seen[:1], folder / f"{NAME}.onnx")
        self.bytes = path.stat().st_size
        self.model = OnnxModel(path)
        self.model(seen[:1])  # the first call finds its buffers

    def read(self, ink: Tensor) -> dict[str, Any]:
        """The digit, how sure the model is, 0..1, and the milliseconds that it took.

        Shapes:
            ink: [8, 8], from 0 to 1
        """
        began = time.perf_counter()
        logits = self.model(ink[None])[0]
        took = time.perf_counter() - began
        share, digit = logits.softmax(-1).max(-1)
        return {"digit": int(digit), "share": float(share), "ms": 1e3 * took}

    def example(self) -> list[float]:
        """The ink of the next held-out digit."""
        self.given = (self.given + 1) % len(self.held_out)
        return self.held_out[self.given].flatten().tolist()


def parsed(body: bytes) -> Tensor:
    """Return the ink [8, 8] that a page sent.

    Errors:
        UserError: it is no list of 64 numbers from 0 to 1

    >>> parsed(json.dumps([0.5] * 64).encode()).shape
    torch.Size([8, 8])
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != SIDE**2 or not all(map(_is_ink, found)):
        raise UserError(f"send a JSON list of {SIDE**2} numbers from 0 to 1, row by row")
    return torch.tensor(found, dtype=torch.float32).view(SIDE, SIDE)


def _is_ink(value: Any) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and math.isfinite(value) and 0 <= value <= 1


class Own(tornado.web.RequestHandler):
    """Answers its own page only: another site's page may not speak to this server."""

    def initialize(self, reader: Reader, own: list[str]) -> None:
        self.reader, self.own = reader, own

    def prepare(self) -> None:
        origin = self.request.headers.get("Origin", "")
        if self.request.host not in self.own or origin.removeprefix("http://") not in (
            "",
            *self.own,
        ):
            raise tornado.web.HTTPError(403)
        policy = "default-src 'self' 'unsafe-inline'; img-src data:"
        self.set_header("Content-Security-Policy", policy)


class Page(Own):
    """The page itself."""

    def get(self) -> None:
        self.finish(files("marslab.widgets").joinpath("edge_demo.html").read_text("utf-8"))


class Model(Own):
    """What the page says of the model."""

    def get(self) -> None:
        self.write({"name": NAME, "bytes": self.reader.bytes})


class Example(Own):
    """A held-out digit to begin with."""

    def get(self) -> None:
        self.write({"ink": self.reader.example()})


class Answer(Own):
    """The model's answer to what was drawn."""

    def post(self) -> None:
        try:
            self.write(self.reader.read(parsed(self.request.body)))
        except UserError as mistake:
            self.set_status(400)
            self.write({"error": str(mistake)})


def application(reader: Reader, port: int) -> tornado.web.Application:
    """The four addresses of the demo, for a server on `port` of this machine."""
    shared = {"reader": reader, "own": origins(LOOPBACK, port)}
    pages = (("/", Page), ("/model", Model), ("/example", Example), ("/answer", Answer))
    return tornado.web.Application([(address, page, shared) for address, page in pages])


async def serve(port: int, browser: bool) -> None:
    """Serve until the process is told to stop."""
    with tempfile.TemporaryDirectory(prefix="marslab-edge-") as folder:
        reader = Reader(Path(folder))
        server = application(reader, port)
        server.listen(port, LOOPBACK, max_body_size=MOST_BYTES)
        url = f"http://{LOOPBACK}:{port}/"
        print(url, flush=True)
        print(f"A digit, read in 8 bits, at {url} (Ctrl-C stops it)", file=sys.stderr, flush=True)
        if browser:
            show(url)
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="marslab edge-demo", description=__doc__)
    parser.add_argument("--port", type=int, default=USUAL_PORT, help="the first port to try")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    given = parser.parse_args(arguments)
    try:
        port = ports.free_port(given.port, LOOPBACK)
        asyncio.run(serve(port, not given.no_browser))
    except UserError as error:
        print(f"marslab edge-demo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
