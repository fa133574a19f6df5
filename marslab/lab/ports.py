"""A port to listen on: the usual one, or the next that is free."""

import os
import socket

from marslab.errors import UserError

TRIES = 50
LOOPBACK = "127.0.0.1"


def probe(port: int, host: str = LOOPBACK) -> int | None:
    """Return `port` if one can listen there, else None; for 0 return some port that is free."""
    with socket.socket() as probed:
        if os.name == "posix":  # a port that was closed a moment ago is free; a used one not
            probed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probed.bind((host, port))
        except OSError:
            return None
        return probed.getsockname()[1]


def free_port(first: int, host: str = LOOPBACK) -> int:
    """Return the first port from `first` on at which nothing listens on `host`.

    Errors:
        UserError: none of the next fifty is free
    """
    for port in range(first, min(first + TRIES, 65536)):
        if probe(port, host) is not None:
            return port
    raise UserError(f"no port is free from {first} on: name another with --port")
