"""When a window is painted for the first time: what is not needed for that waits for it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

AFTER_PAINT, UNPAINTED = 10, 500
"""Milliseconds from the first paint until the rest begins, and until it does without one, as where the window is minimised."""


class FirstPaint(QObject):
    """`came` when a window, or a widget in it, was painted for the first time."""

    came = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.came)
        self._timer.start(UNPAINTED)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            if self._timer.isActive():
                self._timer.start(AFTER_PAINT)
        return False
