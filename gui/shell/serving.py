"""The server beside the app: `sdedge serve` in a process of its own, on this machine alone, while the setting is on."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.commands.command import Command
from gui.shell.settings import Settings


class Serving(QObject):
    """Follows the setting `serve` once it was started. The app draws what is asked of the server, as its own queue."""

    changed = Signal()
    """Address or fault are others."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings, self._started = settings, False
        self._command: Command | None = None
        self._is_ending = False
        """The one before has its port yet."""
        self.address = ""
        """Where it serves, "" while it does not."""
        self.fault = ""
        """Why it does not although it is to, in words."""
        settings.changed.connect(self._on_setting)

    def start(self) -> None:
        """Serves from now on while the setting is on."""
        self._started = True
        self._follow()

    def close(self) -> None:
        """Ends the server and waits for it."""
        self._started = False
        if self._command is not None:
            self._command.close()
            self._command = None
        self._say("", "")

    def _on_setting(self, name: str) -> None:
        if name in ("serve", "serve_port"):
            self._end()
            self._follow()

    def _follow(self) -> None:
        if not (self._started and self._settings.serve) or self._is_ending or self._command is not None:
            return
        command = Command(["serve", "--json", "--until-eof", "--port", str(self._settings.serve_port)], self)
        command.said.connect(self._hear)
        command.ended.connect(self._over)
        self._command = command
        command.start()

    def _end(self) -> None:
        if self._command is not None:
            command, self._command, self._is_ending = self._command, None, True
            command.leave(self._ended)
        self._say("", "")

    def _ended(self) -> None:
        self._is_ending = False
        self._follow()

    def _hear(self, event: dict[str, Any]) -> None:
        self._say(str(event.get("address", "")), "")

    def _over(self, reason: str) -> None:
        if self._command is not None:
            self._command.deleteLater()
        self._command = None
        self._say("", reason or self.tr("The server has ended."))

    def _say(self, address: str, fault: str) -> None:
        if (address, fault) != (self.address, self.fault):
            self.address, self.fault = address, fault
            self.changed.emit()
