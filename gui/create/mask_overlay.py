"""How a mask that is painted looks over the picture: in the accent's colour, with the brush where the mouse is."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen, Qt

from gui.create.mask_layer import MaskLayer
from gui.look.theme import Theme


class MaskOverlay:
    """Kept beside the mask, and brought up to date where that was touched."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._image = QImage()

    def begin(self, layer: MaskLayer) -> None:
        """Shows another mask from now on."""
        self._image = QImage(layer.image.size(), QImage.Format.Format_ARGB32_Premultiplied)
        self.follow(layer, layer.image.rect())

    def follow(self, layer: MaskLayer | None, rect: QRect | None = None) -> bool:
        """Takes over what has changed in it, by default all; whether that is anything."""
        rect = self._image.rect() if rect is None else rect.intersected(self._image.rect())
        if layer is None or rect.isEmpty():
            return False
        painter = QPainter(self._image)
        painter.setClipRect(rect)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(rect.topLeft(), layer.image, rect)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(rect, self._theme.color("accent"))
        painter.end()
        return True

    def paint(self, painter: QPainter, target: QRectF, at: QPointF | None, radius: float, erasing: bool) -> None:
        """Paints mask and brush; `at` is the brush's middle and `radius` its size on the canvas, in pixels."""
        painter.save()
        painter.setOpacity(0.55)
        painter.drawImage(target, self._image)
        painter.setOpacity(1)
        if at is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for color, width in ((QColor(0, 0, 0, 160), 3), (QColor(255, 255, 255), 1)):
                painter.setPen(QPen(color, width, Qt.PenStyle.DashLine if erasing else Qt.PenStyle.SolidLine))
                painter.drawEllipse(at, radius, radius)
        painter.restore()
