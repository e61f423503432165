"""The grid of pictures: rows that fill the width, walked with the arrow keys, dragged out as files."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QListView

from gui.gallery.delegate import CELL
from gui.gallery.model import GalleryModel
from gui.look.theme import set_kind

_COMMAND = Qt.KeyboardModifier.ControlModifier


class PictureList(QListView):
    """A QListView set up for tens of thousands of equal squares."""

    opened = Signal()
    """Return, or a double click on a picture."""

    def __init__(self, model: GalleryModel, delegate: QAbstractItemDelegate) -> None:
        super().__init__()
        set_kind(self, "pictures")
        self._pictures = model
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
        self.doubleClicked.connect(self.opened)

    def choose_row(self, row: int) -> None:
        """Selects one picture and scrolls to it."""
        index = self._pictures.index(row)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & _COMMAND:
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def rows_in_view(self) -> range:
        """Returns the rows of which at least a part can be seen."""
        count, cell = self._pictures.rowCount(), self.gridSize().width()
        columns = max(1, (self.viewport().width() - 1) // cell)
        above = self.verticalScrollBar().value()
        first = above // cell * columns
        return range(min(first, count), min(count, ((above + self.viewport().height()) // cell + 1) * columns))

    def repaint_picture(self, content: str) -> None:
        """Paints one picture again, where it is in view, and nothing else."""
        for row in self.rows_in_view():
            entry = self._pictures.entry(row)
            if entry is not None and entry.content == content:
                self.update(self._pictures.index(row))

    def chosen_rows(self) -> list[int]:
        """Returns the selected rows in their order."""
        selection = self.selectionModel().selection()
        ranges = [selection.at(number) for number in range(selection.count())]
        return sorted(row for block in ranges for row in range(block.top(), block.bottom() + 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows as many columns as fit, all of the width shared among them."""
        width = self.viewport().width() - 1  # Qt wraps a row that fills the width exactly
        cell = max(CELL, width // max(1, width // CELL))
        if self.gridSize().width() != cell:
            self.setGridSize(QSize(cell, cell))
        super().resizeEvent(event)
