"""The models view's table for Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QIcon, QPixmap

from gui.look.plain import plain_tooltip
from gui.look.readable import size_in_words
from gui.models.items import Item
from gui.models.kinds import base_text, kind_text

ITEM = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
ICON = 26  # pixels of an item's picture


class LibraryModel(QAbstractTableModel):
    """One row per item: name, what it is, base, size, state."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: list[Item] = []
        self._icons: dict[bytes, QIcon] = {}
        self._titles = (
            self.tr("Name"),
            self.tr("Kind"),
            self.tr("Base", "of a model"),
            self.tr("Size"),
            self.tr("State"),
        )

    def show(self, items: Sequence[Item]) -> None:
        """Replaces the rows, if they differ."""
        if list(items) != self.items:
            self.beginResetModel()
            self.items = list(items)
            self.endResetModel()

    def row_of(self, name: str, role: str) -> int | None:
        return next((row for row, item in enumerate(self.items) if (item.name, item.role) == (name, role)), None)

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts(item)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == 0:
            return plain_tooltip(item.name)  # which the column may be too narrow for
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(self._texts(item))
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self._icon(item)
        return item if role == ITEM else None

    def _icon(self, item: Item) -> QIcon | None:
        """Returns the picture that a person chose for it."""
        picture = item.note.picture
        if picture and picture not in self._icons:
            pixmap = QPixmap()
            pixmap.loadFromData(picture)
            side, mode = 2 * ICON, Qt.AspectRatioMode.KeepAspectRatioByExpanding
            covering = pixmap.scaled(side, side, mode, Qt.TransformationMode.SmoothTransformation)
            left, top = (covering.width() - side) // 2, (covering.height() - side) // 2
            self._icons[picture] = QIcon(covering.copy(left, top, side, side))
        return self._icons.get(picture)

    def _texts(self, item: Item) -> tuple[str, ...]:
        return (item.name, kind_text(item), base_text(item), size_in_words(item.size), self.state(item))

    def state(self, item: Item) -> str:
        """Returns whether it can be used, and if not why not."""
        if not item.here:
            return self.tr("File is gone")
        if not item.accepted:
            return self.tr("Licence not accepted")
        return self.tr("Used by default") if item.default else self.tr("Ready")


def _side(column: int) -> int:
    side = Qt.AlignmentFlag.AlignRight if column == 3 else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
