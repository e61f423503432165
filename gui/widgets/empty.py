"""What a view shows while it has nothing to show: what it is for, and the one thing to press."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel
from gui.look.theme import GAP, PAD, Theme, set_kind

_ICON = 40  # pixels
_WIDTH = 360


class Empty(QWidget):
    """An icon, a title, a sentence and perhaps a button, in the middle."""

    def __init__(self, theme: Theme, icon: str) -> None:
        super().__init__()
        self._theme, self._name = theme, icon
        self._icon, self._title, self._text = PlainLabel(), PlainLabel(), PlainLabel()
        self._button = QPushButton()
        self._work: Callable[[], object] | None = None
        self._button.clicked.connect(lambda: self._work and self._work())
        set_kind(self._title, "title")
        set_kind(self._text, "muted")
        self._text.setWordWrap(True)
        self._text.setFixedWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        column.addStretch(1)
        for widget in (self._icon, self._title, self._text, self._button):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
            if isinstance(widget, QLabel):
                widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.insertSpacing(column.indexOf(self._button), GAP)
        column.addStretch(1)
        theme.changed.connect(self._tint)
        self._tint()

    def say(self, title: str, text: str, label: str = "", work: Callable[[], object] | None = None) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._text.setFixedHeight(self._text.heightForWidth(_WIDTH))
        self._button.setText(label)
        self._button.setVisible(bool(label))
        self._work = work

    @property
    def text(self) -> str:
        return f"{self._title.text()} {self._text.text()}"

    def _tint(self) -> None:
        self._icon.setPixmap(self._theme.icon(self._name, "muted").pixmap(_ICON, _ICON))
