"""The row above the gallery: words, model, day, board, tag and favourites, together one Search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QToolButton

from gui.look.theme import GAP, PAD, Theme, set_kind
from gui.shell.actions import name_button
from gui.widgets.calm import WideCombo
from sdedge.library.gallery import Search

TYPING = 200  # milliseconds of rest after a key, then it is searched
_DAY = 86_400


class GalleryFilters(QFrame):
    """Emits `changed` when there is something else to search for."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        set_kind(self, "header")
        self.query = QLineEdit()
        self.query.setPlaceholderText(self.tr("Search prompts: red house -night"))
        self.query.setAccessibleName(self.tr("Search the prompts"))
        self.clearing = self.query.addAction(theme.icon("close", "muted"), QLineEdit.ActionPosition.TrailingPosition)
        self.clearing.setText(self.tr("Clear the search"))
        self.clearing.setVisible(False)
        self.clearing.triggered.connect(self.query.clear)
        self.query.setMinimumWidth(120)
        self.query.setMaximumWidth(400)
        QShortcut(QKeySequence("Esc"), self.query, self.query.clear, context=Qt.ShortcutContext.WidgetShortcut)
        self.model = self._choice(self.tr("Model"), self.tr("Every model"))
        self.time = self._choice(self.tr("When"), self.tr("Any time"))
        for label, days in ((self.tr("Today"), 0), (self.tr("Last 7 days"), 7), (self.tr("Last 30 days"), 30)):
            self.time.addItem(label, days)
        self.tag = self._choice(self.tr("Tag"), self.tr("Every tag"))
        self.board = self._choice(self.tr("Board"), self.tr("Every board"))
        self.favourites = QToolButton()
        self.favourites.setCheckable(True)
        self.favourites.setIcon(theme.icon("star"))
        set_kind(self.favourites, "quiet")
        name_button(self.favourites, self.tr("Only favourites"))
        self.missing = QToolButton()
        self.missing.setCheckable(True)
        self.missing.setIcon(theme.icon("warning", "warning"))
        self.missing.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_kind(self.missing, "quiet")
        self.missing.hide()
        self._lay_out()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(TYPING)
        self._rest.timeout.connect(self.changed)
        self.query.textChanged.connect(lambda text: self.clearing.setVisible(bool(text)))
        self.query.textChanged.connect(lambda: self._rest.start())
        for choice in (self.model, self.time, self.tag, self.board):
            choice.currentIndexChanged.connect(self.changed)
        self.favourites.toggled.connect(self.changed)
        self.missing.toggled.connect(self.changed)

    def search(self) -> Search:
        """Returns what is asked for now."""
        return Search(
            text=self.query.text(), model=self.model.currentData(), since=_since(self.time.currentData()),
            tag=self.tag.currentData(), board=self.board.currentData(), favourite=self.favourites.isChecked(),
            missing=self.missing.isChecked(),
        )  # fmt: skip

    @property
    def narrowed(self) -> bool:
        """Whether it asks for less than everything."""
        return self.search() != Search()

    def clear(self) -> None:
        """Asks for everything."""
        blockers = [
            QSignalBlocker(widget)
            for widget in (self.model, self.time, self.tag, self.board, self.favourites, self.missing)
        ]
        self.query.clear()
        self._rest.stop()
        for choice in (self.model, self.time, self.tag, self.board):
            choice.setCurrentIndex(0)
        self.favourites.setChecked(False)
        self.missing.setChecked(False)
        del blockers
        self.changed.emit()

    def offer(self, models: Sequence[str], tags: Sequence[str], boards: Sequence[str] = (), missing: int = 0) -> None:
        """Offers what there is to choose from; a choice that is made stays."""
        for choice, names in ((self.model, models), (self.tag, tags), (self.board, boards)):
            if [choice.itemText(row) for row in range(1, choice.count())] == list(names):
                continue
            blocker = QSignalBlocker(choice)
            chosen = choice.currentData()
            while choice.count() > 1:
                choice.removeItem(1)
            for name in names:
                choice.addItem(name, name)
            choice.setCurrentIndex(max(0, choice.findData(chosen)))
            del blocker
            if choice.currentData() != chosen:  # it is not there any more
                self.changed.emit()
        self.missing.setText(self.locale().toString(missing))
        name_button(self.missing, self.tr("%Ln pictures whose file is missing", "", missing))
        self.missing.setVisible(bool(missing))
        if not missing:
            self.missing.setChecked(False)
        for choice in (self.tag, self.board):
            choice.setVisible(choice.count() > 1)

    def _choice(self, name: str, everything: str) -> QComboBox:
        choice = WideCombo()
        choice.setAccessibleName(name)
        choice.addItem(everything, None)
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        choice.setMinimumContentsLength(len(everything))
        return choice

    def _lay_out(self) -> None:
        row = self.row = QHBoxLayout(self)
        row.setContentsMargins(PAD, GAP, PAD, GAP)
        row.setSpacing(GAP)
        row.addWidget(self.query, 1)
        for widget in (self.model, self.time, self.board, self.tag, self.favourites, self.missing):
            row.addWidget(widget)
        row.addStretch(1)


def _since(days: int | None) -> float | None:
    """Returns the Unix time from which on, `days` before the beginning of today."""
    if days is None:
        return None
    midnight = datetime.fromtimestamp(time.time()).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.timestamp() - days * _DAY
