"""A mask that is being painted is lost in no way: not by painting again, another picture, the grid, or the end of the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt

from gui.create import mask_brush
from sdedge.errors import OutputError
from tests.gui.conftest import wait
from tests.gui.create.conftest import filled


@pytest.fixture
def photos(tmp_path) -> list[str]:
    paths = [str(tmp_path / f"{colour}.png") for colour in ("teal", "red")]
    for path in paths:
        filled(Path(path).stem).save(path)
    return paths


@pytest.fixture
def brushed(view, qtbot, photos):
    """The view while a stroke is painted over the first photo."""
    view.window().studio.start_from(photos[0])
    wait(qtbot, lambda: view.form.image.source)
    view.paint_mask()
    canvas = view.panel.canvas
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(20, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(20, 0))
    assert not canvas.layer.is_empty
    return view


def test_asking_to_paint_again_goes_on_with_what_is_painted(brushed):
    layer = brushed.panel.canvas.layer
    brushed.paint_mask()
    assert brushed.panel.canvas.layer is layer and not layer.is_empty


@pytest.mark.parametrize("another", [True, False])
def test_what_was_painted_goes_with_its_picture_and_comes_back_with_it(brushed, qtbot, photos, another):
    studio = brushed.window().studio
    studio.start_from(photos[1] if another else None)
    wait(qtbot, lambda: not brushed.panel.paints_mask)
    assert studio.form.mask is None
    wait(qtbot, lambda: "painted" in brushed.window().banner.text)
    studio.actions["undo"].trigger()
    assert studio.form.image == photos[0] and Path(studio.form.mask).is_file()


def test_generating_twice_waits_for_the_mask_and_draws_once(brushed, qtbot, monkeypatch):
    studio, masks = brushed.window().studio, []
    monkeypatch.setattr(studio.bridge, "add", lambda request, *more, **failed: masks.append(request.mask))
    studio.form.put(prompt="a house")
    brushed.generate()
    brushed.generate()
    wait(qtbot, lambda: masks)
    qtbot.wait(50)  # nothing comes after
    assert masks == [studio.form.mask] and Path(masks[0]).is_file()


def test_a_grid_waits_for_the_mask(brushed, qtbot, monkeypatch):
    studio, masks = brushed.window().studio, []
    monkeypatch.setattr(brushed.sheets, "draw_form", lambda form: masks.append(studio.form.mask))
    brushed.form.grid.wanted.emit()
    wait(qtbot, lambda: masks)
    assert masks[0] is not None and Path(masks[0]).is_file()


def test_the_end_of_the_program_keeps_what_is_painted(brushed):
    brushed.close()
    assert Path(brushed.window().studio.form.mask).is_file()


def test_an_unreadable_picture_is_not_waited_for(view, qtbot, tmp_path, photos):
    studio, broken = view.window().studio, tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    studio.start_from(str(broken))
    view.paint_mask()
    wait(qtbot, lambda: view.form.image.fault.text())
    studio.start_from(photos[0])
    wait(qtbot, lambda: view.form.image.source)
    assert not view.panel.paints_mask


def test_what_cannot_be_written_stays_on_the_canvas_to_be_written_later(brushed, qtbot, monkeypatch):
    """A full disk ends neither the mask nor what was drawn of it."""
    studio, write = brushed.window().studio, mask_brush.keep_private
    painted = brushed.panel.canvas.layer.png()

    def fail(kind, png):
        raise OutputError("The disk is full; free some of it.")

    monkeypatch.setattr(mask_brush, "keep_private", fail)
    brushed.cancel()
    wait(qtbot, lambda: "disk is full" in brushed.form.image.fault.text())
    assert brushed.panel.paints_mask and brushed.panel.canvas.layer.png() == painted
    assert brushed.panel.canvas.layer.can_undo and not brushed.masks.is_waited_for
    monkeypatch.setattr(mask_brush, "keep_private", write)
    brushed.cancel()
    wait(qtbot, lambda: studio.form.mask is not None)
    assert Path(studio.form.mask).read_bytes() == painted


def test_a_mask_is_painted_in_sight_though_two_pictures_were_compared(view, qtbot, photos):
    studio, canvas = view.window().studio, view.panel.canvas
    for photo in photos:
        studio.start_from(photo)
        wait(qtbot, lambda photo=photo: view.form.image.source and view.form.image.source.path == photo)
    studio.actions["before-after"].trigger()
    assert studio.actions["before-after"].isChecked()
    view.paint_mask()
    assert view.panel.paints_mask and not studio.actions["before-after"].isChecked()
    canvas.press(canvas.rect().center().toPointF())  # not on the line between the two
    canvas.let_go()
    assert not canvas.layer.is_empty
