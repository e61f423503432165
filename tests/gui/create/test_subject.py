"""What is done with the picture on the canvas is done with the one that is seen, whatever put it there."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from gui.shell.picture_actions import NOTHING
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from tests.gui.conftest import wait
from tests.gui.create.conftest import filled
from tests.gui.pictures import save_pictures


@pytest.fixture
def looked_at(open_window, tmp_path, qtbot):
    """The view of a form that starts from one picture while another one, of the gallery, was chosen since."""
    source = tmp_path / "source.png"
    filled("teal", 64, 64).save(str(source))
    save_pictures(tmp_path / "out", ["a boat"])
    view = open_window(start=False).show_view("create")
    view.window().studio.start_from(str(source))
    wait(qtbot, lambda: view.form.image.source)
    with open_store() as store:
        entry = Gallery(store).search()[0]
    view.presenter.show_entry(entry, QImage(str(entry.path)))
    wait(qtbot, lambda: subject(view).entry == entry)
    return view


def subject(view):
    return view.window().studio.pictures.seen_in("create")


def paint(view):
    view.paint_mask()
    view.panel.end_mask()


def drag_edges(view):
    view.form.image.edges.dragging_wanted.emit(True)
    assert view.panel.is_edited
    view.cancel()


@pytest.mark.parametrize("edit", [paint, drag_edges])
def test_after_painting_over_a_picture_actions_are_about_that_one(looked_at, qtbot, edit):
    edit(looked_at)
    assert not looked_at.panel.is_edited and looked_at.panel.canvas.image.pixelColor(9, 9).name() == "#008080"
    assert subject(looked_at).path == Path(looked_at.window().studio.form.image)
    assert looked_at.panel.caption.full_text == "source.png   64 × 64"
    qtbot.wait(100)
    assert subject(looked_at).entry is None  # the gallery knows nothing of it


def test_a_hint_and_an_empty_ground_for_regions_are_no_picture_of_the_gallery(looked_at):
    looked_at.form.control.hint_wanted.emit(filled("white"), "canny")
    assert subject(looked_at) == NOTHING and "canny" in looked_at.panel.caption.full_text
    looked_at.panel.canvas.show_preview(filled("white"), filled("white").size())
    looked_at.form.regions.drawing_wanted.emit(True)
    looked_at.cancel()
    assert subject(looked_at) == NOTHING


def test_nothing_is_done_with_the_picture_of_before_while_the_gallery_is_asked(looked_at, monkeypatch):
    """Its database may be busy for seconds."""
    monkeypatch.setattr(looked_at.window().studio.bridge, "ask", lambda *asked: None)
    looked_at.presenter.show_source(looked_at.form.image.source)
    assert subject(looked_at).entry is None and subject(looked_at).path.name == "source.png"


def test_the_brush_stays_as_it_was_chosen_for_pictures_of_one_size(looked_at):
    looked_at.paint_mask()
    looked_at.panel.canvas.set_brush(20)
    looked_at.panel.end_mask()
    looked_at.paint_mask()
    assert looked_at.panel.canvas.brush == 20
    looked_at.panel.end_mask()
    looked_at.panel.begin_mask(filled("red", 640, 640), None)
    assert looked_at.panel.canvas.brush == 64
    looked_at.panel.end_mask()
