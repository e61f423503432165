"""Edges to add and regions, dragged on the canvas: the same fields of a request as at the command line."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from gui.create.boxes import EVERY_EDGE, Box, Edge, box_at, box_of, dragged, edges_of, fractions_of, grip_at, snapped
from gui.create.canvas_boxes import EDGES, REGIONS
from gui.form.regioning import PLACES, UNNAMED, free_place, place_of
from sdedge.regions import Region
from tests.gui.conftest import wait
from tests.gui.create.conftest import filled


def drag(qtbot, view, start, end, modifier=Qt.KeyboardModifier.NoModifier):
    """From one point of the picture to another."""
    overlay, canvas = view.boxes.overlay, view.panel.canvas
    first, last = (canvas.viewport.to_canvas(QPointF(*point)).toPoint() for point in (start, end))
    qtbot.mousePress(overlay, Qt.MouseButton.LeftButton, modifier, pos=first)
    for point in ((first + last) / 2, last):
        qtbot.mouseMove(overlay, point)
        if modifier != Qt.KeyboardModifier.NoModifier:  # which QTest moves without
            QApplication.sendEvent(overlay, QMouseEvent(
                QEvent.Type.MouseMove, QPointF(point), overlay.mapToGlobal(QPointF(point)), Qt.MouseButton.NoButton,
                Qt.MouseButton.LeftButton, modifier,
            ))  # fmt: skip
    qtbot.mouseRelease(overlay, Qt.MouseButton.LeftButton, modifier, pos=last)


def test_edges_are_dragged_out_of_the_picture_and_typed(view, qtbot, tmp_path):
    form, edges = view.window().studio.form, view.form.image.edges
    filled("red", 256, 128).save(str(tmp_path / "a.png"))
    form.start_from(str(tmp_path / "a.png"))
    edges.button.click()  # before the picture was read
    wait(qtbot, lambda: view.boxes.editing == EDGES)
    drag(qtbot, view, (256, 64), (322, 64))
    assert form.outpaint == (0, 0, 64, 0) and edges.across.edits[1].text() == "64"
    drag(qtbot, view, (0, 64), (90, 64))  # inwards is nothing
    assert form.outpaint == (0, 0, 64, 0)
    qtbot.keyClick(view.boxes.overlay, Qt.Key.Key_Up)
    qtbot.keyClick(view.boxes.overlay, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert form.outpaint == (0, 8, 56, 0) and "256 × 128 → 312 × 136" in edges.becomes.text()
    form.type("outpaint:left", "99999")
    assert "outpaint:left" in form.problems() and form.outpaint[0] == 0
    form.type("outpaint:left", "32")
    request = form.wanted().request
    assert (request.outpaint, request.task) == ((32, 8, 56, 0), form.task)
    view.window().studio.actions["cancel"].trigger()
    assert not view.boxes.editing and not edges.button.isChecked() and form.outpaint is not None
    form.start_from(None)
    assert form.outpaint is None


@pytest.mark.slow
def test_regions_are_drawn_moved_and_taken_out(view, qtbot):
    form, section = view.window().studio.form, view.form.regions
    view.form.regions_fold.open()
    view.panel.canvas.show_picture(filled("blue", 400, 200))
    section.draw.click()
    assert view.boxes.editing == REGIONS
    drag(qtbot, view, (40, 20), (200, 180))
    (region,) = form.regions
    assert region.area == pytest.approx((0.1, 0.1, 0.5, 0.9), abs=0.02)
    assert "Region 1 has no prompt" in form.problems()["regions"]
    form.type("region:0:prompt", "a red house, in a meadow")
    assert form.regions[0].prompt == "a red house, in a meadow" and not form.problems()
    drag(qtbot, view, (100, 100), (20, 100))  # moved against the left side, as wide as before
    assert form.regions[0].area == pytest.approx((0, 0.1, 0.4, 0.9), abs=0.02)
    drag(qtbot, view, (300, 100), (302, 101))  # a click draws none
    assert len(form.regions) == 1
    form.type("region:0:left", "0.9")
    assert "no area" in form.problems()["region:0:left"]
    form.type("region:0:left", "0.05")
    qtbot.keyClick(view.boxes.overlay, Qt.Key.Key_Right)
    assert form.regions[0].area[0] == pytest.approx(0.07, abs=0.002)
    qtbot.keyClick(view.boxes.overlay, Qt.Key.Key_Delete)
    assert not form.regions and section.rows[0].isHidden()
    section.add.click()
    form.type("region:0:prompt", "a boat")
    assert form.wanted().request.regions[0].area == (0, 0, 0.5, 1)
    view.panel.canvas.show_picture(filled("green", 64, 64))  # another, of which no box is true
    assert not view.boxes.editing and not section.draw.isChecked()
    QApplication.processEvents()


def test_regions_snap_to_the_picture_and_to_each_other(view, qtbot):
    form, section, overlay = view.window().studio.form, view.form.regions, view.boxes.overlay
    view.form.regions_fold.open()
    view.panel.canvas.show_picture(filled("blue", 400, 200))
    section.draw.click()
    near = 4 / view.panel.canvas.viewport.scale  # pixels of the picture that are 4 of the screen
    drag(qtbot, view, (near, near), (200 - near, 200 - near))
    assert form.regions[0].area == (0, 0, 0.5, 1) and section.rows[0].place.combo.currentText() == "Left half"
    drag(qtbot, view, (200 - near, 100), (160, 100))
    assert form.regions[0].area[2] == pytest.approx(0.4, abs=0.02)
    right = 400 * form.regions[0].area[2]
    drag(qtbot, view, (right + 15, 20), (380, 100))
    drag(qtbot, view, (380, 60), (133.3 + near, 60))  # its right side, which stays right of its left one
    overlay.select(1)
    drag(qtbot, view, (form.regions[1].area[0] * 400, 60), (right + near, 60))
    assert form.regions[1].area[0] == form.regions[0].area[2]
    drag(qtbot, view, (form.regions[0].area[2] * 400, 150), (200 - near, 150), Qt.KeyboardModifier.ControlModifier)
    assert form.regions[0].area[2] != 0.5 and form.regions[0].area[2] == pytest.approx(0.5, abs=0.03)


def test_a_region_that_is_dragged_tells_its_pixels(view):
    form, section, overlay = view.window().studio.form, view.form.regions, view.boxes.overlay
    form.put(width=512, height=256)
    view.form.regions_fold.open()
    view.panel.canvas.show_picture(filled("blue", 400, 200))
    section.draw.click()
    assert overlay.measure(Box(0, 0, 200, 100)) == "0, 0 · 256 × 128"
    section.add.click()
    assert "0, 0 · 256 × 256" in overlay.accessible_value()


def test_regions_without_the_mouse_lie_beside_each_other(view):
    form, section = view.window().studio.form, view.form.regions
    section.add.click()
    section.add.click()
    assert [each.area for each in form.regions] == [PLACES["left-half"], PLACES["right-half"]]
    row = section.rows[1]
    row.place.combo.activated.emit(list(PLACES).index("lower-right"))
    assert form.regions[1].area == (0.5, 0.5, 1, 1)
    form.type("region:1:left", "0.4")
    assert row.place.combo.currentText() == "By its sides" and form.regions[1].area == (0.4, 0.5, 1, 1)
    form.set_value("region:1:place", UNNAMED)
    assert form.regions[1].area == (0.4, 0.5, 1, 1)


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_known_by_its_area_and_free_only_where_no_region_is(name):
    assert place_of(PLACES[name]) == name
    free, taken = free_place((Region("a cat", PLACES[name]),)), PLACES[name]
    if name == "middle":  # which leaves nothing free
        assert free == PLACES["left-half"]
        return
    across, down = (min(free[n + 2], taken[n + 2]) - max(free[n], taken[n]) for n in (0, 1))
    assert min(across, down) < 0.01


def test_a_box_snaps_by_the_edges_that_are_dragged():
    lines = (0, 100, 200)
    assert snapped(Box(4, 30, 97, 60), frozenset({Edge.LEFT}), lines, lines, 5) == Box(0, 30, 97, 60)
    assert snapped(Box(4, 30, 98, 60), EVERY_EDGE, lines, lines, 5) == Box(
        6, 30, 100, 60
    )  # the nearer one, as wide as before
    assert snapped(Box(6, 30, 94, 60), EVERY_EDGE, lines, lines, 5) == Box(6, 30, 94, 60)
    assert snapped(Box(4, 30, 97, 103), frozenset({Edge.RIGHT, Edge.BOTTOM}), lines, lines, 5) == Box(4, 30, 100, 100)


@pytest.mark.parametrize("x, y, inside, grip", [
    (0, 50, True, {Edge.LEFT}), (100, 100, True, {Edge.RIGHT, Edge.BOTTOM}), (50, 50, True, EVERY_EDGE),
    (50, 50, False, set()), (106, 50, True, set()), (-3, -3, True, {Edge.LEFT, Edge.TOP}),
])  # fmt: skip
def test_what_of_a_box_is_taken(x, y, inside, grip):
    assert grip_at(Box(0, 0, 100, 100), x, y, 5, inside) == grip


def test_a_box_does_not_turn_inside_out_and_a_small_one_is_taken_by_one_side():
    assert dragged(Box(0, 0, 100, 100), frozenset({Edge.LEFT}), 500, 0, 8) == Box(92, 0, 100, 100)
    assert grip_at(Box(0, 0, 6, 100), 4, 50, 5) == {Edge.RIGHT}


def test_edges_and_fractions_there_and_back():
    assert edges_of(Box(-13, 4, 530, 512), (512, 512), 4096) == (16, 0, 16, 0)
    assert edges_of(Box(0, 0, 512, 514), (512, 512), 4096) is None
    assert edges_of(Box(-1e9, 0, 512, 512), (512, 512), 4096) == (4096, 0, 0, 0)
    assert edges_of(box_of((8, 16, 24, 0), (512, 384)), (512, 384), 4096) == (8, 16, 24, 0)
    assert fractions_of(box_at((0.25, 0.5, 0.75, 1), (512, 384)), (512, 384)) == (0.25, 0.5, 0.75, 1)
    assert fractions_of(Box(-50, 0, 900, 100), (400, 200)) == (0, 0, 1, 0.5)
