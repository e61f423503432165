"""A chip: something that is in force, in one line, with a cross that ends it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton

from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, Theme, set_kind

SIDE = 24  # pixels of its picture


class Chip(QFrame):
    """`closed` by its cross, `pressed` anywhere else."""

    closed = Signal()
    pressed = Signal()

    def __init__(self, theme: Theme, close_name: str) -> None:
        super().__init__()
        set_kind(self, "chip")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._text = ""
        self.picture, self.label, self.close_button = PlainLabel(), PlainLabel(), QToolButton()
        self.picture.setFixedSize(SIDE, SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.close_button.setIcon(theme.icon("close"))
        self.close_button.setIconSize(QSize(16, 16))
        self.close_button.setAccessibleName(close_name)
        set_tooltip(self.close_button, close_name)
        set_kind(self.close_button, "quiet")
        self.close_button.clicked.connect(self.closed)
        row = QHBoxLayout(self)
        row.setContentsMargins(HALF, 2, 2, 2)
        row.setSpacing(GAP)
        row.addWidget(self.picture)
        row.addWidget(self.label, 1)
        row.addWidget(self.close_button)

    @property
    def text(self) -> str:
        return self._text

    def say(self, text: str, more: str = "") -> None:
        """Shows a text, cut in the middle where there is too little room, and a longer one in the tooltip."""
        self._text = text
        self.setAccessibleName(text)
        set_tooltip(self, more)
        self._fit()

    def show_picture(self, pixmap: QPixmap) -> None:
        self.picture.setPixmap(pixmap)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pressed.emit()

    def _fit(self) -> None:
        metrics = QFontMetrics(self.label.font())
        self.label.setText(metrics.elidedText(self._text, Qt.TextElideMode.ElideMiddle, max(1, self.label.width())))
