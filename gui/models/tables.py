"""The tables of what is installed and of what can be got: rows of one line, and in a narrow window a column less."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

_ROW = 32  # pixels


class ThingsTable(QTableView):
    """One row is chosen at a time. The column `wide` takes the room that the others leave."""

    def __init__(self, model: QAbstractItemModel, wide: int, spared: int, room: int) -> None:
        """Below `room` pixels of width the column `spared` is hidden, which the details beside the table say too."""
        super().__init__()
        self._spared, self._room = spared, room
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.setColumnHidden(self._spared, self.width() < self._room)
        super().resizeEvent(event)
