"""A line that ends in dots where there is too little room for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from gui.look.plain import PlainLabel


class ElidedLabel(PlainLabel):
    """As wide as its place; `full_text` is all of what it says, which screen readers read too."""

    def __init__(self) -> None:
        super().__init__()
        self.full_text = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def say(self, full_text: str) -> None:
        """Shows this, or as much of it as there is room for."""
        self.full_text = full_text
        self.setAccessibleName(full_text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setText(self.fontMetrics().elidedText(self.full_text, Qt.TextElideMode.ElideRight, max(1, self.width())))
