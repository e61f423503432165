"""Copies of the chosen pictures: where to, in which format, with or without their settings. Written by a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from gui.commands.dialog import CommandDialog
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, PAD, set_kind
from gui.shell.file_dialogs import ask_folder, ask_where
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from gui.widgets.calm import WideCombo
from gui.widgets.wrapping_check import WrappingCheck

FORMATS = ("", "png", "jpeg", "webp")


class ExportDialog(CommandDialog):
    """Asks for the place last, and says how far the copies are. Of a ZIP file that is cancelled nothing is left."""

    def __init__(self, studio: Studio, ids: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(studio, parent)
        self.begin_button.setText(self.tr("Export…"))
        self.progress.setAccessibleName(self.tr("Pictures copied"))
        self._ids = sorted(ids)
        self._done: dict[str, Any] = {}
        self.setWindowTitle(self.tr("Export Pictures"))
        self.folder, self.zip = QRadioButton(self.tr("Into a folder")), QRadioButton(self.tr("Into one ZIP file"))
        self.folder.setChecked(True)
        self._places = QButtonGroup(self)
        for choice in (self.folder, self.zip):
            self._places.addButton(choice)
        self.format = self._formats()
        self.private = WrappingCheck(self.tr("Leave the settings out of the copies and of their names"))
        self._lay_out()
        self.begin_button.clicked.connect(self._ask)

    # Doing

    def _ask(self) -> None:
        settings = self._studio.settings
        if self.folder.isChecked():
            place = ask_folder(self, settings, "exports", self.tr("Export Into"))
        else:
            kinds = self.tr("ZIP files ({0})").format("*.zip")
            place = ask_where(self, settings, "exports", self.tr("Export Into"), "sdedge.zip", kinds)
            if place and not place.lower().endswith(".zip"):
                place += ".zip"
        if place:
            self.export_into(place)

    def export_into(self, place: str) -> None:
        """Begins to copy the pictures into this folder or ZIP file."""
        format, private = str(self.format.currentData()), self.private.isChecked()
        arguments = ["gallery", "export", "--events", "-o", place, "--id", ranges(self._ids)]
        arguments += (["--format", format] if format else []) + (["--no-metadata"] if private else [])
        self._done = {}
        self.run(arguments, len(self._ids))

    def hear(self, event: dict[str, Any]) -> None:
        if event.get("event") == "Progress":
            self.progress.setValue(int(event.get("done", 0)))
        elif event.get("event") == "Exported":
            self._done = event

    def done_well(self) -> None:
        path, count = Path(str(self._done.get("path", ""))), int(self._done.get("pictures", 0))
        text = self.tr("%Ln pictures are exported.", "", count)
        self._studio.say(text, "good", self.tr("Show in Folder"), partial(reveal, path))
        self.accept()

    # Building

    def _formats(self) -> WideCombo:
        choice = WideCombo()
        choice.setAccessibleName(self.tr("Format of the copies"))
        set_tooltip(choice, self.tr("Settings are kept in every format"))
        for format in FORMATS:
            choice.addItem(
                {"jpeg": "JPEG", "webp": "WebP"}.get(format, format.upper()) or self.tr("As they are"), format
            )
        return choice

    def _lay_out(self) -> None:
        title = PlainLabel(self.tr("%Ln pictures", "", len(self._ids)))
        set_kind(title, "title")
        row = QHBoxLayout()
        row.setSpacing(GAP)
        label = PlainLabel(self.tr("Format"))
        label.setBuddy(self.format)
        row.addWidget(label)
        row.addWidget(self.format)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        for part in (title, self.folder, self.zip):
            column.addWidget(part)
        column.addLayout(row)
        for widget in (self.private, self.progress, self.fault):
            column.addWidget(widget)
        column.addSpacing(GAP)
        column.addWidget(self.buttons)


def ranges(ids: Sequence[int]) -> str:
    """Returns sorted numbers as the command takes them, in few characters: "1-40,45"."""
    parts = []
    for _, run in groupby(enumerate(ids), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        parts.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ",".join(parts)
