"""The door from the lab to the dashboards: started at the first visit, ended with the lab."""

import asyncio
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from tornado.web import HTTPError

from marslab.lab.dash_link import Dashboards

SERVES = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
port = int(sys.argv[1].removeprefix("--port="))
HTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler).serve_forever()
"""


def test_the_first_visit_starts_them_and_the_next_finds_them(tmp_path: Path) -> None:
    dashboards = Dashboards((sys.executable, "-c", SERVES))

    async def visits() -> tuple[str, str]:
        return await asyncio.gather(dashboards.running(), dashboards.running())

    first, second = asyncio.run(visits())
    assert first == second and first.startswith("http://127.0.0.1:")
    assert urlopen(first).status == 200
    dashboards.stop()
    assert dashboards.process is not None and dashboards.process.poll() is not None


def test_dashboards_that_end_at_once_are_one_sentence() -> None:
    dashboards = Dashboards((sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(HTTPError) as error:
        asyncio.run(dashboards.running())
    assert error.value.status_code == 503
    assert error.value.reason == "the dashboards did not start: run `marslab dash` to see why"
