"""The grid of pictures: rows that fill the width, walked with the arrow keys, dragged out as files."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QListView

from gui.gallery_delegate import CELL
from gui.theme import set_kind


class PictureList(QListView):
    """A QListView set up for tens of thousands of equal squares."""

    def __init__(self, model: QAbstractItemModel, delegate: QAbstractItemDelegate) -> None:
        super().__init__()
        set_kind(self, "pictures")
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setAccessibleName(self.tr("Pictures"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setGridSize(QSize(CELL, CELL))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # so that the width does not depend on it
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as fit, all of the width shared among them."""
        width = self.viewport().width() - 1  # Qt wraps a row that fills the width exactly
        cell = max(CELL, width // max(1, width // CELL))
        if self.gridSize().width() != cell:
            self.setGridSize(QSize(cell, cell))
        super().resizeEvent(event)
