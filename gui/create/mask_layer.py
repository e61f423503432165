"""A mask being painted: strokes with a round brush, erasing, undo. Pixels only; the canvas shows it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

UNDOS = 50
_PAINT = QColor(255, 255, 255)


class MaskLayer:
    """White, opaque where drawn anew. `changed` is called after every change with the rectangle it touched."""

    def __init__(self, size: QSize, changed: Callable[[QRect], None] = lambda rect: None) -> None:
        self.image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        self.image.fill(Qt.GlobalColor.transparent)
        self.changed = changed
        self._before: QImage | None = None
        self._touched = QRect()
        self._last = QPointF()
        self._erasing = False
        self._undo: list[tuple[QRect, QImage]] = []
        self._redo: list[tuple[QRect, QImage]] = []

    # Strokes

    def begin(self, at: QPointF, diameter: float, erase: bool) -> None:
        """Puts the brush down."""
        self._before, self._touched = self.image.copy(), QRect()
        self._last, self._erasing = at, erase
        self.extend(at, diameter)

    def extend(self, to: QPointF, diameter: float) -> None:
        """Moves it."""
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mode = QPainter.CompositionMode
        painter.setCompositionMode(mode.CompositionMode_Clear if self._erasing else mode.CompositionMode_SourceOver)
        painter.setPen(QPen(_PAINT, diameter, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        if to == self._last:
            painter.drawPoint(to)
        else:
            painter.drawLine(self._last, to)
        painter.end()
        margin = diameter / 2 + 2
        box = QRectF(self._last, to).normalized().adjusted(-margin, -margin, margin, margin).toAlignedRect()
        self._last = to
        self._touched = self._touched.united(box)
        self.changed(box)

    def end(self) -> None:
        """Lifts it; the stroke can be undone as one."""
        before, self._before = self._before, None
        rect = self._touched.intersected(self.image.rect())
        if before is not None and not rect.isEmpty():
            self._undo = [*self._undo, (rect, before.copy(rect))][-UNDOS:]
            self._redo = []

    # All at once

    def clear(self) -> None:
        """Nothing is masked; can be undone."""
        self._replace(lambda image: image.fill(Qt.GlobalColor.transparent))

    def invert(self) -> None:
        """What was kept is drawn, what was drawn is kept."""

        def swap(image: QImage) -> None:
            painter = QPainter(image)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOut)
            painter.fillRect(image.rect(), _PAINT)
            painter.end()

        self._replace(swap)

    def load(self, mask: QImage) -> None:
        """Takes over a mask of any size: white is drawn anew."""

        def take(image: QImage) -> None:
            alpha = mask.convertToFormat(QImage.Format.Format_Grayscale8).scaled(image.size())
            alpha.reinterpretAsFormat(QImage.Format.Format_Alpha8)
            image.fill(_PAINT)
            painter = QPainter(image)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
            painter.drawImage(0, 0, alpha)
            painter.end()

        self._replace(take)

    def undo(self) -> None:
        self._swap(self._undo, self._redo)

    def redo(self) -> None:
        self._swap(self._redo, self._undo)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    # Out

    @property
    def is_empty(self) -> bool:
        """Nothing is painted."""
        grey = self._grey()  # kept while its bytes are looked at
        return not any(bytes(grey.constBits()))

    def png(self) -> bytes:
        """Returns a grey PNG; white is drawn anew."""
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self._grey().save(buffer, "PNG")  # type: ignore[call-overload]
        return bytes(data.data())

    def _grey(self) -> QImage:
        grey = self.image.convertToFormat(QImage.Format.Format_Alpha8)
        grey.reinterpretAsFormat(QImage.Format.Format_Grayscale8)
        return grey

    def _replace(self, change: Callable[[QImage], None]) -> None:
        self._undo = [*self._undo, (self.image.rect(), self.image.copy())][-UNDOS:]
        self._redo = []
        change(self.image)
        self.changed(self.image.rect())

    def _swap(self, source: list[tuple[QRect, QImage]], target: list[tuple[QRect, QImage]]) -> None:
        if not source:
            return
        rect, patch = source.pop()
        target.append((rect, self.image.copy(rect)))
        painter = QPainter(self.image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(rect.topLeft(), patch)
        painter.end()
        self.changed(rect)
