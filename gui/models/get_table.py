"""The table of what can be got, for Qt: name, what it is for, kind, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gui.languages.texts import tr
from gui.models.get_rows import GetRow

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class GetTable(QAbstractTableModel):
    """One row per thing to get; `state` says how far it is, in words."""

    def __init__(self, state: Callable[[GetRow], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[GetRow] = []
        self._state = state
        self._titles = (self.tr("Name"), self.tr("What it does"), self.tr("Kind"), self.tr("State"))
        self._roles = {
            "model": self.tr("Model"), "vae": self.tr("VAE"), "control": self.tr("Control model"),
            "upscaler": self.tr("Upscaler"), "detector": self.tr("Detector"), "lora": self.tr("LoRA"),
            "embedding": self.tr("Embedding"), "vocabulary": self.tr("Vocabulary"), "": self.tr("By address"),
        }  # fmt: skip

    def show(self, rows: Sequence[GetRow]) -> None:
        """Replaces the rows, if they differ."""
        if list(rows) != self.rows:
            self.beginResetModel()
            self.rows = list(rows)
            self.endResetModel()

    def tell(self, wanted: str) -> None:
        """Says that the state of a row is another."""
        if (row := self.row_of(wanted)) is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(self._titles) - 1))

    def row_of(self, wanted: str) -> int | None:
        return next((number for number, row in enumerate(self.rows) if row.wanted == wanted), None)

    def kind(self, role: str) -> str:
        """Returns what a role is called."""
        return self._roles.get(role, role)

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None  # first, for a restyled table asks ten other roles of every cell
        row = self.rows[index.row()]
        texts = (row.name, translated(row), self.kind(row.role), self._state(row))
        return texts[index.column()] if role == Qt.ItemDataRole.DisplayRole else ", ".join(filter(None, texts))


def translated(row: GetRow) -> str:
    """Returns what a row is for, in the language of the window."""
    return tr(row.text)
