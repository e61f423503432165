"""Fingers on a trackpad over the canvas: two move the picture, a pinch zooms, a double tap fits. A wheel zooms."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QNativeGestureEvent, QWheelEvent

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
