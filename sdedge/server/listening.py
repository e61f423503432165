"""The socket at which the server listens."""

from __future__ import annotations

import socket
import sys


def listening_at(host: str, port: int) -> socket.socket:
    """Returns a TCP socket that listens there, at a free port for 0. Its connections send what is written at once.

    Without that (Nagle's algorithm) an answer's body, written behind its head, waits for a client's delayed acknowledgement,
    40 ms on Linux; asyncio sets it only where a socket names its protocol. Raises socket.gaierror or UnicodeError for no
    address, and another OSError for one that is taken.
    """
    family, kind, _, _, place = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(512)
    except OSError:
        bound.close()
        raise
    return bound
