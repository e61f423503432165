"""Everything that a person made into one file, and back: `sdedge backup` in a process of its own, told over the canvas."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QWidget

from gui.commands.command import Command
from gui.shell.file_dialogs import ask_file, ask_where
from gui.shell.reveal import reveal
from gui.shell.studio import Studio

TOPIC = "backup"


class Backups(QObject):
    """One at a time."""

    def __init__(self, window: QWidget, studio: Studio) -> None:
        super().__init__(window)
        self._window, self._studio = window, studio
        self._command: Command | None = None
        self._result: dict[str, Any] = {}
        if (app := QCoreApplication.instance()) is not None:
            app.aboutToQuit.connect(self.close)

    def write(self) -> None:
        """Asks where, and writes everything there."""
        name = f"sdedge-{datetime.date.today():%Y-%m-%d}.zip"
        title = self.tr("Export Everything")
        if path := ask_where(self._window, self._studio.settings, TOPIC, title, name, self.tr("Archive") + " (*.zip)"):
            self._run(["backup", "write", "--replace", "--json", "--", path], self.tr("Everything is being written…"))

    def read(self) -> None:
        """Asks which, and brings back what it holds."""
        title = self.tr("Read a Backup")
        if path := ask_file(self._window, self._studio.settings, TOPIC, title, self.tr("Archive") + " (*.zip)"):
            out = self._studio.settings.output().folder / "restored"
            self._run(["backup", "read", "--out", str(out), "--json", "--", path], self.tr("The backup is being read…"))

    @property
    def unfinished(self) -> str:
        """What would be lost if the window closed now, in words."""
        return self.tr("{0} is not finished.").format(self.tr("The backup")) if self._command is not None else ""

    def close(self) -> None:
        """Ends what runs; an archive that is half written is never left."""
        if self._command is not None:
            self._command.close()

    def _run(self, arguments: list[str], text: str) -> None:
        if self._command is not None:
            self._studio.say(self.tr("A backup is under way; wait until it is done."), "warning", topic=TOPIC)
            return
        self._result, self._command = {}, Command(arguments, self)
        self._command.said.connect(self._result.update)
        self._command.ended.connect(self._finish)
        self._command.start()
        self._studio.say(text, "good", topic=TOPIC)

    def _finish(self, fault: str) -> None:
        if self._command is not None:
            self._command.deleteLater()
        self._command, result = None, self._result
        self._studio.withdraw(TOPIC)
        if fault:
            self._studio.say(fault, "bad", topic=TOPIC)
        elif result.get("event") == "BackupWritten":
            text = self.tr("{0} pictures and {1} waiting jobs were written.").format(result["pictures"], result["jobs"])
            self._studio.say(text, "good", self.tr("Show in Folder"), lambda: reveal(Path(result["path"])), topic=TOPIC)
        else:
            text = self.tr("{0} pictures came back, {1} were here.").format(result["pictures"], result["here"])
            self._studio.say(text, "good", self.tr("Show in Folder"), lambda: reveal(Path(result["out"])), topic=TOPIC)
