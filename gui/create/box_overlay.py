"""Boxes over the canvas, dragged by their edges with the mouse and by arrow keys. What they mean is another's."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.create.boxes import EVERY_EDGE, UNIT, Box, Edge, Grip, dragged, grip_at, snapped
from gui.create.canvas import Canvas
from gui.look.accessible import Role, set_role
from gui.look.theme import GAP, HALF, Theme
from gui.widgets.focus_ring import paint_focus_ring

REACH = 10  # pixels of the screen from an edge
HANDLE = 9
SNAPS = (0, 1 / 3, 1 / 2, 2 / 3, 1)  # of the picture's width and height
_KEYS = {
    Qt.Key.Key_Left: (Edge.LEFT, -1, 0), Qt.Key.Key_Right: (Edge.RIGHT, 1, 0), Qt.Key.Key_Up: (Edge.TOP, 0, -1),
    Qt.Key.Key_Down: (Edge.BOTTOM, 0, 1),
}  # fmt: skip
_CURSORS = {
    frozenset({Edge.LEFT}): Qt.CursorShape.SizeHorCursor, frozenset({Edge.RIGHT}): Qt.CursorShape.SizeHorCursor,
    frozenset({Edge.TOP}): Qt.CursorShape.SizeVerCursor, frozenset({Edge.BOTTOM}): Qt.CursorShape.SizeVerCursor,
    frozenset({Edge.LEFT, Edge.TOP}): Qt.CursorShape.SizeFDiagCursor,
    frozenset({Edge.RIGHT, Edge.BOTTOM}): Qt.CursorShape.SizeFDiagCursor,
    frozenset({Edge.RIGHT, Edge.TOP}): Qt.CursorShape.SizeBDiagCursor,
    frozenset({Edge.LEFT, Edge.BOTTOM}): Qt.CursorShape.SizeBDiagCursor, EVERY_EDGE: Qt.CursorShape.SizeAllCursor,
}  # fmt: skip


class BoxOverlay(QWidget):
    """A child of the canvas, as large as it. Boxes are in pixels of the picture; whoever hears `changed` sets them anew.

    grows_only  one box around the picture, whose edges are dragged outwards: what is added is shaded
    measure     a box in words while it is dragged, such as "256 × 512"

    Edges snap to those of the picture, its halves and thirds, and other boxes; with Ctrl held they do not.
    """

    changed = Signal(int, object)
    """A box, by its number, is to be this one."""
    dragged = Signal()
    """A drag has ended."""
    drawn = Signal(object)
    """A new box."""
    chosen = Signal(int)
    removed = Signal(int)

    def __init__(self, theme: Theme, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._theme, self._canvas = theme, canvas
        self.boxes: list[Box] = []
        self.labels: list[str] = []
        self.selected = 0
        self.grows_only = False
        self.measure: Callable[[Box], str] = lambda box: ""
        self._grip: Grip = frozenset()
        self._from, self._box = QPointF(), Box(0, 0, 0, 0)
        self._new: tuple[float, float] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(self, Role.Graphic, self._in_words)
        canvas.installEventFilter(self)
        canvas.zoomed.connect(self.update)
        theme.changed.connect(self.update)
        self.hide()

    def open(self, boxes: list[Box], labels: list[str], grows_only: bool) -> None:
        """Shows these boxes and takes the mouse."""
        self.grows_only = grows_only
        self.setGeometry(self._canvas.rect())
        self.set_boxes(boxes, labels)
        self.show()
        self.raise_()
        if self.focusPolicy() != Qt.FocusPolicy.NoFocus:  # or whoever types elsewhere would be interrupted
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_boxes(self, boxes: list[Box], labels: list[str]) -> None:
        """Shows other boxes."""
        self.boxes, self.labels = boxes, labels
        self.selected = min(self.selected, max(0, len(boxes) - 1))
        self.update()

    def select(self, number: int) -> None:
        """Chooses a box, which the keys move then."""
        if number != self.selected and number < len(self.boxes):
            self.selected = number
            self.chosen.emit(number)
            self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return False

    # Mouse

    def _point(self, event: QMouseEvent) -> tuple[float, float]:
        at = self._canvas.to_picture(event.position())
        return at.x(), at.y()

    def _at(self, x: float, y: float) -> tuple[int, Grip]:
        """Returns the box at a point of the picture, the chosen one before others, and what of it is taken."""
        reach = REACH / self._canvas.viewport.scale
        order = [self.selected, *(n for n in reversed(range(len(self.boxes))) if n != self.selected)]
        for number in order if self.boxes else []:
            if grip := grip_at(self.boxes[number], x, y, reach, inside=not self.grows_only):
                return number, grip
        return -1, frozenset()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x, y = self._point(event)
        number, grip = self._at(x, y)
        if event.button() != Qt.MouseButton.LeftButton or (self.grows_only and not grip):
            event.ignore()  # the canvas moves the picture
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._from, self._grip = QPointF(x, y), grip
        if grip:
            self.select(number)
            self._box = self.boxes[number]
        else:
            self._new = (x, y)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x, y = self._point(event)
        if self._new is not None:
            self._box = self._drawn(event)
            self.update()
        elif self._grip:
            box = dragged(self._box, self._grip, x - self._from.x(), y - self._from.y(), UNIT)
            self.changed.emit(self.selected, self._snapped(box, self._grip, event, but=self.selected))
        elif event.buttons() == Qt.MouseButton.NoButton:
            _, grip = self._at(x, y)
            usual = Qt.CursorShape.ArrowCursor if self.grows_only else Qt.CursorShape.CrossCursor
            self.setCursor(_CURSORS.get(grip, usual))
        else:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        new, grip, self._new, self._grip = self._new, self._grip, None, frozenset()
        if new is not None:
            box = Box.between(new, self._point(event))
            if min(box.width, box.height) * self._canvas.viewport.scale > REACH:  # a click draws none
                self.drawn.emit(self._drawn(event, new))
            self.update()
        elif grip:
            self.dragged.emit()
            self.update()
        else:
            event.ignore()

    def _drawn(self, event: QMouseEvent, start: tuple[float, float] | None = None) -> Box:
        """Returns the box from where the mouse was pressed, both of whose corners snap."""
        box = Box.between(start or self._new or (0, 0), self._point(event))
        corners = frozenset({Edge.LEFT, Edge.TOP}), frozenset({Edge.RIGHT, Edge.BOTTOM})
        return self._snapped(self._snapped(box, corners[0], event), corners[1], event)

    def _snapped(self, box: Box, grip: Grip, event: QMouseEvent, but: int = -1) -> Box:
        """Returns the box put on the lines near it, of the picture and of the boxes but one."""
        if self.grows_only or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return box
        size, boxes = self._canvas.viewport.size, [each for n, each in enumerate(self.boxes) if n != but]
        across = [size.width() * part for part in SNAPS] + [x for each in boxes for x in (each.left, each.right)]
        down = [size.height() * part for part in SNAPS] + [y for each in boxes for y in (each.top, each.bottom)]
        return snapped(box, grip, across, down, REACH / self._canvas.viewport.scale)

    # Keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _KEYS and self.boxes:
            edge, dx, dy = _KEYS[Qt.Key(event.key())]
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            box = self.boxes[self.selected]
            if self.grows_only:  # an arrow adds on its side, with Shift it takes away
                sign = -1 if shift else 1
                box = dragged(box, frozenset({edge}), sign * dx * UNIT, sign * dy * UNIT, UNIT)
            else:
                grip = frozenset({Edge.RIGHT, Edge.BOTTOM}) if shift else EVERY_EDGE
                box = dragged(box, grip, dx * UNIT, dy * UNIT, UNIT)
            self.changed.emit(self.selected, box)
            self.dragged.emit()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.boxes and not self.grows_only:
            self.removed.emit(self.selected)
        elif event.key() in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp) and self.boxes:
            step = 1 if event.key() == Qt.Key.Key_PageDown else -1
            self.select((self.selected + step) % len(self.boxes))
        else:
            super().keyPressEvent(event)

    # Painting

    def _on_screen(self, box: Box) -> QRectF:
        return QRectF(
            self._canvas.viewport.to_canvas(QPointF(box.left, box.top)),
            self._canvas.viewport.to_canvas(QPointF(box.right, box.bottom)),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = self._theme.color("accent")
        if self.grows_only and self.boxes:
            self._shade(painter, self._on_screen(self.boxes[0]), accent)
        for number, box in enumerate(self.boxes):
            label = self.labels[number] if number < len(self.labels) else ""
            self._paint_box(painter, self._on_screen(box), label, number == self.selected)
        if self._new is not None:
            self._paint_box(painter, self._on_screen(self._box), "", True)
        if self._new is not None or (self._grip and self.boxes):
            self._paint_measure(painter, self._box if self._new is not None else self.boxes[self.selected])
        if self.hasFocus():
            paint_focus_ring(painter, QRectF(self.rect()), accent)

    def _shade(self, painter: QPainter, outer: QRectF, accent: QColor) -> None:
        """Shades what is added to the picture."""
        size = self._canvas.viewport.size
        path, inner = QPainterPath(), QPainterPath()
        path.addRect(outer)
        inner.addRect(self._on_screen(Box(0, 0, size.width(), size.height())))
        shade = QColor(accent)
        shade.setAlphaF(0.25)
        painter.fillPath(path.subtracted(inner), shade)

    def _paint_box(self, painter: QPainter, rect: QRectF, label: str, is_selected: bool) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        style = Qt.PenStyle.SolidLine if is_selected else Qt.PenStyle.DashLine
        for color, width in ((QColor(0, 0, 0, 150), 4), (self._theme.color("accent"), 2)):
            painter.setPen(QPen(color, width, style))
            painter.drawRect(rect)
        if is_selected:
            painter.setPen(QPen(self._theme.color("accent"), 1.5))
            painter.setBrush(self._theme.color("panel"))
            middle = rect.center()
            for x in (rect.left(), middle.x(), rect.right()):
                for y in (rect.top(), middle.y(), rect.bottom()):
                    if (x, y) != (middle.x(), middle.y()):
                        painter.drawRect(QRectF(x - HANDLE / 2, y - HANDLE / 2, HANDLE, HANDLE))
        if label:
            room = max(24, round(rect.width()) - 4 * GAP)
            self._paint_label(painter, rect, painter.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, room))

    def _paint_measure(self, painter: QPainter, box: Box) -> None:
        """Paints what is dragged in pixels, in full, over any name."""
        self._paint_label(painter, self._on_screen(box), self.measure(box))

    def _paint_label(self, painter: QPainter, rect: QRectF, text: str) -> None:
        metrics = painter.fontMetrics()
        box = QRectF(metrics.boundingRect(text)).adjusted(-HALF, -2, HALF, 2)
        box.moveTopLeft(rect.topLeft() + QPointF(GAP, GAP))
        box.moveRight(min(box.right(), self.width() - GAP))
        painter.setPen(self._theme.color("line"))
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self._theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _in_words(self) -> str:
        if not self.boxes:
            return self.tr("No boxes")
        box = self.boxes[self.selected]
        name = self.labels[self.selected] if self.selected < len(self.labels) else ""
        numbers = self.measure(box)
        return self.tr("{0} of {1}: {2} {3}").format(self.selected + 1, len(self.boxes), name, numbers)
