"""`python -m marslab.widgets [VIEW]`: serve the dashboards. `marslab dash` runs this."""

import argparse
import sys
from collections.abc import Sequence

from marslab.errors import UserError, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _serve(given)
    except UserError as error:
        print(f"marslab dash: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="marslab dash", description="Serve the dashboards on this machine."
    )
    parser.add_argument("view", nargs="?", metavar="VIEW", help="open this view, not the index")
    parser.add_argument("--port", type=_port, help="5006 or the next free one if left out; 0: any")
    parser.add_argument("--host", default="127.0.0.1", help="another address needs --password")
    parser.add_argument("--password", help="ask for it before showing anything; any user name")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, got {text!r}")
    return int(text)


def _serve(given: argparse.Namespace) -> int:
    from marslab.widgets import server

    server.check(given.host, given.password)
    path = _path(given.view)
    if given.port is None and not given.password and server.running():
        _announce(f"http://{server.LOOPBACK}:{server.USUAL_PORT}/{path}", "already running", given)
        return 0
    port = server.free_port(given.host, given.port)
    shown = server.LOOPBACK if given.host == server.EVERYWHERE else given.host
    url = f"http://{shown}:{port}/{path}"
    server.serve(given.host, port, given.password, lambda: _announce(url, "Ctrl-C stops it", given))
    return 130


def _path(view: str | None) -> str:
    from marslab.widgets.views import PAGES

    known = [kind.slug for kind in PAGES]
    if view is not None and view not in known:
        raise UserError(unknown("view", view, known))
    return view or ""


def _announce(url: str, remark: str, given: argparse.Namespace) -> None:
    from marslab.widgets import server

    print(url, flush=True)
    print(f"Dashboards at {url} ({remark})", file=sys.stderr, flush=True)
    if not given.no_browser:
        server.show(url)


if __name__ == "__main__":
    sys.exit(main())
