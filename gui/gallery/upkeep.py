"""Files and gallery brought in line: looked for again, checked, folders taken in. Each is a command of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from gui.commands.tasks import FAILED, Task, Tasks
from gui.shell.file_dialogs import ask_folder
from gui.shell.studio import Studio

SHOWN = 3  # sentences of files that could not be read, or are not as they were; the rest is counted


class Upkeep(QObject):
    """Fills a menu with what can be done, and says on the cards of `tasks` what came of it."""

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio, self._widget = studio, parent
        self.tasks = Tasks(self)
        self.tasks.finished.connect(self._tell)

    def fill(self, menu: QMenu) -> None:
        """Adds the entries."""
        menu.addAction(self.tr("&Look for Changed Files"), self.rescan)
        menu.addAction(self.tr("&Add a Folder of Pictures…"), self._ask_for_folder)
        menu.addAction(self.tr("&Check Every Picture"), self.verify)

    def rescan(self, folder: str = "") -> None:
        """Looks for files that were added, removed or moved, in all known folders or in one that may be new."""
        title = self.tr("Looking into {0}").format(folder) if folder else self.tr("Looking for changed files")
        self.tasks.add(title, ["gallery", "rescan", *([folder] if folder else []), "--events"])

    def verify(self) -> None:
        """Reads every picture again."""
        self.tasks.add(self.tr("Checking every picture"), ["gallery", "verify", "--events"])

    def close(self) -> None:
        """Ends what runs."""
        self.tasks.close()

    def _ask_for_folder(self) -> None:
        title = self.tr("Add a Folder of Pictures")
        if folder := ask_folder(self._widget, self._studio.settings, "pictures", title):
            self.rescan(folder)

    def _tell(self, task: Task) -> None:
        for event in task.events:
            if event.get("event") == "Rescanned":
                task.message = self._scanned(event)
            elif event.get("event") == "Verified":
                task.message = self._verified([str(fault) for fault in event.get("faults", ())])
                if event.get("faults"):
                    task.state = FAILED  # stays in sight, in the colour of what is wrong
        self._studio.bridge.store_changed.emit()

    def _scanned(self, scan: dict[str, Any]) -> str:
        counts = {name: int(scan.get(name) or 0) for name in ("added", "moved", "changed", "missing")}
        texts = {
            "added": self.tr("%Ln pictures were added.", "", counts["added"]),
            "moved": self.tr("%Ln pictures were moved.", "", counts["moved"]),
            "changed": self.tr("%Ln pictures were changed.", "", counts["changed"]),
            "missing": self.tr("%Ln pictures are missing, and hidden until their files are back.", "", counts["missing"]),
        }  # fmt: skip
        said = [texts[name] for name, count in counts.items() if count] or [self.tr("Nothing has changed.")]
        return " ".join([*said, *self._first([str(sentence) for sentence in scan.get("unreadable", ())])])

    def _verified(self, faults: Sequence[str]) -> str:
        return " ".join(self._first(faults)) if faults else self.tr("Every picture is as it was saved.")

    def _first(self, sentences: Sequence[str]) -> list[str]:
        shown = [f"{sentence.rstrip('.')}." for sentence in sentences[:SHOWN]]
        more = self.tr("And %Ln more.", "", len(sentences) - SHOWN)
        return [*shown, more] if len(sentences) > SHOWN else shown
