"""A mask is painted, erased, undone and taken up again, at any zoom."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage

from gui.create.canvas import Canvas
from gui.create.mask_overlay import mask_colour
from tests.gui.create.conftest import filled


def test_a_mask_is_painted_erased_undone_and_taken_up_again(theme, qtbot):
    from gui.create.mask_layer import MaskLayer
    from gui.shell.pictures import keep_private

    layer = MaskLayer(QSize(100, 80))
    assert layer.is_empty
    layer.begin(QPointF(20, 40), 20, erase=False)
    layer.extend(QPointF(80, 40), 20)
    layer.end()
    painted = np.array(Image.open(keep_private("masks", layer.png())))
    assert painted.shape == (80, 100) and painted[40, 20:80].min() == 255 and painted[:25].max() == 0
    layer.begin(QPointF(50, 40), 30, erase=True)
    layer.end()
    assert QImage.fromData(layer.png()).pixelColor(50, 40) == QColor("black")
    layer.undo()
    assert (np.array(Image.open(keep_private("masks", layer.png()))) == painted).all()
    layer.redo()
    assert QImage.fromData(layer.png()).pixelColor(50, 40) == QColor("black")
    layer.undo()
    layer.invert()
    assert (np.array(Image.open(keep_private("masks", layer.png()))) == 255 - painted).all()
    again = MaskLayer(QSize(100, 80))
    again.load(QImage.fromData(layer.png()))
    assert again.png() == layer.png()
    layer.clear()
    assert layer.is_empty and layer.can_undo


def test_painting_with_the_mouse_follows_the_picture_at_any_zoom(theme, qtbot):
    from gui.create.mask_layer import MaskLayer

    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    canvas.show()
    canvas.show_picture(filled("white", 200, 100))
    canvas.zoom_to(2.0)
    canvas.paint_mask(MaskLayer(QSize(200, 100)))
    canvas.set_brush(10)
    at = QPoint(120, 140)
    point = canvas.to_picture(QPointF(at))
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    mask = QImage.fromData(canvas.layer.png())
    assert mask.pixelColor(point.toPoint()) == QColor("white")
    assert mask.pixelColor(round(point.x()) + 8, round(point.y())) == QColor("black")


def test_each_of_two_quick_clicks_paints(theme, qtbot):
    """Qt tells the second one as a double click, also where it is somewhere else."""
    from gui.create.mask_layer import MaskLayer

    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    canvas.show_picture(filled("white", 300, 300))
    canvas.zoom_to(1.0)
    canvas.paint_mask(MaskLayer(QSize(300, 300)))
    canvas.set_brush(10)
    for at, press in ((QPoint(50, 50), qtbot.mousePress), (QPoint(54, 70), qtbot.mouseDClick)):
        press(canvas, Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at)
    mask = QImage.fromData(canvas.layer.png())
    assert mask.pixelColor(50, 50) == mask.pixelColor(54, 70) == QColor("white")
    qtbot.mouseDClick(canvas, Qt.MouseButton.RightButton, pos=QPoint(50, 50))
    qtbot.mouseRelease(canvas, Qt.MouseButton.RightButton, pos=QPoint(50, 50))
    mask = QImage.fromData(canvas.layer.png())
    assert mask.pixelColor(50, 50) == QColor("black") and canvas.zoom == 1.0


def test_undoing_a_mask_takes_no_more_memory_than_there_is_for_it(monkeypatch):
    """Each change of all of a mask keeps one more of its size; the latest can be taken back whatever it takes."""
    from gui.create import mask_layer

    side, room = 64, 10
    monkeypatch.setattr(mask_layer, "MEMORY", room * side * side)
    layer = mask_layer.MaskLayer(QSize(side, side))
    layer.begin(QPointF(30, 30), 20, erase=False)
    layer.end()
    painted = layer.png()
    for _ in range(30):
        layer.invert()
    steps = 0
    while layer.can_undo:
        layer.undo()
        steps += 1
        assert layer.undo_bytes <= mask_layer.MEMORY
    assert steps == room and layer.png() == painted
    monkeypatch.setattr(mask_layer, "MEMORY", 0)
    layer.invert()
    layer.undo()
    assert layer.png() == painted


@pytest.mark.parametrize(
    "paint", ["#5b7cff", "#ff4040", "#20c040", "#ffffff", "#000000", "#808080", "#ff00a0", "#ffcc00"]
)
def test_a_mask_is_seen_over_a_picture_of_any_colour(paint):
    accent, picture = QColor("#8c9eff"), filled(paint, 64, 64)
    chosen = mask_colour(picture, accent)
    under = QColor(paint)
    through = [0.55 * a + 0.45 * b - b for a, b in zip(chosen.getRgb()[:3], under.getRgb()[:3], strict=True)]
    assert sum(each**2 for each in through) ** 0.5 > 60


def test_a_mask_has_the_accent_where_that_is_seen():
    accent = QColor("#8c9eff")
    assert mask_colour(filled("#203010", 64, 64), accent) == accent
    assert mask_colour(filled("#8c9eff", 64, 64), accent) != accent
    assert mask_colour(QImage(), accent) is not None
