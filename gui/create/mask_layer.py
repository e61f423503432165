"""A mask being painted: strokes with a round brush, erasing, undo. Pixels only; the canvas shows it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

UNDOS = 50
MEMORY = 64 << 20  # bytes that what can be taken back and done again may take: 16 times all of the largest mask
_PAINT = QColor(255, 255, 255)
Patch = tuple[QRect, QImage]
"""A part of a mask as it was: where, and its alpha."""


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
        self._undo: list[Patch] = []
        self._redo: list[Patch] = []

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
            self._remember(_patch(before, rect))

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
            _put(image, (image.rect(), alpha))

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

    @property
    def undo_bytes(self) -> int:
        """Bytes of what can be taken back and done again."""
        return sum(patch.sizeInBytes() for _, patch in (*self._undo, *self._redo))

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
        self._remember(_patch(self.image, self.image.rect()))
        change(self.image)
        self.changed(self.image.rect())

    def _remember(self, patch: Patch) -> None:
        """Keeps what takes the latest change back, and of those before as many as there is room for."""
        self._undo, self._redo = [*self._undo, patch][-UNDOS:], []
        while self.undo_bytes > MEMORY and len(self._undo) > 1:
            del self._undo[0]

    def _swap(self, source: list[Patch], target: list[Patch]) -> None:
        if not source:
            return
        patch = source.pop()
        rect, _ = patch
        target.append(_patch(self.image, rect))
        _put(self.image, patch)
        self.changed(rect)


def _patch(image: QImage, rect: QRect) -> Patch:
    """Returns a part of a mask, of which the alpha is all there is."""
    return rect, image.copy(rect).convertToFormat(QImage.Format.Format_Alpha8)


def _put(image: QImage, patch: Patch) -> None:
    rect, alpha = patch
    painter = QPainter(image)
    painter.setClipRect(rect)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.fillRect(rect, _PAINT)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.drawImage(rect.topLeft(), alpha)
    painter.end()
