"""Before and after in one place: what is left of a line is the picture of before, and the line is moved by mouse and keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen

from gui.look.theme import GAP, Theme

NEAR = 10  # pixels about the line in which it is taken up
STEP = 0.05  # of the picture's width, an arrow key
_GRIP = 9  # pixels, the radius of the line's handle


class Comparison:
    """`fraction` of the picture's width, from the left, is the picture of before; 1 is all of it."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.fraction = 1.0
        self.is_dragged = False

    def line(self, target: QRectF) -> float:
        """Returns where the line stands on the canvas, in pixels."""
        return target.left() + self.fraction * target.width()

    def is_near(self, target: QRectF, at: QPointF) -> bool:
        """Returns whether a press there takes up the line."""
        return abs(at.x() - self.line(target)) <= NEAR and target.top() - NEAR <= at.y() <= target.bottom() + NEAR

    def move_to(self, target: QRectF, x: float) -> None:
        """Moves the line to a place of the canvas, no further than the picture goes."""
        self.put((x - target.left()) / max(target.width(), 1.0))

    def put(self, fraction: float) -> None:
        self.fraction = min(1.0, max(0.0, fraction))

    def paint(self, painter: QPainter, target: QRectF, before: QImage, after: QImage, names: tuple[str, str]) -> None:
        """Paints both pictures, each on its side, with their names and the line."""
        x = self.line(target)
        halves = (
            (before, QRectF(target.left(), target.top(), x - target.left(), target.height()), names[0]),
            (after, QRectF(x, target.top(), target.right() - x, target.height()), names[1]),
        )
        for image, side, name in halves:
            if side.width() < 1:
                continue
            painter.save()
            painter.setClipRect(side)
            painter.drawImage(target, image)
            self._name(painter, side, name, at_right=image is after)
            painter.restore()
        self._paint_line(painter, target, x)

    def _paint_line(self, painter: QPainter, target: QRectF, x: float) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("panel"), 4))
        painter.drawLine(QPointF(x, target.top()), QPointF(x, target.bottom()))
        painter.setPen(QPen(self._theme.color("accent"), 2))
        painter.drawLine(QPointF(x, target.top()), QPointF(x, target.bottom()))
        painter.setBrush(self._theme.color("panel"))
        middle = QPointF(x, target.center().y())
        painter.drawEllipse(middle, _GRIP, _GRIP)
        for way in (-1, 1):
            tip = middle + QPointF(way * 5, 0)
            painter.drawPolyline([tip + QPointF(-way * 3, -3), tip, tip + QPointF(-way * 3, 3)])
        painter.restore()

    def _name(self, painter: QPainter, side: QRectF, text: str, at_right: bool) -> None:
        box = QRectF(painter.fontMetrics().boundingRect(text)).adjusted(-GAP, -4, GAP, 4)
        box.moveTop(max(side.top(), 0.0) + GAP)
        if at_right:
            box.moveRight(side.right() - GAP)
        else:
            box.moveLeft(max(side.left(), 0.0) + GAP)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._theme.color("panel"))
        painter.setPen(self._theme.color("line"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self._theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
