"""The chosen pictures enlarged as they are: `sdedge upscale` in a process of its own, whose results the gallery takes in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from gui.commands.dialog import CommandDialog
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, PAD, set_kind
from gui.shell.background import in_words
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from gui.widgets.calm import WideCombo
from sdedge.errors import InvalidRequest
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue
from sdedge.library.upscalers import LANCZOS, installed_upscalers

SCALES = (2, 3, 4, 8)
PARTS = 1000  # of the bar, for each picture


class EnlargeDialog(CommandDialog):
    """Results go to the folder of pictures, under the pictures' own names with a number; what was there stays."""

    def __init__(self, studio: Studio, ids: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(studio, parent)
        self._ids = sorted(ids)
        self.enlarged: list[Path] = []
        self._failure = ""
        self._is_reading = False
        """The gallery takes the results in."""
        self.setWindowTitle(self.tr("Enlarge Pictures"))
        self.begin_button.setText(self.tr("Enlarge"))
        self.begin_button.setEnabled(False)  # until it is known where the pictures are
        self.progress.setAccessibleName(self.tr("Pictures enlarged"))
        self.upscaler, self.scale = WideCombo(), WideCombo()
        self._paths: list[Path] = []
        self._lay_out()
        self.begin_button.clicked.connect(self._enlarge)
        studio.bridge.ask(self._find, self._take, lambda error: self.fault.say(in_words(error)), self)
        studio.bridge.background.run(
            installed_upscalers, self._offer, lambda error: self.fault.say(in_words(error)), self
        )

    # What there is

    def _find(self, queue: Queue, gallery: Gallery) -> list[Path]:
        return [gallery.get(id).path for id in self._ids]

    def _take(self, paths: list[Path]) -> None:
        self._paths = paths
        self.begin_button.setEnabled(True)

    def _offer(self, upscalers: Sequence[Any]) -> None:
        for model in upscalers:
            self.upscaler.addItem(model.name, model.name)
        self.upscaler.setCurrentIndex(self.upscaler.count() - 1)  # a network, where there is one
        self.caption.setVisible(not upscalers)

    # Doing

    def _enlarge(self) -> None:
        try:
            folder = self._studio.settings.output().folder
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            return
        self.enlarged, self._failure, self._is_reading = [], "", False
        factor = self.scale.currentData()
        arguments = ["upscale", *map(str, self._paths), "--model", str(self.upscaler.currentData()), "--json"]
        arguments += ["--to", str(folder), *(["--scale", str(factor)] if factor else [])]
        self.run(arguments, PARTS * len(self._paths))

    def hear(self, event: dict[str, Any]) -> None:
        if event.get("event") == "Enlarged":
            self.enlarged.append(Path(str(event.get("path", ""))))
            self.progress.setValue(PARTS * len(self.enlarged))
        elif event.get("event") == "Progress" and not self._is_reading:
            part = PARTS * int(event.get("done", 0)) // max(1, int(event.get("total", 0)))
            self.progress.setValue(PARTS * len(self.enlarged) + min(part, PARTS))

    def done_well(self) -> None:
        if not self._is_reading:
            self._read()
            return
        self._studio.bridge.store_changed.emit()
        if self._failure:
            self.fault.say(self._failure)
            return
        text = self.tr("%Ln pictures are enlarged.", "", len(self.enlarged))
        self._studio.say(text, "good", self.tr("Show in Folder"), partial(reveal, self.enlarged[-1]))
        self.accept()

    def done_badly(self, failure: str, notes: Sequence[str]) -> None:
        said = " ".join([*notes, failure])
        if self.enlarged and not self._is_reading:
            self._failure = said
            self._read()
        else:
            self.fault.say(said)

    def done_cancelled(self) -> None:
        """What is finished by then is kept, and in the gallery."""
        if self.enlarged and not self._is_reading:
            self._read()
        else:
            super().done_cancelled()

    def _read(self) -> None:
        """Has the gallery take the results in, which are all in one folder."""
        self._is_reading = True
        self.run(["gallery", "rescan", str(self.enlarged[-1].parent), "--events"], 0)

    # Building

    def _lay_out(self) -> None:
        title = PlainLabel(self.tr("%Ln pictures", "", len(self._ids)))
        set_kind(title, "title")
        self.upscaler.addItem(self.tr("Lanczos, a filter"), LANCZOS)
        self.scale.addItem(self.tr("As the upscaler does"), None)
        for factor in SCALES:
            self.scale.addItem(self.tr("{0} times").format(factor), factor)
        set_tooltip(self.upscaler, self.tr("What enlarges them; networks are had under Get Models"))
        set_tooltip(self.scale, self.tr("How many times as wide and high they become"))
        grid = QGridLayout()
        grid.setSpacing(GAP)
        grid.setColumnStretch(1, 1)
        for row, (text, choice) in enumerate(((self.tr("By"), self.upscaler), (self.tr("Size"), self.scale))):
            label = PlainLabel(text)
            label.setBuddy(choice)
            choice.setAccessibleName(text)
            grid.addWidget(label, row, 0)
            grid.addWidget(choice, row, 1)
        self.caption = PlainLabel(self.tr("A network keeps edges sharper than the filter: get one under Get Models."))
        self.caption.setWordWrap(True)
        set_kind(self.caption, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        column.addWidget(title)
        column.addLayout(grid)
        for widget in (self.caption, self.progress, self.fault):
            column.addWidget(widget)
        column.addSpacing(GAP)
        column.addWidget(self.buttons)
