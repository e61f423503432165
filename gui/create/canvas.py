"""The canvas: one picture, fitted or zoomed and moved, a comparison with another, a preview, and a mask to paint."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from gui.create import trackpad
from gui.create.comparison import STEP, Comparison
from gui.create.mask_layer import MaskLayer
from gui.create.mask_overlay import MaskOverlay
from gui.create.preview_look import paint_noise, smooth
from gui.create.viewport import Viewport
from gui.look.accessible import Role, set_role
from gui.look.readable import percent
from gui.look.theme import Theme, set_kind
from gui.shell.keys import held
from gui.widgets.focus_ring import paint_focus_ring

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
    tapped = Signal()
    """The space bar was pressed, and nothing moved with it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._image = QImage()
        self._before = QImage()
        self._preview, self._done = QImage(), 1.0
        self.viewport = Viewport(self)
        self._pressed: QPointF | None = None
        self._comparing = False
        self.arrows_move = True
        """Whether the arrow keys move a picture that is larger than the canvas."""
        self.space_compares = True
        self.layer: MaskLayer | None = None
        self._overlay = MaskOverlay(theme)
        self._comparison = Comparison(theme)
        self._touches = trackpad.Touches(self)
        self._holding = False
        """Whether the space bar is held down, with which any button moves the picture."""
        self._held_moved = False
        self.brush, self.erasing = 48, False
        self._cursor_at: QPointF | None = None
        self._stroking = False
        set_kind(self, "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setMinimumSize(240, 200)
        self.setAccessibleName(self.tr("Picture"))
        set_role(self, Role.Graphic, self._in_words)
        theme.changed.connect(self._recolour)
        self.tapped.connect(self._tap)

    # What is shown

    @property
    def image(self) -> QImage:
        """The picture that is shown, without a preview over it."""
        return self._image

    @property
    def is_empty(self) -> bool:
        return self.viewport.size.isEmpty()

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

    def show_preview(self, preview: QImage, size: QSize, done: float = 1.0) -> None:
        """Shows a small look at what is being drawn, at the size of the finished picture; `done` of its steps are, 0 to 1."""
        self._preview, self._done = smooth(preview, size), done
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

    def compare(self, on: bool, fraction: float = 1.0) -> None:
        """Shows the other picture instead, or its left part up to a fraction of the width."""
        on = on and self.can_compare
        if on != self._comparing:
            self._comparing = on
            self._comparison.put(fraction)
            self.compared.emit(on)
            self.update()

    def paint_mask(self, mask: MaskLayer | None) -> None:
        """Lets the mouse paint on this mask; None ends it."""
        self.layer = mask
        if mask is not None:
            mask.changed = self._mask_changed
            self._overlay.begin(mask, self._image)
        self.setCursor(Qt.CursorShape.BlankCursor if mask else Qt.CursorShape.ArrowCursor)
        self.update()

    def _mask_changed(self, rect: QRect) -> None:
        if self._overlay.follow(self.layer, rect):
            self.update()

    def _recolour(self) -> None:
        self._overlay.recolour(self.layer)
        self.update()

    def _set_size(self, size: QSize) -> None:
        changed = self.viewport.take_size(size)
        self.filled.emit()
        if changed:
            self.zoomed.emit()

    def _in_words(self) -> str:
        """Returns what is seen, for those who do not see it."""
        if self.is_empty:
            return self.tr("empty")
        size = f"{self.viewport.size.width()} × {self.viewport.size.height()}"
        state = self.tr("preview") if not self._preview.isNull() else self.tr("before") if self._comparing else ""
        return ", ".join(filter(None, (state, size, self.tr("zoom {0}").format(percent(self.zoom)))))

    # Zoom

    @property
    def zoom(self) -> float:
        """Pixels of the screen per pixel of the picture."""
        return self.viewport.zoom

    @property
    def is_fitted(self) -> bool:
        return self.viewport.is_fitted

    def fit(self) -> None:
        self.viewport.fit()
        self._changed()

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zooms so that the point of the picture under `at`, by default the middle, stays where it is."""
        if not self.is_empty:
            self.viewport.zoom_to(zoom, at)
            self._changed()

    def view_as(self, leader: Canvas) -> None:
        """Shows the same part at the same zoom as another canvas does."""
        if self.viewport.follow(leader.viewport):
            self._changed()

    def zoom_in(self) -> None:
        self.zoom_to(self.zoom * trackpad.STEP)

    def zoom_out(self) -> None:
        self.zoom_to(self.zoom / trackpad.STEP)

    def move_by(self, x: float, y: float) -> None:
        """Moves the picture by logical pixels of the screen."""
        if not self.is_fitted:
            self.viewport.move_by(x, y)
            self._changed()

    def look_at(self, area: QRectF) -> None:
        """Shows all of an area in pixels of the picture, also beside the picture."""
        if not self.is_empty and not area.isEmpty():
            self.viewport.look_at(area)
            self._changed()

    def to_picture(self, at: QPointF) -> QPointF:
        """Returns a point of the widget in pixels of the picture."""
        return self.viewport.to_picture(at)

    def _changed(self) -> None:
        self.update()
        self.zoomed.emit()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("canvas"))
        shown = self._before if self._comparing else self._image if self._preview.isNull() else self._preview
        if shown.isNull() or self.viewport.size.isEmpty():
            return
        target = self.viewport.target()
        blurs = self.zoom < PIXELS_FROM or self.is_fitted or not self._preview.isNull()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, blurs)
        if self._comparing:
            names = self.tr("Before"), self.tr("After")
            self._comparison.paint(painter, target, self._before, self._image, names)
        else:
            painter.drawImage(target, shown)
        if not self._preview.isNull() and not self._comparing:
            paint_noise(painter, target, self._done)
        if self.layer is not None and not self._comparing:
            radius = self.brush * self.viewport.scale / 2
            self._overlay.paint(painter, target, self._cursor_at, radius, self.erasing)
        if self.hasFocus():
            paint_focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))

    # Mouse and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = trackpad.turn(self, event, paints_mask=self.layer is not None)
        if factor is not None:
            self.set_brush(self.brush * factor)

    def event(self, event: QEvent) -> bool:
        return trackpad.gesture(self, event) or self._touches.take(event) or super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            self.press(event.position(), event.button())

    def press(self, at: QPointF, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Takes up the line of a comparison, puts the brush down, or takes up the picture, by mouse or finger."""
        left, right = button == Qt.MouseButton.LeftButton, button == Qt.MouseButton.RightButton
        if self._comparing and left and not self._holding and self._comparison.is_near(self.viewport.target(), at):
            self._comparison.is_dragged = True
        elif self.layer is not None and not self._holding and (left or right):
            self._stroking = True
            self.compare(False)  # or what is painted would not be seen
            self.layer.begin(self.to_picture(at), self.brush, self.erasing or not left)
        elif not right:
            self._pressed = at
            if not self.is_fitted:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._cursor_at = event.position()
        self.drag_to(event.position())

    def drag_to(self, at: QPointF) -> None:
        """Moves what was taken up."""
        if self._comparison.is_dragged:
            self._comparison.move_to(self.viewport.target(), at.x())
            self.update()
        elif self._stroking and self.layer is not None:
            self.layer.extend(self.to_picture(at), self.brush)
        elif self._pressed is not None:
            self._drag(at)
        elif self.layer is not None:
            self.update()
        elif self._comparing:
            self._show_cursor(at)

    def _drag(self, to: QPointF) -> None:
        """A picture that is larger than the canvas is moved in it, a fitted one is taken out."""
        assert self._pressed is not None
        moved = to - self._pressed
        self._held_moved = self._holding
        if not self.is_fitted or self._holding:
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
        self.let_go()
        self._show_cursor(event.position())

    def let_go(self) -> None:
        """Ends a stroke or a move."""
        if self._stroking and self.layer is not None:
            self.layer.end()
            self.painted.emit()
        self._stroking, self._pressed, self._comparison.is_dragged = False, None, False

    def take_back(self) -> None:
        """A second finger has come: what the first one did was no stroke."""
        stroke, was_stroking = self.layer, self._stroking
        self.let_go()
        if stroke is not None and was_stroking:
            stroke.undo()
            self.painted.emit()

    def _show_cursor(self, at: QPointF | None = None) -> None:
        shape = Qt.CursorShape
        if self._holding and not self.is_fitted:
            self.setCursor(shape.OpenHandCursor)
        elif self._comparing and at is not None and self._comparison.is_near(self.viewport.target(), at):
            self.setCursor(shape.SplitHCursor)
        else:
            self.setCursor(shape.BlankCursor if self.layer is not None and not self._comparing else shape.ArrowCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.layer is not None:
            self.mousePressEvent(event)  # of two quick strokes the second comes as this
        elif self.is_fitted:
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
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._holding, self._held_moved = True, False
                self._show_cursor()
        elif self._comparing and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and not held(event.modifiers()):
            self._comparison.put(self._comparison.fraction + (STEP if event.key() == Qt.Key.Key_Right else -STEP))
            self.update()
        elif self.arrows_move and not self.is_fitted and event.key() in steps and not held(event.modifiers()):
            self.move_by(*steps[Qt.Key(event.key())])
        elif self.layer is not None and event.text() in ("[", "]"):
            self.set_brush(self.brush * (1.1 if event.text() == "]" else 1 / 1.1))
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The space bar alone compares; with a drag it moved the picture."""
        if event.key() != Qt.Key.Key_Space:
            super().keyReleaseEvent(event)
        elif not event.isAutoRepeat() and self._holding:
            self._holding = False
            if not self._held_moved:
                self.tapped.emit()
            self._show_cursor()

    def _tap(self) -> None:
        if self.space_compares:
            self.compare(not self._comparing)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._holding = False
        super().focusOutEvent(event)

    def set_brush(self, diameter: float) -> None:
        """Sets the brush's size in pixels of the picture."""
        self.brush = round(min(BRUSHES[1], max(BRUSHES[0], diameter)))
        self.zoomed.emit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.zoomed.emit()
