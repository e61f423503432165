"""Previews have a pixel per latent cell: they are made smooth rather than blown up, and come out of the noise."""

from __future__ import annotations

import random
from functools import cache

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap

LARGEST = 512  # pixels of a side, beyond which smoothing would show no more
NOISE = 0.5  # how much of it is seen at the first step
_TILE = 256  # pixels


def smooth(preview: QImage, size: QSize) -> QImage:
    """Returns the preview nearly as large as the picture will be. Doubled and doubled again, each time between its pixels, it has
    neither the squares of a blown-up picture nor the stars of one that was stretched at once.
    """
    size = size.scaled(LARGEST, LARGEST, Qt.AspectRatioMode.KeepAspectRatio) if max(size.toTuple()) > LARGEST else size
    image, mode = preview, Qt.TransformationMode.SmoothTransformation
    while image.width() * 2 <= size.width() and image.height() * 2 <= size.height() and not image.isNull():
        image = image.scaled(image.size() * 2, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
    return image


def paint_noise(painter: QPainter, target: QRectF, fraction: float) -> None:
    """Paints noise over a preview, the less the more of its steps are done; it is the same at each, so that nothing flickers."""
    opacity = NOISE * max(0.0, 1.0 - fraction) ** 1.5
    if opacity < 0.01:
        return
    painter.save()
    painter.setOpacity(opacity)
    painter.setClipRect(target)
    painter.drawTiledPixmap(target, _noise())
    painter.restore()


@cache
def _noise() -> QPixmap:
    grey = random.Random(0).randbytes(_TILE * _TILE)
    return QPixmap.fromImage(QImage(grey, _TILE, _TILE, _TILE, QImage.Format.Format_Grayscale8).copy())
