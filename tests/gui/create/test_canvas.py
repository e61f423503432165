"""The canvas by its pixels: what is seen with the focus on it, while comparing and while painting."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent

from gui.create.canvas import Canvas
from gui.create.mask_layer import MaskLayer
from tests.gui.create.conftest import filled


@pytest.fixture
def canvas(theme, qtbot):
    """Focused, with a blue picture over a red one of before."""
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    canvas.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus)
    canvas.show_picture(filled("red"))
    canvas.show_picture(filled("blue"))
    return canvas


def middle(canvas: Canvas) -> str:
    return canvas.grab().toImage().pixelColor(200, 150).name()


@pytest.mark.parametrize("comparing", [False, True])
@pytest.mark.parametrize("paints_mask", [False, True])
def test_the_focus_ring_is_a_ring_and_the_picture_stays_in_it(canvas, theme, comparing, paints_mask):
    if paints_mask:
        canvas.paint_mask(MaskLayer(QSize(64, 64)))
        place, none = QPointF(40, 40), Qt.MouseButton.NoButton
        canvas.mouseMoveEvent(
            QMouseEvent(QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier.NoModifier)
        )
    canvas.compare(comparing)
    shown = canvas.grab().toImage()
    assert shown.pixelColor(200, 150).name() == QColor("red" if comparing else "blue").name()
    assert shown.pixelColor(1, 150) == theme.color("accent") and shown.pixelColor(6, 150) == theme.color("canvas")


def test_space_shows_the_picture_of_before_and_again_the_picture(canvas, qtbot):
    shown = []
    for _ in range(2):
        qtbot.keyClick(canvas, " ")
        shown.append(middle(canvas))
    assert shown == [QColor("red").name(), QColor("blue").name()]
