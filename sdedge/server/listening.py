"""The socket at which the server listens."""

from __future__ import annotations

import socket
import sys

from sdedge.errors import InvalidRequest, SdedgeError


def listening_at(host: str, port: int) -> socket.socket:
    """Returns a TCP socket that listens there, at a free port for 0. Its connections send what is written at once.

    Without that (Nagle's algorithm) an answer's body, written behind its head, waits for a client's delayed acknowledgement,
    40 ms on Linux; asyncio sets it only where a socket names its protocol. Raises InvalidRequest for no address, SdedgeError
    for one that is taken.
    """
    try:
        family, kind, _, _, place = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise InvalidRequest(f"{host!r} is no address of this machine ({error}); leave out --host.") from None
    bound = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(512)
    except OSError as error:
        bound.close()
        raise SdedgeError(
            f"Cannot listen at {host}, port {port}: {error.strerror or error}; choose another with --port."
        ) from None
    return bound
