"""One row of small pictures beneath the large one: the same pictures, the same choice as the grid's."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, QSize, Qt
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QListView

from gui.look.theme import set_kind

CELL = 72  # pixels


class FilmStrip(QListView):
    """Scrolls to the chosen picture by itself."""

    def __init__(
        self, model: QAbstractItemModel, selection: QItemSelectionModel, delegate: QAbstractItemDelegate
    ) -> None:
        super().__init__()
        set_kind(self, "pictures")
        self.setObjectName("film-strip")
        self.setModel(model)
        self.setSelectionModel(selection)
        self.setItemDelegate(delegate)
        self.setAccessibleName(self.tr("Pictures beside this one"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setGridSize(QSize(CELL, CELL))
        self.setUniformItemSizes(True)
        self.setFixedHeight(CELL + 12)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
