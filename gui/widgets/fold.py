"""Sections below one another, each under a heading that opens and closes it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.look.theme import GAP, HALF, Theme, set_kind


class Fold(QWidget):
    """A section under a heading that opens and closes it. `toggled` tells when it did."""

    toggled = Signal(bool)

    def __init__(self, theme: Theme, title: str, content: QWidget, opened: bool = False) -> None:
        super().__init__()
        self._theme, self.content = theme, content
        self.button = QPushButton(title)
        self.button.setCheckable(True)
        self.button.setIconSize(QSize(14, 14))
        set_kind(self.button, "fold")
        self.button.toggled.connect(self._fold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addWidget(self.button)
        column.addWidget(content)
        self.button.setChecked(opened)
        self._fold(opened)

    def open(self) -> None:
        self.button.setChecked(True)

    def _fold(self, opened: bool) -> None:
        self.content.setVisible(opened)
        self.button.setAccessibleDescription(self.tr("open") if opened else self.tr("closed"))
        closed = "chevron-left" if self.isRightToLeft() else "chevron-right"
        self.button.setIcon(self._theme.icon("chevron-down" if opened else closed, "muted"))
        self.toggled.emit(opened)


def stack(*rows: QWidget, gap: int = GAP) -> QWidget:
    """Widgets below one another, without a margin."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(gap)
    for row in rows:
        column.addWidget(row)
    return box
