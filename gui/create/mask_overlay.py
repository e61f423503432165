"""How a mask that is painted looks over the picture: in a colour that the picture has not, with the brush where the mouse is."""

from __future__ import annotations

from math import sqrt

from PySide6.QtCore import QPointF, QRect, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPen, Qt

from gui.create.mask_layer import MaskLayer
from gui.look.theme import Theme

OPACITY = 0.55
SAMPLES = 24  # of the picture, along each side
# What a mask is shown in where the accent would not be seen: magenta, green, orange, cyan, black and white.
_COLOURS = tuple(map(QColor, ("#e6007e", "#00c853", "#ff6d00", "#00b8d4", "#101010", "#ffffff")))
_CLEAR = 120.0  # of 441, the distance of black and white: what is seen at a glance, through the mask's opacity


def mask_colour(picture: QImage, accent: QColor) -> QColor:
    """Returns the accent, or where it is too near to colours of the picture that of a few which is the farthest from them.

    Farthest by the tenth of the picture that is nearest to it, in RGB weighted as the eye does.
    """
    if picture.isNull():
        return accent
    size = QSize(SAMPLES, SAMPLES)
    small = picture.scaled(size, mode=Qt.TransformationMode.SmoothTransformation).convertToFormat(
        QImage.Format.Format_RGB32
    )
    pixels = [small.pixelColor(x, y) for x in range(small.width()) for y in range(small.height())]

    def distance(colour: QColor) -> float:
        nearest = sorted(_distance(colour, pixel) for pixel in pixels)
        return nearest[len(nearest) // 10] if nearest else 0.0

    return accent if distance(accent) >= _CLEAR else max((accent, *_COLOURS), key=distance)


def _distance(a: QColor, b: QColor) -> float:
    red, green, blue = a.red() - b.red(), a.green() - b.green(), a.blue() - b.blue()
    return sqrt((2 * red * red + 4 * green * green + 3 * blue * blue) / 3)


class MaskOverlay:
    """Kept beside the mask, and brought up to date where that was touched."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._image, self._picture = QImage(), QImage()
        self._colour = QColor()

    def begin(self, layer: MaskLayer, picture: QImage) -> None:
        """Shows another mask from now on, over this picture."""
        self._picture = picture
        self._choose_colour()
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
        painter.fillRect(rect, self._colour)
        painter.end()
        return True

    def recolour(self, layer: MaskLayer | None) -> None:
        """Takes over the theme's colours."""
        self._choose_colour()
        self.follow(layer)

    def _choose_colour(self) -> None:
        self._colour = mask_colour(self._picture, self._theme.color("accent"))

    def paint(self, painter: QPainter, target: QRectF, at: QPointF | None, radius: float, erasing: bool) -> None:
        """Paints mask and brush; `at` is the brush's middle and `radius` its size on the canvas, in pixels."""
        painter.save()
        painter.setOpacity(OPACITY)
        painter.drawImage(target, self._image)
        painter.setOpacity(1)
        if at is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for color, width in ((QColor(0, 0, 0, 160), 3), (QColor(255, 255, 255), 1)):
                painter.setPen(QPen(color, width, Qt.PenStyle.DashLine if erasing else Qt.PenStyle.SolidLine))
                painter.drawEllipse(at, radius, radius)
        painter.restore()
