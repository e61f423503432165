"""The ring around what has the keyboard's focus, for widgets that paint themselves."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

WIDTH = 2  # pixels


def paint_focus_ring(painter: QPainter, rect: QRectF, color: QColor) -> None:
    """Paints the ring just inside `rect`, whatever brush and pen the painter was left with; they stay as they were."""
    painter.save()
    painter.setPen(QPen(color, WIDTH))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(WIDTH / 2, WIDTH / 2, -WIDTH / 2, -WIDTH / 2))
    painter.restore()
