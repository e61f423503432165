"""Space and a drag, two fingers on a screen, the line between before and after, and previews: on the canvas, by its events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QInputDevice
from PySide6.QtTest import QTest

from gui.create.canvas import Canvas
from gui.create.mask_layer import MaskLayer
from gui.create.preview_look import smooth
from tests.gui.create.conftest import filled

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def screen(qapp):
    return QTest.createTouchDevice(QInputDevice.DeviceType.TouchScreen)


@pytest.fixture
def canvas(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(400, 400)
    canvas.show()
    canvas.show_picture(filled("red", 200, 200))
    canvas.show_picture(filled("blue", 200, 200))
    return canvas


def drag(canvas, start: tuple[int, int], end: tuple[int, int]) -> None:
    QTest.mousePress(canvas, LEFT, pos=QPoint(*start))
    QTest.mouseMove(canvas, QPoint((start[0] + end[0]) // 2, (start[1] + end[1]) // 2))
    QTest.mouseMove(canvas, QPoint(*end))
    QTest.mouseRelease(canvas, LEFT, pos=QPoint(*end))


@pytest.mark.parametrize("paints_mask", [False, True])
def test_space_and_a_drag_move_the_picture_and_do_nothing_else(canvas, paints_mask):
    canvas.zoom_to(4.0)
    if paints_mask:
        canvas.paint_mask(MaskLayer(QSize(200, 200)))
    before = canvas.to_picture(QPointF(200, 200))
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, (200, 200), (160, 220))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    moved = canvas.to_picture(QPointF(160, 220)) - before
    assert moved.manhattanLength() < 1e-6
    assert canvas.grab().toImage().pixelColor(200, 200) == QColor("blue")  # nothing is compared
    assert canvas.layer is None or canvas.layer.is_empty
    drag(canvas, (200, 200), (210, 210))
    assert canvas.layer is None or not canvas.layer.is_empty  # without it one paints again


@pytest.mark.parametrize("paints_mask", [False, True])
def test_two_fingers_on_a_screen_move_and_zoom_about_their_middle(canvas, screen, paints_mask):
    if paints_mask:
        canvas.paint_mask(MaskLayer(QSize(200, 200)))
    canvas.zoom_to(2.0)
    under = canvas.to_picture(QPointF(200, 200))
    touch = QTest.touchEvent(canvas, screen)
    touch.press(0, QPoint(150, 200), canvas).commit()
    touch.stationary(0).press(1, QPoint(250, 200), canvas).commit()
    touch.move(0, QPoint(110, 220), canvas).move(1, QPoint(310, 220), canvas).commit()
    touch.release(0, QPoint(110, 220), canvas).release(1, QPoint(310, 220), canvas).commit()
    assert canvas.zoom == pytest.approx(4.0)
    assert (canvas.to_picture(QPointF(210, 220)) - under).manhattanLength() < 0.5
    assert canvas.layer is None or canvas.layer.is_empty  # the first finger was no stroke


def test_one_finger_on_a_screen_paints(canvas, screen):
    canvas.paint_mask(MaskLayer(QSize(200, 200)))
    touch = QTest.touchEvent(canvas, screen)
    touch.press(0, QPoint(150, 200), canvas).commit()
    touch.move(0, QPoint(190, 200), canvas).commit()
    touch.release(0, QPoint(190, 200), canvas).commit()
    assert not canvas.layer.is_empty


def seen(canvas, x: int) -> str:
    return canvas.grab().toImage().pixelColor(x, 260).name()


RED, BLUE = QColor("red").name(), QColor("blue").name()


def test_the_line_between_before_and_after_is_moved_by_mouse_and_keys(canvas):
    canvas.compare(True, 0.5)
    assert (seen(canvas, 100), seen(canvas, 300)) == (RED, BLUE)
    drag(canvas, (200, 200), (320, 200))
    assert (seen(canvas, 300), seen(canvas, 350)) == (RED, BLUE) and canvas.is_fitted
    for _ in range(5):
        QTest.keyClick(canvas, Qt.Key.Key_Left)
    assert seen(canvas, 300) == BLUE
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert seen(canvas, 60) == BLUE
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert (seen(canvas, 60), seen(canvas, 340)) == (RED, RED)  # the space bar shows all of it


def test_a_preview_is_smooth_and_keeps_its_colours_and_place(canvas):
    small = filled("black", 8, 8)
    for y in range(8):
        for x in range(4, 8):
            small.setPixelColor(x, y, QColor("white"))
    large = smooth(small, QSize(512, 512))
    assert large.size() == QSize(512, 512) and smooth(small, QSize(2048, 1024)).width() <= 512
    row = [large.pixelColor(x, 256).red() for x in range(512)]
    assert row == sorted(row) and row[0] == 0 and row[-1] == 255
    assert abs(row.index(next(v for v in row if v >= 128)) - 256) <= 4
    assert max(b - a for a, b in pairwise(row)) <= 8  # no edge of a block


def test_noise_lies_over_a_preview_and_goes_with_its_steps(canvas):
    def spread(done: float) -> int:
        canvas.show_preview(filled("gray", 25, 25), QSize(200, 200), done)
        image = canvas.grab().toImage()
        row = [image.pixelColor(x, 200).red() for x in range(100, 300)]
        return max(row) - min(row)

    assert spread(0.05) > spread(0.5) > spread(0.9) and spread(1.0) == 0
