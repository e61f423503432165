"""`sdedge …` in a process of its own: its JSON events as signals, its failure in words, and its end when asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from gui.shell.advice import for_the_window
from sdedge.interpreter import python_command, python_environment

PATIENCE = 4000  # milliseconds that a process gets to clean up after it was asked to end
_LONGEST_MESSAGE = 8000  # characters of what it said about its failure
_LEFT: set[Command] = set()
"""Those that are ending while nobody waits for them."""


def end_left() -> None:
    """Waits for all that are ending, as when the program ends."""
    for command in tuple(_LEFT):
        command.close()


class Command(QObject):
    """One run of the command line. What it needs in memory, and any damage it takes, dies with its process."""

    said = Signal(dict)
    """One JSON line of its output."""
    ended = Signal(str)
    """It is over; empty when it succeeded, otherwise why not, in words."""

    def __init__(
        self, arguments: Sequence[str], parent: QObject | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        """`variables` are added to its environment, which other users of the machine cannot read as they can arguments."""
        super().__init__(parent)
        self._line, self._complaint, self._cancelled, self._over = b"", "", False, False
        self._then: Callable[[], object] | None = None
        self._process = QProcess(self)
        program, *rest = python_command("sdedge", *arguments)
        self._process.setProgram(program)
        self._process.setArguments(rest)
        environment = QProcessEnvironment()
        for name, value in {**python_environment(), **(variables or {})}.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(lambda code, status: self._finish(code))
        self._process.errorOccurred.connect(self._failed)
        self._killing = QTimer(self)
        self._killing.setSingleShot(True)
        self._killing.setInterval(PATIENCE)
        self._killing.timeout.connect(self._process.kill)

    def start(self) -> None:
        """Begin; `ended` follows whatever happens."""
        self._process.start()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to end."""
        return self._cancelled

    @property
    def notes(self) -> list[str]:
        """What it said beside its results, a sentence each."""
        return [line.removeprefix("note: ") for line in self._complaint.splitlines() if line.startswith("note: ")]

    def cancel(self) -> None:
        """Ask it to end and clean up; end it if it does not within a few seconds."""
        self._cancelled = True
        self._process.terminate()
        self._killing.start()

    def leave(self, then: Callable[[], object] | None = None) -> None:
        """Ends it without waiting, and says nothing more of it; `then` is called when it is over."""
        self._over, self._then = True, then
        self.blockSignals(True)
        self.setParent(None)  # whoever asked for it may be gone before it is
        _LEFT.add(self)
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self._forget()
        else:
            self.cancel()

    def _forget(self) -> None:
        if self in _LEFT:
            _LEFT.remove(self)
            self.deleteLater()
            if self._then is not None:
                self._then()

    def close(self) -> None:
        """End it now and wait, as when the window closes."""
        self._over = True
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.terminate()
            if not self._process.waitForFinished(PATIENCE):
                self._process.kill()
                self._process.waitForFinished(PATIENCE)
        self._killing.stop()
        self._forget()

    def _read(self) -> None:
        *lines, self._line = (self._line + self._process.readAllStandardOutput().data()).split(b"\n")
        for line in lines:
            if (event := _event(line)) is not None:
                self.said.emit(event)

    def _hear(self) -> None:
        self.hear(bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace"))

    def hear(self, said: str) -> None:
        """Takes what it said beside its results."""
        self._complaint = (self._complaint + said)[-_LONGEST_MESSAGE:]

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and not self._over:
            self._over = True
            self.ended.emit(
                self.tr("Cannot start {0}: {1}.").format(self._process.program(), self._process.errorString())
            )

    def _finish(self, code: int) -> None:
        self._killing.stop()
        self._read()
        self._hear()
        self._forget()
        if self._over:
            return
        self._over = True
        crashed = self._process.exitStatus() == QProcess.ExitStatus.CrashExit
        if self._cancelled:
            self.ended.emit(self.tr("Cancelled."))
        elif crashed:
            self.ended.emit(self.tr("It was ended by the system, perhaps for want of memory; close other programs."))
        else:
            self.ended.emit(
                ""
                if code == 0
                else for_the_window(last_sentence(self._complaint)) or self.tr("It failed without a reason.")
            )


def _event(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a line; None for anything else that a library printed."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def last_sentence(complaint: str) -> str:
    """What the command line said last: our errors begin with its name, a bug's with the name of its exception."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    ours = [line.removeprefix("sdedge: ") for line in lines if line.startswith("sdedge: ")]
    bugs = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Unsupported): ", line)]
    return (ours or bugs or lines or [""])[-1]
