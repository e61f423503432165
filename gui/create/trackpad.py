"""Fingers over the canvas: two move the picture, a pinch zooms, a double tap fits, on a trackpad and on a screen, where one
finger does what the mouse does. A wheel zooms."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QLineF, QPointF, Qt
from PySide6.QtGui import QInputDevice, QNativeGestureEvent, QTouchEvent, QWheelEvent

STEP = 1.25  # of the zoom, a notch of the wheel
NOTCH = 120  # in eighths of a degree
BRUSH_STEP = 1.1
PINCHED = 200  # pixels of a swipe with Cmd that zoom as far as a notch of the wheel times three


class Zoomable(Protocol):
    """What the canvas is to fingers."""

    @property
    def zoom(self) -> float: ...
    @property
    def is_fitted(self) -> bool: ...
    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None: ...
    def move_by(self, x: float, y: float) -> None: ...
    def fit(self) -> None: ...
    def press(self, at: QPointF) -> None: ...
    def drag_to(self, at: QPointF) -> None: ...
    def let_go(self) -> None: ...
    def take_back(self) -> None: ...


def turn(canvas: Zoomable, event: QWheelEvent, paints_mask: bool) -> float | None:
    """Zooms or moves; while a mask is painted, a factor for the brush instead where Shift is held over a wheel.

    macOS turns a wheel that is held with Shift sideways, and sends a trackpad's swipe as pixels with phases, of which the
    momentum goes on after the fingers have left.
    """
    turned = event.angleDelta()
    if event.phase() == Qt.ScrollPhase.NoScrollPhase:  # a wheel
        notches = (turned.y() or turned.x()) / NOTCH
        if not notches:
            return None
        if paints_mask and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return BRUSH_STEP if notches > 0 else 1 / BRUSH_STEP
        canvas.zoom_to(canvas.zoom * STEP**notches, event.position())
        return None
    moved = event.pixelDelta() if not event.pixelDelta().isNull() else turned / 8
    if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
        canvas.move_by(moved.x(), moved.y())
    elif event.phase() != Qt.ScrollPhase.ScrollMomentum and moved.y():
        canvas.zoom_to(canvas.zoom * STEP ** (3 * moved.y() / PINCHED), event.position())
    return None


def gesture(canvas: Zoomable, event: QEvent) -> bool:
    """Takes a pinch or a double tap with two fingers; whether it was one."""
    if not isinstance(event, QNativeGestureEvent):
        return False
    kind = event.gestureType()
    if kind == Qt.NativeGestureType.ZoomNativeGesture:
        canvas.zoom_to(canvas.zoom * (1 + event.value()), event.position())
    elif kind == Qt.NativeGestureType.SmartZoomNativeGesture:
        if canvas.is_fitted:
            canvas.zoom_to(1.0, event.position())
        else:
            canvas.fit()
    else:
        return False
    return True


class Touches:
    """Fingers on a screen. A trackpad's come as gestures and as a wheel's pixels."""

    def __init__(self, canvas: Zoomable) -> None:
        self._canvas = canvas
        self._pair: tuple[QPointF, float] | None = None
        """The middle of two fingers and the distance between them, in pixels, as they were last."""
        self._presses = False

    def take(self, event: QEvent) -> bool:
        """Takes what fingers do; whether it was theirs."""
        if not isinstance(event, QTouchEvent) or event.device().type() != QInputDevice.DeviceType.TouchScreen:
            return False
        event.accept()
        down = [point.position() for point in event.points() if point.state() != point.State.Released]
        is_over = event.type() in (QEvent.Type.TouchEnd, QEvent.Type.TouchCancel)
        if is_over or not down:
            self._end(event.type() == QEvent.Type.TouchCancel)
        elif len(down) > 1:
            self._pinch(down[0], down[1])
        elif self._presses:
            self._canvas.drag_to(down[0])
        elif self._pair is None and event.type() == QEvent.Type.TouchBegin:
            self._presses = True
            self._canvas.press(down[0])
        return True

    def _pinch(self, first: QPointF, second: QPointF) -> None:
        line = QLineF(first, second)
        middle, distance = line.center(), max(line.length(), 1.0)
        if self._presses:
            self._presses = False
            self._canvas.take_back()
        if self._pair is not None:
            before, was = self._pair
            self._canvas.zoom_to(self._canvas.zoom * distance / was, before)
            self._canvas.move_by(middle.x() - before.x(), middle.y() - before.y())
        self._pair = middle, distance

    def _end(self, is_cancelled: bool) -> None:
        if self._presses:
            (self._canvas.take_back if is_cancelled else self._canvas.let_go)()
        self._pair, self._presses = None, False
