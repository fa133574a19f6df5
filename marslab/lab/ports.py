"""A port to listen on: the usual one, or the next that is free."""

import os
import socket

from marslab.errors import UserError

TRIES = 50


def free_port(first: int) -> int:
    """Return the first port from `first` on at which nothing listens on 127.0.0.1.

    Errors:
        UserError: none of the next fifty is free
    """
    for port in range(first, min(first + TRIES, 65536)):
        with socket.socket() as probe:
            if os.name == "posix":  # a port that was closed a moment ago is free; a used one not
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise UserError(f"no port is free from {first} on: name another with --port")
