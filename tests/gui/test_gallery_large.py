"""The gallery's large view: walked, compared, and true to its picture whatever comes and goes around it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QImage

from gui.gallery import model
from gui.gallery.view import GalleryView
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_scan import rescan
from sdedge.library.store import open_store
from tests.gui.pictures import PROMPTS, save_pictures, select


def show_large(view: GalleryView, row: int, qtbot) -> None:
    """Shows the picture of a row large, and waits until it is there."""
    view.choose(row)
    view.show_large()
    qtbot.waitUntil(lambda: view.large.canvas.shows_picture)


def test_the_large_view_is_walked_compared_and_left(gallery, qtbot):
    window, view, files = gallery
    view.choose(0)
    qtbot.keyClick(view.list, Qt.Key.Key_Return)
    canvas, compared = view.large.canvas, view.large.compared
    qtbot.waitUntil(lambda: canvas.shows_picture)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert view.current().seed == 2 and not compared.isVisible()
    qtbot.keyClick(canvas, Qt.Key.Key_C)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    expected = [QImage(str(files[n])).pixel(0, 0) for n in (2, 1)]  # which come after their thumbnails
    qtbot.waitUntil(lambda: compared.shows_picture and canvas.shows_picture)
    qtbot.waitUntil(lambda: [compared.image.pixel(0, 0), canvas.image.pixel(0, 0)] == expected)
    canvas.zoom_to(3.0)
    assert compared.zoom == 3.0
    qtbot.keyClick(canvas, Qt.Key.Key_I)
    assert not view.details.isVisible()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not view.large.isVisible() and view.details.isVisible() and view.current().seed == 1


@pytest.mark.parametrize("chunk", [1, 100])
def test_the_large_view_keeps_its_picture_when_others_come(gallery, qtbot, tmp_path, monkeypatch, chunk):
    """Where so many come that the rows are put anew, as a rescan finds them, too."""
    window, view, files = gallery
    monkeypatch.setattr("gui.gallery.model.CHUNK", chunk)
    view.choose(2)
    view.show_large()
    qtbot.waitUntil(lambda: view.large.caption.full_text.startswith("3 of 4   Seed 1"))
    save_pictures(tmp_path / "more", ["a tree", "a hill"], first_seed=8)
    view.model.look()
    qtbot.waitUntil(lambda: view.model.rowCount() == 6)
    qtbot.waitUntil(lambda: view.large.caption.full_text.startswith("5 of 6   Seed 1"))
    assert view.current().seed == 1 and view.large.isVisible()


def test_a_picture_that_was_moved_is_compared_from_its_new_place(gallery, qtbot, tmp_path):
    window, view, files = gallery
    show_large(view, 0, qtbot)
    moved = files[3].rename(files[3].with_name("moved.png"))
    with open_store() as store:
        assert rescan(Gallery(store)).moved == 1
    view.model.refresh()
    qtbot.waitUntil(lambda: view.current() is not None and view.current().path == moved)
    qtbot.keyClick(view.large.canvas, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: view.large.compared.shows_picture)


def test_two_chosen_pictures_are_compared_by_a_button(gallery, qtbot):
    window, view, files = gallery
    assert view.details.compare.isHidden()
    select(view, 0, 2)
    qtbot.mouseClick(view.details.compare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.large.compared.shows_picture and view.large.canvas.shows_picture)
    assert view.large.compares


def test_information_on_the_canvas_shows_the_picture_large(gallery, qtbot):
    window, view, files = gallery
    window.show_view("create")
    qtbot.waitUntil(lambda: window.studio.pictures.subject.entry is not None)
    window.actions_list["information"].trigger()
    qtbot.waitUntil(lambda: view.large.isVisible() and view.current().seed == 3)


def test_a_picture_is_shown_large_before_anything_else_was_read(open_window, tmp_path, qtbot):
    save_pictures(tmp_path / "out", PROMPTS)
    window = open_window(start=False)
    window.studio.show_picture(2)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: view.large.isVisible() and view.large.canvas.shows_picture)
    assert view.current().prompt == PROMPTS[1]


@pytest.mark.parametrize("large", [False, True])
def test_what_is_chosen_stays_so_when_many_pictures_come_at_once(gallery, tmp_path, qtbot, monkeypatch, large):
    """As after a rescan, or another order: more rows than are told one by one."""
    window, view, files = gallery
    monkeypatch.setattr(model, "CHUNK", 1)
    if large:
        view.choose(2)
        view.show_large()
        qtbot.waitUntil(lambda: view.large.canvas.shows_picture)
    else:
        view.list.choose_rows([range(1, 3)])
        view.list.selectionModel().setCurrentIndex(view.model.index(2), QItemSelectionModel.SelectionFlag.NoUpdate)
    before, chosen = view.current().id, view.chosen()
    save_pictures(tmp_path / "more", ["new", "newer", "newest"], first_seed=10)
    view.model.look()
    qtbot.waitUntil(lambda: view.model.rowCount() == 7)
    qtbot.waitUntil(lambda: view.current() is not None)
    assert view.current().id == before and view.chosen() == chosen and view.list.currentIndex().row() == 5
    if large:
        assert view.large.isVisible() and "6 of 7   Seed 1" in view.large.caption.full_text


def test_no_other_picture_stands_where_one_could_not_be_read(gallery, qtbot, monkeypatch):
    window, view, files = gallery
    show_large(view, 0, qtbot)
    moved = files[2].rename(files[2].with_suffix(".away"))
    monkeypatch.setattr(view.thumbnails, "pixmap", lambda entry: None)
    view.large.walk(1)
    qtbot.waitUntil(lambda: files[2].name in window.banner.text)
    assert view.large.canvas.is_empty
    moved.rename(files[2])
    view.large.walk(-1)
    view.large.walk(1)
    qtbot.waitUntil(lambda: view.large.canvas.shows_picture)
