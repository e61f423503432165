"""One app per data folder: a second start hands its files to the first one's window and ends, also where that is busy."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from sdedge.errors import SdedgeError
from sdedge.files import make_private_folder
from sdedge.json_values import read_json
from sdedge.locks import ProcessLock
from sdedge.places import data_folder

LOCK, SOCKET = "app.lock", "app.socket"
PATIENCE = 5.0  # seconds that the first app gets to answer: it may be starting
CLOSING = 30.0  # seconds that one gets to end whose window is closed
_LONGEST = 1 << 20  # bytes of a message
_LONGEST_PATH = 100  # bytes: what the address of a Unix socket holds
_DONE = b"ok\n"

log = logging.getLogger(__name__)


class Instance(QObject):
    """The lock says who is first, so that a socket which a crash left is no obstacle; what is said goes over a socket that is
    its user's alone."""

    opened = Signal(list)
    """Another start asked for the window; absolute paths, none where it only wants to be seen."""
    answered = Signal()
    """The first app, which was busy, has heard of this start."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self._folder = folder or data_folder()
        self._lock = ProcessLock(self._folder / LOCK)
        self._server: QLocalServer | None = None
        self._line: QLocalSocket | None = None
        self.is_busy = False
        """Whether the first app did not answer in time. It opens what it was given as soon as it can."""

    def claim(self, files: Sequence[str] = ()) -> bool:
        """Returns whether this process is to open a window.

        If not, the one that has it open was given the files; where it `is_busy`, it will hear of them later. There is no second
        window, ever: two would draw from one queue and write one form.
        """
        end = time.monotonic() + CLOSING
        while True:
            try:
                first = self._lock.acquire()
            except SdedgeError as error:  # a folder that cannot be written; the window says more
                log.warning("%s", error)
                return True
            if first:
                self._listen()
                return True
            if self._hand_over([os.path.abspath(file) for file in files]):
                return False
            if time.monotonic() > end:
                self.is_busy = True
                return False
            time.sleep(0.1)

    @property
    def holder(self) -> str:
        """The number of the first app's process, as text."""
        return str(self._lock.holder() or "")

    def stop_listening(self) -> None:
        """The window is closed; another start waits until this process is through."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """Lets another start be the first."""
        self.stop_listening()
        self._lock.release()

    @property
    def _name(self) -> str:
        """The socket's path, in the data folder where that is short enough; on Windows a pipe's name."""
        own = hashlib.sha256(os.fsencode(self._folder.resolve())).hexdigest()[:16]
        if sys.platform == "win32":
            return f"sdedge-{own}"
        place = self._folder / SOCKET
        if len(os.fsencode(place)) > _LONGEST_PATH:
            runtime = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.RuntimeLocation)
            place = Path(runtime) / f"sdedge-{own}"
        return str(place)

    def _listen(self) -> None:
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        make_private_folder(self._folder)
        QLocalServer.removeServer(self._name)  # what a crash left: the lock is ours
        if not server.listen(self._name):
            log.warning("A second start cannot be told: %s", server.errorString())
            return
        server.newConnection.connect(self._greet)
        self._server = server

    def _greet(self) -> None:
        assert self._server is not None
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.setReadBufferSize(_LONGEST)
            socket.readyRead.connect(lambda socket=socket: self._hear(socket))
            socket.disconnected.connect(socket.deleteLater)
            self._hear(socket)

    def _hear(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() >= _LONGEST:
                socket.abort()
            return
        files = _files(bytes(socket.readLine(_LONGEST).data()))
        if files is None:
            socket.abort()
            return
        socket.write(_DONE)
        socket.flush()
        self.opened.emit(files)

    def _hand_over(self, files: list[str]) -> bool:
        """Returns whether the first app takes the files.

        A busy one has them in its socket and is told once: it reads them later.
        """
        socket = QLocalSocket(self)
        socket.connectToServer(self._name)
        if not socket.waitForConnected(1000):
            return False
        socket.write(json.dumps({"files": files}).encode() + b"\n")
        socket.waitForBytesWritten(1000)
        if socket.waitForReadyRead(round(PATIENCE * 1000)):
            is_taken = bytes(socket.readLine().data()) == _DONE
            socket.disconnectFromServer()
            return is_taken
        if socket.state() != QLocalSocket.LocalSocketState.ConnectedState:
            return False  # it is closing
        self.is_busy, self._line = True, socket
        socket.readyRead.connect(self.answered)
        socket.disconnected.connect(self.answered)
        return True


def _files(line: bytes) -> list[str] | None:
    """Returns the paths of a message; None for anything else."""
    try:
        message = read_json(line.decode(), "What another start said")
    except (SdedgeError, ValueError):
        return None
    files = message.get("files") if isinstance(message, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, str) and "\0" not in file for file in files):
        return None
    return files
