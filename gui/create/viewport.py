"""Which part of a picture a canvas shows, and how large."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF
from PySide6.QtWidgets import QWidget

from gui.look.theme import PAD

LARGEST, SMALLEST = 32.0, 0.02
FIT_AT_MOST = 6.0  # a small picture is not blown up beyond this
_MIDDLE = QPointF(0.5, 0.5)


class Viewport:
    """Zoom 1 is one pixel of the picture on one of the screen."""

    def __init__(self, canvas: QWidget) -> None:
        self._canvas = canvas
        self.size = QSize()
        """Of the picture, in pixels."""
        self._zoom: float | None = None  # None: fitted
        self._centre = QPointF(_MIDDLE)  # of the picture, in the middle of the canvas

    @property
    def zoom(self) -> float:
        """Pixels of the screen per pixel of the picture."""
        return self._zoom if self._zoom is not None else self._fitted()

    @property
    def is_fitted(self) -> bool:
        return self._zoom is None

    @property
    def scale(self) -> float:
        """Logical pixels of the screen per pixel of the picture."""
        return self.zoom / self._canvas.devicePixelRatioF()

    def take_size(self, size: QSize) -> bool:
        """Fits a picture of another size; whether it is one."""
        changed, self.size = size != self.size, size
        if changed:
            self.fit()
        return changed

    def fit(self) -> None:
        self._zoom, self._centre = None, QPointF(_MIDDLE)

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zooms so that the point of the picture under `at`, by default the middle, stays where it is."""
        middle = QRectF(self._canvas.rect()).center()
        at = at or middle
        point = self.to_picture(at)
        self._zoom = min(LARGEST, max(SMALLEST, zoom))
        moved = (at - middle) / self.scale
        self._put((point.x() - moved.x()) / self.size.width(), (point.y() - moved.y()) / self.size.height())

    def follow(self, leader: Viewport) -> bool:
        """Shows what another one does; whether that is anything else."""
        if (self._zoom, self._centre) == (leader._zoom, leader._centre):
            return False
        self._zoom, self._centre = leader._zoom, QPointF(leader._centre)
        return True

    def move_by(self, x: float, y: float) -> None:
        """Moves the picture by logical pixels of the screen."""
        moved = QPointF(x / self.size.width(), y / self.size.height()) / self.scale
        self._put(self._centre.x() - moved.x(), self._centre.y() - moved.y())

    def target(self) -> QRectF:
        """Returns where the picture lies on the canvas."""
        size = QSizeF(self.size) * self.scale
        middle = QRectF(self._canvas.rect()).center()
        left = middle.x() - self._centre.x() * size.width()
        top = middle.y() - self._centre.y() * size.height()
        return QRectF(QPointF(left, top), size)

    def to_picture(self, at: QPointF) -> QPointF:
        """Returns a point of the canvas in pixels of the picture."""
        return (at - self.target().topLeft()) / self.scale

    def to_canvas(self, at: QPointF) -> QPointF:
        """Returns a point of the picture in pixels of the canvas."""
        return at * self.scale + self.target().topLeft()

    def look_at(self, area: QRectF) -> None:
        """Zooms and moves so that all of an area, in pixels of the picture, is in sight, also beside the picture."""
        self._zoom = max(
            SMALLEST, min(self._room().width() / area.width(), self._room().height() / area.height(), LARGEST)
        )
        middle = area.center()
        self._centre = QPointF(middle.x() / self.size.width(), middle.y() / self.size.height())

    def _room(self) -> QSizeF:
        """Returns the pixels of the screen that there are for the picture."""
        density = self._canvas.devicePixelRatioF()
        return QSizeF(self._canvas.width() - 2 * PAD, self._canvas.height() - 2 * PAD) * density

    def _put(self, x: float, y: float) -> None:
        """Keeps some of the picture in sight."""
        self._centre = QPointF(min(1.0, max(0.0, x)), min(1.0, max(0.0, y)))

    def _fitted(self) -> float:
        if self.size.isEmpty():
            return 1.0
        room, most = self._room(), FIT_AT_MOST * self._canvas.devicePixelRatioF()
        return max(SMALLEST, min(room.width() / self.size.width(), room.height() / self.size.height(), most))
