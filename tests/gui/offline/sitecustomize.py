"""First on a process's path: no socket may be connected. Whoever tries is written down in the file OFFLINE_REPORT."""

import os
import socket

_report = os.environ.get("OFFLINE_REPORT")


def _refuse(self, address, *rest):
    if self.family != getattr(socket, "AF_UNIX", None) and _report:
        with open(_report, "a", encoding="utf-8") as file:
            file.write(f"{address}\n")
        raise OSError(f"A connection to {address} was tried.")
    return _connect(self, address, *rest)


if _report:
    _connect = socket.socket.connect
    socket.socket.connect = _refuse
    socket.socket.connect_ex = _refuse
