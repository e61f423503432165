"""Zoom and place on the canvas stay where they were put."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize

from gui.create.canvas import Canvas
from tests.gui.create.conftest import filled


def test_zoom_and_place_stay_between_pictures_of_one_size(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(400, 400)
    canvas.show_picture(filled("red", 64, 64))
    assert canvas.is_fitted
    canvas.zoom_to(3.0, QPointF(100, 100))
    corner = canvas.to_picture(QPointF(100, 100))
    canvas.show_preview(filled("green", 8, 8), QSize(64, 64))
    canvas.show_picture(filled("blue", 64, 64))
    assert canvas.zoom == 3.0 and canvas.to_picture(QPointF(100, 100)) == corner
    canvas.show_picture(filled("blue", 64, 96))
    assert canvas.is_fitted


def test_the_point_under_the_mouse_stays_while_zooming(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(500, 300)
    canvas.show_picture(filled("red", 640, 480))
    at = QPointF(310, 170)
    point = canvas.to_picture(at)
    for zoom in (2.0, 5.0, 0.9):
        canvas.zoom_to(zoom, at)
        assert (canvas.to_picture(at) - point).manhattanLength() < 1e-6
