"""The page that reads a digit in 8 bits: its answers, and what it refuses."""

import json
from pathlib import Path

import pytest
import torch
from tornado.testing import AsyncHTTPTestCase

from marslab.errors import UserError
from marslab.tasks import load_digits_sequences
from marslab.widgets import edge_demo

for _name in ("torchao", "onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(_name, reason=f"needs {_name}: pip install 'marslab[edge]'")


class Fake:
    """A reader without a model."""

    bytes = 1234

    def read(self, ink: torch.Tensor) -> dict:
        return {"digit": int(ink.sum()), "share": 0.5, "ms": 1.0}

    def example(self) -> list[float]:
        return [0.5] * 64


class TestPages(AsyncHTTPTestCase):
    """Each address, asked as a browser would."""

    def get_app(self):
        return edge_demo.application(Fake(), self.get_http_port())  # pyright: ignore[reportArgumentType]

    def ask(self, path: str, body: str | None = None, **headers: str):
        headers = {"Host": f"127.0.0.1:{self.get_http_port()}"} | headers
        method = "GET" if body is None else "POST"
        return self.fetch(path, method=method, body=body, headers=headers)

    def test_the_page_is_phone_wide_and_needs_no_other_host(self) -> None:
        page = self.ask("/").body.decode()
        assert "width=device-width" in page and "max-width: 22rem" in page
        assert "://" not in page

    def test_what_is_drawn_is_read(self) -> None:
        found = json.loads(self.ask("/answer", json.dumps([0.125] * 64)).body)
        assert found == {"digit": 8, "share": 0.5, "ms": 1.0}
        assert len(json.loads(self.ask("/example").body)["ink"]) == 64
        assert json.loads(self.ask("/model").body) == {"name": "digits-scan", "bytes": 1234}

    def test_what_is_no_ink_is_one_sentence(self) -> None:
        for body in ("", "{}", "[1]", json.dumps([2] * 64), json.dumps([True] * 64), "[" * 900):
            answer = self.ask("/answer", body)
            assert answer.code == 400, body[:20]
            assert "64 numbers from 0 to 1" in json.loads(answer.body)["error"]

    def test_another_origin_is_refused(self) -> None:
        body = json.dumps([0] * 64)
        assert self.ask("/answer", body, Origin="http://elsewhere.example").code == 403
        assert self.ask("/answer", body, Host="elsewhere.example").code == 403
        own = f"http://127.0.0.1:{self.get_http_port()}"
        assert self.ask("/answer", body, Origin=own).code == 200


def test_numbers_that_are_none() -> None:
    for body in (b"\xff", b"[NaN]", json.dumps([float("nan")] * 64).encode(), b'"' + b"a" * 64):
        with pytest.raises(UserError, match="64 numbers"):
            edge_demo.parsed(body)


@pytest.mark.slow
def test_the_model_reads_held_out_digits(tmp_path: Path) -> None:
    reader = edge_demo.Reader(tmp_path)
    shown = [torch.tensor(reader.example()).view(8, 8) for _ in range(100)]
    assert not torch.equal(shown[0], shown[1])
    right = load_digits_sequences().test_y[:100].tolist()
    found = [reader.read(ink) for ink in shown]
    assert sum(a["digit"] == b for a, b in zip(found, right, strict=True)) >= 90
    assert all(0 < a["share"] <= 1 and a["ms"] > 0 for a in found)
    assert reader.bytes == (tmp_path / "digits-scan.onnx").stat().st_size
