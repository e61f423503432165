"""The app's own icon."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 32, 64, 128, 256, 512)


def draw(size: int) -> QImage:
    """Returns the icon in a square of this many pixels."""
    source = Path(str(files("sdedge.resources"))) / "app" / "sdedge.svg"
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(source)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return image


def app_icon() -> QIcon:
    """Returns the icon in the sizes that windows, taskbars and docks show."""
    icon = QIcon()
    for size in SIZES:
        icon.addPixmap(QPixmap.fromImage(draw(size)))
    return icon


def png(size: int) -> bytes:
    """Returns the icon as a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    draw(size).save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
