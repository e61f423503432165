"""The canvas: one picture, fitted or zoomed and moved, a comparison with another, a preview, and a mask to paint."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from gui.create import trackpad
from gui.create.mask_layer import MaskLayer
from gui.look.accessible import Role, set_role
from gui.look.theme import GAP, PAD, Theme, set_kind
from gui.shell.keys import held
from gui.widgets.focus_ring import paint_focus_ring

LARGEST, SMALLEST = 32.0, 0.02
FIT_AT_MOST = 6.0  # a small picture is not blown up beyond this
PIXELS_FROM = 3.0  # zoomed in this far one wants to see the pixels, not their blur
BRUSHES = (4, 400)  # pixels of the picture


class Canvas(QWidget):
    """Zoom 1 is one pixel of the picture on one of the screen. Zoom and place stay between pictures of one size."""

    zoomed = Signal()
    compared = Signal(bool)
    moved_out = Signal()
    """A fitted picture is dragged: out of the window, perhaps."""
    filled = Signal()
    """Something else is seen, or nothing any more."""
    menu_wanted = Signal(QPoint)
    """A place on the screen."""
    painted = Signal()
    """A stroke has ended."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._image = QImage()
        self._before = QImage()
        self._preview = QImage()
        self._size = QSize()
        self._zoom: float | None = None  # None: fitted
        self._centre = QPointF(0.5, 0.5)  # of the picture, in the middle of the canvas
        self._pressed: QPointF | None = None
        self._comparing = False
        self.arrows_move = True
        """Whether the arrow keys move a picture that is larger than the canvas."""
        self.layer: MaskLayer | None = None
        self._overlay = QImage()  # the mask in the accent's colour
        self.brush, self.erasing = 48, False
        self._cursor_at: QPointF | None = None
        self._stroking = False
        set_kind(self, "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 200)
        self.setAccessibleName(self.tr("Picture"))
        set_role(self, Role.Graphic, self._in_words)
        theme.changed.connect(self._recolour)

    # What is shown

    @property
    def image(self) -> QImage:
        """The picture that is shown, without a preview over it."""
        return self._image

    @property
    def is_empty(self) -> bool:
        return self._size.isEmpty()

    @property
    def shows_picture(self) -> bool:
        """A finished picture is seen, not a preview of one."""
        return not self._image.isNull() and self._preview.isNull()

    def show_nothing(self) -> None:
        """Shows no picture, as at the first start."""
        self._image, self._before, self._preview = QImage(), QImage(), QImage()
        self.compare(False)
        self._set_size(QSize())
        self.update()

    def show_picture(self, image: QImage, before: QImage | None = None) -> None:
        """Shows a finished picture, and what it is compared with; without one, with the picture shown before it."""
        if before is not None:
            self._before = before
        elif not self._image.isNull() and image.cacheKey() != self._image.cacheKey():
            self._before = self._image
        self._image, self._preview = image, QImage()
        self._set_size(image.size())
        self.update()

    def show_preview(self, preview: QImage, size: QSize) -> None:
        """Shows a small look at what is being drawn, at the size of the finished picture."""
        self._preview = preview
        self._set_size(size)
        self.update()

    def end_preview(self) -> None:
        """Goes back to the picture, or to nothing where there is none."""
        self._preview = QImage()
        self._set_size(self._image.size())
        self.update()

    @property
    def can_compare(self) -> bool:
        return not self._before.isNull() and not self._image.isNull()

    def compare(self, on: bool) -> None:
        """Shows the other picture instead."""
        on = on and self.can_compare
        if on != self._comparing:
            self._comparing = on
            self.compared.emit(on)
            self.update()

    def paint_mask(self, mask: MaskLayer | None) -> None:
        """Lets the mouse paint on this mask; None ends it."""
        self.layer = mask
        if mask is not None:
            mask.changed = self._mask_changed
            self._overlay = QImage(mask.image.size(), QImage.Format.Format_ARGB32_Premultiplied)
            self._mask_changed(mask.image.rect())
        self.setCursor(Qt.CursorShape.BlankCursor if mask else Qt.CursorShape.ArrowCursor)
        self.update()

    def _mask_changed(self, rect: QRect) -> None:
        """Brings the overlay up to date where the mask was touched."""
        rect = rect.intersected(self._overlay.rect())
        if self.layer is None or rect.isEmpty():
            return
        painter = QPainter(self._overlay)
        painter.setClipRect(rect)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(rect.topLeft(), self.layer.image, rect)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(rect, self._theme.color("accent"))
        painter.end()
        self.update()

    def _recolour(self) -> None:
        self._mask_changed(self._overlay.rect())
        self.update()

    def _set_size(self, size: QSize) -> None:
        changed, self._size = size != self._size, size
        self.filled.emit()
        if changed:
            self._zoom, self._centre = None, QPointF(0.5, 0.5)
            self.zoomed.emit()

    def _in_words(self) -> str:
        """Returns what is seen, for those who do not see it."""
        if self.is_empty:
            return self.tr("empty")
        size = f"{self._size.width()} × {self._size.height()}"
        state = self.tr("preview") if not self._preview.isNull() else self.tr("before") if self._comparing else ""
        return ", ".join(filter(None, (state, size, self.tr("zoom {0}").format(f"{self.zoom:.0%}"))))

    # Zoom

    @property
    def zoom(self) -> float:
        """Pixels of the screen per pixel of the picture."""
        return self._zoom if self._zoom is not None else self._fitted()

    @property
    def is_fitted(self) -> bool:
        return self._zoom is None

    def fit(self) -> None:
        self._zoom, self._centre = None, QPointF(0.5, 0.5)
        self._changed()

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zooms so that the point of the picture under `at`, by default the middle, stays where it is."""
        if self._size.isEmpty():
            return
        middle = QRectF(self.rect()).center()
        at = at or middle
        point = self.to_picture(at)
        self._zoom = min(LARGEST, max(SMALLEST, zoom))
        moved = (at - middle) / self._scale()
        self._centre = QPointF(
            (point.x() - moved.x()) / self._size.width(), (point.y() - moved.y()) / self._size.height()
        )
        self._hold()
        self._changed()

    def view_as(self, leader: Canvas) -> None:
        """Shows the same part at the same zoom as another canvas does."""
        if (self._zoom, self._centre) != (leader._zoom, leader._centre):
            self._zoom, self._centre = leader._zoom, QPointF(leader._centre)
            self._changed()

    def zoom_in(self) -> None:
        self.zoom_to(self.zoom * trackpad.STEP)

    def zoom_out(self) -> None:
        self.zoom_to(self.zoom / trackpad.STEP)

    def move_by(self, x: float, y: float) -> None:
        """Moves the picture by logical pixels of the screen."""
        if self._zoom is not None:
            scale = self._scale()
            self._centre -= QPointF(x / scale / self._size.width(), y / scale / self._size.height())
            self._hold()
            self._changed()

    def _changed(self) -> None:
        self.update()
        self.zoomed.emit()

    def _fitted(self) -> float:
        if self._size.isEmpty():
            return 1.0
        room = QSizeF(self.width() - 2 * PAD, self.height() - 2 * PAD) * self.devicePixelRatioF()
        most = FIT_AT_MOST * self.devicePixelRatioF()
        return max(SMALLEST, min(room.width() / self._size.width(), room.height() / self._size.height(), most))

    def _scale(self) -> float:
        """Returns the logical pixels per pixel of the picture."""
        return self.zoom / self.devicePixelRatioF()

    def _hold(self) -> None:
        """Keeps some of the picture in sight."""
        self._centre = QPointF(min(1.0, max(0.0, self._centre.x())), min(1.0, max(0.0, self._centre.y())))

    def _target(self) -> QRectF:
        scale = self._scale()
        size = QSizeF(self._size) * scale
        middle = QRectF(self.rect()).center()
        left = middle.x() - self._centre.x() * size.width()
        top = middle.y() - self._centre.y() * size.height()
        return QRectF(QPointF(left, top), size)

    def to_picture(self, at: QPointF) -> QPointF:
        """Returns a point of the widget in pixels of the picture."""
        return (at - self._target().topLeft()) / self._scale()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("canvas"))
        shown = self._before if self._comparing else self._image if self._preview.isNull() else self._preview
        if shown.isNull() or self._size.isEmpty():
            return
        target = self._target()
        smooth = self.zoom < PIXELS_FROM or self._zoom is None or not self._preview.isNull()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, shown)
        if self.layer is not None and not self._comparing:
            self._paint_mask(painter, target)
        if self._comparing:
            self._label(painter, target, self.tr("Before"))
        if self.hasFocus():
            paint_focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))

    def _paint_mask(self, painter: QPainter, target: QRectF) -> None:
        assert self.layer is not None
        painter.save()
        painter.setOpacity(0.55)
        painter.drawImage(target, self._overlay)
        painter.setOpacity(1)
        if self._cursor_at is not None:
            radius = self.brush * self._scale() / 2
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for color, width in ((QColor(0, 0, 0, 160), 3), (QColor(255, 255, 255), 1)):
                painter.setPen(QPen(color, width, Qt.PenStyle.DashLine if self.erasing else Qt.PenStyle.SolidLine))
                painter.drawEllipse(self._cursor_at, radius, radius)
        painter.restore()

    def _label(self, painter: QPainter, target: QRectF, text: str) -> None:
        box = QRectF(painter.fontMetrics().boundingRect(text)).adjusted(-GAP, -4, GAP, 4)
        box.moveTopLeft(QPointF(max(target.left(), 0.0) + GAP, max(target.top(), 0.0) + GAP))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._theme.color("panel"))
        painter.setPen(self._theme.color("line"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self._theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    # Mouse and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = trackpad.turn(self, event, paints_mask=self.layer is not None)
        if factor is not None:
            self.set_brush(self.brush * factor)

    def event(self, event: QEvent) -> bool:
        return trackpad.gesture(self, event) or super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        left = event.button() == Qt.MouseButton.LeftButton
        if self.layer is not None and (left or event.button() == Qt.MouseButton.RightButton):
            self._stroking = True
            self.layer.begin(self.to_picture(event.position()), self.brush, self.erasing or not left)
        elif left or event.button() == Qt.MouseButton.MiddleButton:
            self._pressed = event.position()
            if not self.is_fitted:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._cursor_at = event.position()
        if self._stroking and self.layer is not None:
            self.layer.extend(self.to_picture(event.position()), self.brush)
        elif self._pressed is not None:
            self._drag(event.position())
        elif self.layer is not None:
            self.update()

    def _drag(self, to: QPointF) -> None:
        """A picture that is larger than the canvas is moved in it, a fitted one is taken out."""
        assert self._pressed is not None
        moved = to - self._pressed
        if not self.is_fitted:
            self._pressed = to
            self.move_by(moved.x(), moved.y())
        elif moved.manhattanLength() > QApplication.startDragDistance():
            self._pressed = None
            self.setCursor(Qt.CursorShape.ArrowCursor)
            self.moved_out.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.layer is None and not self.is_empty:
            self.menu_wanted.emit(event.globalPos())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._stroking and self.layer is not None:
            self.layer.end()
            self.painted.emit()
        elif self._pressed is not None:
            self.setCursor(Qt.CursorShape.BlankCursor if self.layer else Qt.CursorShape.ArrowCursor)
        self._stroking, self._pressed = False, None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.layer is not None:
            return
        if self.is_fitted:
            self.zoom_to(1.0, event.position())
        else:
            self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self._cursor_at = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: (40, 0), Qt.Key.Key_Right: (-40, 0), Qt.Key.Key_Up: (0, 40), Qt.Key.Key_Down: (0, -40),
        }  # fmt: skip
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.compare(not self._comparing)
        elif self.arrows_move and not self.is_fitted and event.key() in steps and not held(event.modifiers()):
            self.move_by(*steps[Qt.Key(event.key())])
        elif self.layer is not None and event.text() in ("[", "]"):
            self.set_brush(self.brush * (1.1 if event.text() == "]" else 1 / 1.1))
        else:
            super().keyPressEvent(event)

    def set_brush(self, diameter: float) -> None:
        """Sets the brush's size in pixels of the picture."""
        self.brush = round(min(BRUSHES[1], max(BRUSHES[0], diameter)))
        self.zoomed.emit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.zoomed.emit()
