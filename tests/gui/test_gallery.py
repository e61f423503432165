"""The gallery as a person uses it: looked through, searched, marked, trashed and undone, dragged out."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QToolButton

from gui.gallery.model import ENTRY
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from tests.gui.pictures import PROMPTS, save_pictures, select, shown


@pytest.fixture
def bin(tmp_path, monkeypatch) -> Path:
    """A trash of its own."""
    import send2trash

    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(send2trash, "send2trash", lambda path: shutil.move(path, folder))
    return folder


def in_gallery() -> list[str]:
    with open_store() as store:
        return [entry.prompt for entry in Gallery(store).search()]


def test_pictures_are_shown_newest_first_with_thumbnails(gallery, qtbot):
    window, view, files = gallery
    QAbstractItemModelTester(view.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert view.count.text() == "4 pictures"
    entry = view.model.entry(0)
    qtbot.waitUntil(lambda: view.thumbnails.pixmap(entry) is not None)
    assert view.thumbnails.pixmap(entry).size().toTuple() == (96, 64)
    assert "a red boat at sunset, 96 by 64" in view.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_words_and_marks_narrow_the_gallery_and_all_comes_back(gallery, qtbot):
    window, view, files = gallery
    qtbot.keyClicks(view.filters.query, "red -night")
    qtbot.waitUntil(lambda: shown(view) == ["a red boat at sunset"])
    (cross,) = view.filters.query.findChildren(QToolButton)
    assert cross.isVisible() and view.filters.query.rect().contains(cross.geometry())
    assert abs(cross.geometry().center().y() - view.filters.query.rect().center().y()) <= 1
    view.choose(0)
    window.actions_list["favourite"].trigger()
    view.filters.clear()
    qtbot.waitUntil(lambda: view.model.rowCount() == 4)
    view.filters.favourites.click()
    qtbot.waitUntil(lambda: shown(view) == ["a red boat at sunset"])
    qtbot.keyClicks(view.filters.query, "zebra")
    qtbot.waitUntil(lambda: view.empty.isVisible())
    assert "Nothing found" in view.empty.text
    view.filters.clear()
    qtbot.waitUntil(lambda: view.model.rowCount() == 4 and not view.empty.isVisible())
    qtbot.waitUntil(lambda: not cross.isVisible())


def test_tags_are_written_and_offered_as_a_filter(gallery, qtbot):
    window, view, files = gallery
    view.choose(1)
    view.details.tags.clear()
    qtbot.keyClicks(view.details.tags, "sky, best")
    qtbot.keyPress(view.details.tags, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view.filters.tag.findText("best") > 0)
    view.filters.tag.setCurrentText("best")
    qtbot.waitUntil(lambda: shown(view) == ["a yellow balloon"])


def test_tags_that_are_being_typed_stay_when_the_picture_is_marked(gallery, qtbot):
    window, view, files = gallery
    view.choose(1)
    qtbot.keyClicks(view.details.tags, "sky, be")
    window.actions_list["favourite"].trigger()
    qtbot.waitUntil(lambda: view.model.entry(1).favourite)
    assert view.details.tags.text() == "sky, be"
    view.choose(2)
    qtbot.waitUntil(lambda: view.details.tags.text() == "")


def test_trash_can_be_undone_and_is_final_when_the_window_closes(gallery, qtbot, bin):
    window, view, files = gallery
    select(view, 0, 2)
    window.actions_list["trash"].trigger()
    assert shown(view) == ["a yellow balloon", "a red house at night"] and files[3].exists()
    assert "2 pictures moved to the trash" in window.banner.text
    window.actions_list["undo"].trigger()
    qtbot.waitUntil(lambda: shown(view) == [*reversed(PROMPTS)])
    select(view, 3)
    window.actions_list["trash"].trigger()
    window.close()
    window.studio.bridge.close()
    assert in_gallery() == [*reversed(PROMPTS[1:])] and [file.name for file in bin.iterdir()] == ["0.png"]


def test_what_cannot_be_trashed_comes_back_with_the_reason(gallery, qtbot, monkeypatch):
    import send2trash

    def refuse(path):
        raise OSError("no trash on this drive")

    monkeypatch.setattr(send2trash, "send2trash", refuse)
    window, view, files = gallery
    view.choose(0)
    window.actions_list["trash"].trigger()
    assert view.model.rowCount() == 3
    window.studio.trash.empty()
    qtbot.waitUntil(lambda: "no trash on this drive" in window.banner.text)
    qtbot.waitUntil(lambda: view.model.rowCount() == 4)


def test_a_vanished_file_is_told_in_its_place(open_window, tmp_path, qtbot):
    files = save_pictures(tmp_path / "out", PROMPTS[:2])
    files[1].unlink()
    (tmp_path / "out" / "0.png").write_bytes(b"\x89PNG not a picture")
    view = open_window(start=False).show_view("gallery")
    qtbot.waitUntil(lambda: view.model.rowCount() == 2 and None not in shown(view))
    for row in (0, 1):
        entry = view.model.entry(row)
        qtbot.waitUntil(
            lambda entry=entry: view.thumbnails.pixmap(entry) is None and view.thumbnails.fault(entry) != ""
        )
        assert str(entry.path) in view.thumbnails.fault(entry)


def test_pictures_come_and_go_while_the_gallery_is_open(gallery, qtbot, tmp_path):
    window, view, files = gallery
    view.choose(1)
    chosen = view.current().prompt
    save_pictures(tmp_path / "out", ["a new one"], first_seed=9)
    view.model.refresh()
    qtbot.waitUntil(lambda: shown(view) == ["a new one", *reversed(PROMPTS)])
    assert view.current().prompt == chosen  # the choice stays on its picture
    with open_store() as store:
        store.database.execute("DELETE FROM images WHERE seed = '1'")
    view.model.refresh()
    qtbot.waitUntil(lambda: view.model.rowCount() == 4)


def test_what_another_process_changed_is_seen(gallery, qtbot):
    window, view, files = gallery
    view.choose(0)
    moved = files[3].rename(files[3].with_name("moved.png"))
    with open_store() as store:
        rows = Gallery(store).database
        rows.execute("UPDATE images SET path = ?, favourite = 1, prompt = 'another' WHERE seed = '3'", (str(moved),))
    window.studio.bridge.store_changed.emit()
    qtbot.waitUntil(lambda: view.model.entry(0).path == moved)
    assert shown(view)[0] == "another" and view.model.entry(0).favourite
    qtbot.waitUntil(lambda: view.details.prompt.text() == "another")


def test_a_file_that_a_rescan_finds_again_has_its_thumbnail(open_window, tmp_path, qtbot):
    (file,) = save_pictures(tmp_path / "out", PROMPTS[:1])
    away = file.rename(tmp_path / "away.png")
    view = open_window(start=False).show_view("gallery")
    qtbot.waitUntil(lambda: view.model.rowCount() == 1 and None not in shown(view))
    entry = view.model.entry(0)
    qtbot.waitUntil(lambda: view.thumbnails.pixmap(entry) is None and view.thumbnails.fault(entry) != "")
    away.rename(file)
    view.upkeep.rescan()
    qtbot.waitUntil(lambda: not view.upkeep.tasks.busy)
    qtbot.waitUntil(lambda: view.thumbnails.pixmap(entry) is not None)


def refuse_once(patch, method: str) -> None:
    """The gallery's database fails once, as where another process has locked it."""
    work = getattr(Gallery, method)

    def refuse(self, *arguments):
        patch.setattr(Gallery, method, work)
        raise sqlite3.OperationalError("database is locked")

    patch.setattr(Gallery, method, refuse)


def test_pictures_that_could_not_be_read_once_are_read_later(open_window, tmp_path, qtbot, monkeypatch):
    save_pictures(tmp_path / "out", PROMPTS)
    refuse_once(monkeypatch, "entries")
    window = open_window(start=False)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: "locked" in window.banner.text)
    qtbot.waitUntil(lambda: shown(view) == [*reversed(PROMPTS)])


def test_pictures_come_back_when_the_trash_cannot_be_reached(gallery, qtbot, monkeypatch):
    window, view, files = gallery
    view.choose(0)
    window.actions_list["trash"].trigger()
    monkeypatch.setattr("gui.shell.bridge.Gallery", lambda store: 1 / 0)
    window.studio.trash.empty()
    qtbot.waitUntil(lambda: "division" in window.banner.text)
    monkeypatch.undo()
    assert not window.studio.trash.leaving
    view.model.refresh()
    qtbot.waitUntil(lambda: shown(view) == [*reversed(PROMPTS)])


def test_a_picture_is_dragged_out_as_its_file(gallery):
    window, view, files = gallery
    data = view.model.mimeData([view.model.index(row) for row in (0, 1)])
    assert [url.toLocalFile() for url in data.urls()] == [str(files[3]), str(files[2])]
    files[3].unlink()
    assert len(view.model.mimeData([view.model.index(0)]).urls()) == 0


def test_a_picture_is_taken_up_again(gallery, qtbot):
    window, view, files = gallery
    form = window.studio.form
    view.choose(3)
    window.actions_list["use-settings"].trigger()
    qtbot.waitUntil(lambda: form.prompt == "a red house at night" and window.current_view == "create")
    for action, name, wanted in (
        ("use-seed", "seed", 0),
        ("edit-picture", "image", str(files[0])),
        ("paint-picture", "image", str(files[0])),
    ):
        form.put(seed=None, image=None)
        window.show_view("gallery")
        window.actions_list[action].trigger()
        assert getattr(form, name) == wanted and window.current_view == "create"
    window.show_view("gallery")
    window.actions_list["copy-prompt"].trigger()
    assert QGuiApplication.clipboard().text() == "a red house at night"


def test_the_arrow_keys_walk_the_gallery(gallery, qtbot):
    window, view, files = gallery
    view.choose(0)
    qtbot.keyClick(view.list, Qt.Key.Key_Right)
    assert view.current().prompt == "a yellow balloon"
    qtbot.keyClick(view.list, Qt.Key.Key_End)
    assert view.current().prompt == "a red house at night"
    qtbot.keyClick(view.list, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(view.chosen()) == 4


def test_an_empty_gallery_says_what_it_is_for(open_window, qtbot):
    window = open_window(start=False)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: view.empty.isVisible())
    assert "No pictures yet" in view.empty.text
    assert view.model.index(0).data(ENTRY) is None


def test_a_database_that_cannot_be_opened_is_told(open_window, qtbot, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "file" / "inside"))
    window = open_window(start=False)
    window.show_view("gallery")
    qtbot.waitUntil(lambda: "database" in window.banner.text)


def test_a_click_moves_nothing_and_a_double_click_opens_without_touching_the_form(gallery, qtbot):
    window, view, files = gallery
    window.studio.form.put(prompt="mine")
    qtbot.waitUntil(lambda: view.list.geometry().width() > 0 and view.details.isVisible())
    before, at = view.list.geometry(), view.list.visualRect(view.model.index(1)).center()
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert view.current().prompt == "a yellow balloon" and view.list.geometry() == before
    qtbot.mouseDClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert view.large.isVisible() and window.studio.form.prompt == "mine" and window.current_view == "gallery"
    qtbot.waitUntil(lambda: view.large.canvas.shows_picture)
    assert view.large.canvas.image.size().toTuple() == (96, 64) and "2 of 4   Seed 2" in view.large.caption.full_text


@pytest.mark.slow
def test_pictures_begin_at_the_right_where_reading_does(gallery, qtbot):
    window, view, files = gallery
    window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    pictures = view.list
    places = [pictures.visualRect(view.model.index(row)) for row in range(3)]
    assert places[0].right() >= pictures.viewport().width() - 2 and places[1].right() + 1 == places[0].left()
    qtbot.mouseClick(pictures.viewport(), Qt.MouseButton.LeftButton, pos=places[1].center())
    assert view.list.currentIndex().row() == 1
    qtbot.keyClick(pictures, Qt.Key.Key_Left)
    assert pictures.currentIndex().row() == 2
    qtbot.keyClick(pictures, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert pictures.chosen_rows() == [1, 2]
    qtbot.keyClick(pictures, Qt.Key.Key_Right)
    qtbot.keyClick(pictures, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view.large.canvas.shows_picture)
    qtbot.keyClick(view.large.canvas, Qt.Key.Key_Left)
    assert pictures.currentIndex().row() == 1


def test_tags_that_are_typed_go_to_their_picture_though_it_leaves_meanwhile(gallery, qtbot):
    window, view, files = gallery
    view.choose(1)
    qtbot.waitUntil(lambda: view.current() is not None)
    entry = view.current()
    qtbot.keyClicks(view.details.tags, "sea")
    view.choose(0)  # by no click, which would take the focus
    qtbot.waitUntil(lambda: view.filters.tag.findText("sea") > 0)
    with open_store() as store:
        assert Gallery(store).tags(entry.id) == ["sea"]
    qtbot.keyClicks(view.details.tags, "night")
    window.close()
    window.studio.bridge.close()
    with open_store() as store:
        assert Gallery(store).tags(4) == ["night"]
