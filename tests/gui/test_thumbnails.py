"""Thumbnails fill squares, cut to the middle; what would not be known by its middle is seen from edge to edge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyleOptionViewItem

from gui.gallery.delegate import PictureDelegate
from gui.gallery.model import ENTRY
from sdedge.library.gallery import GalleryEntry

SIDE = 168  # pixels of a place, with 4 around it


def entry_of(width: int, height: int, **facts: object) -> GalleryEntry:
    texts = dict.fromkeys(("content", "model", "model_hash", "sampler", "prompt", "negative", "source"), "")
    values = {"id": 1, "path": Path("a.png"), "created": 0.0, "width": width, "height": height, "bytes": 1, "seed": 1}
    rest = {"favourite": False, "missing": False, "job": None, "number": None, "request_json": "{}"}
    return GalleryEntry(**texts, **values, **rest, facts_json=json.dumps(facts))


def striped(width: int, height: int) -> QPixmap:
    """A blue picture, red at its four edges."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    painter = QPainter(image)
    painter.fillRect(image.rect().adjusted(20, 20, -20, -20), QColor("blue"))
    painter.end()
    return QPixmap.fromImage(image)


class Thumbnails:
    def pixmap(self, entry: GalleryEntry) -> QPixmap:
        return striped(entry.width, entry.height)

    def fault(self, entry: GalleryEntry) -> str:
        return ""


def painted(theme, entry: GalleryEntry) -> QImage:
    """Returns the place of a picture as it is painted, without the gap around it."""
    model, item = QStandardItemModel(), QStandardItem()
    item.setData(entry, ENTRY)
    model.appendRow(item)
    image = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    option, painter = QStyleOptionViewItem(), QPainter(image)
    option.rect = QRect(0, 0, SIDE, SIDE)
    PictureDelegate(theme, Thumbnails(), model).paint(painter, option, model.index(0, 0))
    painter.end()
    return image.copy(4, 4, SIDE - 8, SIDE - 8)


def edges(image: QImage) -> set[str]:
    """Returns the edges at whose middle the picture's own edge, which is red, is seen."""
    last, middle = image.width() - 1, image.width() // 2
    places = {"left": (1, middle), "right": (last - 1, middle), "top": (middle, 1), "bottom": (middle, last - 1)}
    return {
        name for name, (x, y) in places.items() if image.pixelColor(x, y).red() > 180 > image.pixelColor(x, y).blue()
    }


@pytest.mark.parametrize(
    ("size", "facts", "seen"),
    [
        ((512, 512), {}, {"left", "right", "top", "bottom"}),
        ((768, 512), {}, {"top", "bottom"}),  # cut at its sides
        ((1544, 556), {}, {"left", "right"}),  # a long one, on a ground
        ((300, 900), {}, {"top", "bottom"}),
        ((768, 512), {"sheet": True}, {"left", "right"}),
        ((768, 512), {"template": "a sheet of paper"}, {"top", "bottom"}),
    ],
)
def test_long_pictures_and_sheets_are_seen_from_edge_to_edge(theme, size, facts, seen):
    image = painted(theme, entry_of(*size, **facts))
    assert edges(image) == seen
    width, height = size
    if seen == {"left", "right"}:  # the ground is above and below, and the picture as high as it should be
        assert image.pixelColor(image.width() // 2, 3) == theme.color("canvas")
        column = [image.pixelColor(image.width() // 2, y) for y in range(image.height())]
        high = sum(color.blue() > 150 > color.green() or color.red() > 150 > color.green() for color in column)
        assert abs(high - image.width() * height / width) <= 2
