"""How one picture of the gallery is painted: thumbnail, star, ring, and words where there is no picture to show."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.gallery.model import ENTRY
from gui.gallery.thumbnails import Thumbnails
from gui.look.theme import CAPTION, GAP, HALF, RADIUS, Theme
from sdedge.images.output import SHEET
from sdedge.library.gallery import GalleryEntry

CELL = 168  # pixels of a picture's place with the gap around it, at the least
TILES = 600  # kept: several screens of them
LONG = 1.75
"""How many times longer than wide, or wider than high, a picture is of whose middle nobody would know it."""


class PictureDelegate(QStyledItemDelegate):
    """Pictures fill squares: cut to the middle, so that rows are calm whatever the proportions. Long ones and sheets of several
    are seen from edge to edge, on a ground."""

    def __init__(self, theme: Theme, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme, self._thumbnails = theme, thumbnails
        self._star = QPixmap()
        self._tiles: OrderedDict[tuple[str, int, float], QPixmap] = OrderedDict()
        self._draw_star()
        theme.changed.connect(self._draw_star)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return option.widget.gridSize() if isinstance(option.widget, QListView) else QSize(CELL, CELL)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry = index.data(ENTRY)
        half = GAP // 2
        place: QRect = option.rect.adjusted(half, half, -half, -half)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tile = self._tile(entry, place.width(), painter.device().devicePixelRatioF()) if entry is not None else None
        if tile is not None:
            if is_fitted(entry):
                self._lay_ground(painter, place, "canvas")
            painter.drawPixmap(place.topLeft(), tile)
        else:
            self._lay_ground(painter, place, "line")
            if entry is not None and self._thumbnails.fault(entry):
                self._write(painter, place, self.tr("This file is missing or damaged."))
        if entry is not None and entry.favourite:
            painter.drawPixmap(place.right() - 20 - HALF, place.top() + HALF, self._star)
        self._ring(painter, place, option)
        painter.restore()

    def _tile(self, entry: GalleryEntry, side: int, ratio: float) -> QPixmap | None:
        """Returns the thumbnail cut or fitted to its place, kept because scaling takes longer than all other painting."""
        pixmap = self._thumbnails.pixmap(entry)
        if pixmap is None:
            return None
        key = (entry.content, side, ratio)
        tile = self._tiles.get(key)
        if tile is None:
            tile = self._tiles[key] = _rounded(pixmap, side, ratio, is_fitted(entry))
            if len(self._tiles) > TILES:
                self._tiles.popitem(last=False)
        else:
            self._tiles.move_to_end(key)
        return tile

    def _lay_ground(self, painter: QPainter, place: QRect, token: str) -> None:
        painter.setBrush(self._theme.color(token))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(place), RADIUS, RADIUS)

    def _ring(self, painter: QPainter, place: QRect, option: QStyleOptionViewItem) -> None:
        """Selected: a ring of two pixels. Focused but not selected: a fine one."""
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if selected or focused:
            painter.setPen(QPen(self._theme.color("accent"), 3 if selected else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(place).adjusted(-2, -2, 2, 2), RADIUS + 2, RADIUS + 2)

    def _write(self, painter: QPainter, place: QRect, text: str) -> None:
        font = painter.font()
        font.setPixelSize(CAPTION)
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        inside = place.adjusted(GAP, GAP, -GAP, -GAP)
        painter.drawText(inside, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _draw_star(self) -> None:
        """A filled disc behind it keeps the star visible on any picture."""
        self._star = QPixmap(40, 40)
        self._star.setDevicePixelRatio(2)
        self._star.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._star)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._theme.color("panel"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(0, 0, 20, 20)
        self._theme.icon("star", "warning").paint(painter, QRect(3, 3, 14, 14))
        painter.end()


def is_fitted(entry: GalleryEntry) -> bool:
    """Returns whether a picture is seen from edge to edge rather than cut: a long one, or a sheet of several."""
    short, long = sorted((entry.width, entry.height))
    return long > LONG * short or (SHEET in entry.facts_json and bool(entry.facts.get(SHEET)))


def _rounded(pixmap: QPixmap, side: int, ratio: float, fitted: bool) -> QPixmap:
    """Returns the largest square in the middle, or all of it in the middle of one, at another size, with round corners."""
    pixels, mode = round(side * ratio), Qt.AspectRatioMode
    scaled = pixmap.scaled(
        pixels, pixels, mode.KeepAspectRatio if fitted else mode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )  # fmt: skip
    tile = QPixmap(pixels, pixels)
    tile.fill(Qt.GlobalColor.transparent)
    outline = QPainterPath()
    outline.addRoundedRect(QRectF(0, 0, pixels, pixels), RADIUS * ratio, RADIUS * ratio)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipPath(outline)
    painter.drawPixmap((pixels - scaled.width()) // 2, (pixels - scaled.height()) // 2, scaled)
    painter.end()
    tile.setDevicePixelRatio(ratio)
    return tile
