"""What is done with the picture on the canvas and among the recent ones, by clicks and keys."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QStandardPaths, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu

from gui.create.welcome import Welcome
from gui.gallery.model import ENTRY
from sdedge.events import Finished, ImageDone
from sdedge.places import data_folder
from tests.gui.conftest import PATIENCE
from tests.gui.page import banner_button
from tests.gui.pictures import save_pictures

A1111 = "a house\nNegative prompt: fog\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, Size: 64x128"


def wait(qtbot, condition) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


@pytest.fixture
def create(open_window, tmp_path, qtbot):
    """(window, create view, files): the latest of three pictures is on the canvas."""
    files = save_pictures(tmp_path / "out", ["one", "two", "three"])
    window = open_window()
    view = window.show_view("create")
    window.studio.form.put(model="fake")
    wait(qtbot, lambda: window.studio.pictures.subject.entry)
    assert window.studio.pictures.subject.entry.prompt == "three"
    return window, view, files


def test_recent_pictures_stand_in_the_same_places_with_a_scroll_bar_as_without(create, qtbot):
    view, places = create[1], []
    recent, model = view.side.recent.list, view.side.recent.model
    wait(qtbot, lambda: model.rowCount() == 3)
    for height in (400, 40):
        recent.setFixedHeight(height)
        wait(qtbot, lambda: recent.verticalScrollBar().isVisible() == (recent.height() < 50))
        places.append([recent.visualRect(model.index(row)).left() for row in range(3)])
    assert places[0] == places[1] and len(set(places[0])) == 3


def test_the_toolbar_is_there_with_the_focus_and_its_buttons_act(create, qtbot):
    window, view, files = create
    view.panel.canvas.setFocus()
    wait(qtbot, view.panel.toolbar.isVisible)
    favourite = next(
        b for b in view.panel.toolbar.findChildren(type(view.panel.toolbar.handle).__base__) if b.text() == "Favourite"
    )
    qtbot.mouseClick(favourite, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: view.side.recent.model.index(0).data(ENTRY).favourite)
    assert window.actions_list["favourite"].isChecked()
    view.form.prompt.editor.setFocus()
    wait(qtbot, lambda: not view.panel.toolbar.isVisible())


def test_the_toolbar_makes_room_for_what_is_dragged_over_the_picture(create, qtbot):
    _, view, _ = create
    view.panel.canvas.setFocus()
    wait(qtbot, view.panel.toolbar.isVisible)
    view.boxes.edit_regions()
    view.panel.canvas.setFocus()
    wait(qtbot, lambda: not view.panel.toolbar.isVisible())
    view.boxes.end()
    view.panel.canvas.setFocus()
    wait(qtbot, view.panel.toolbar.isVisible)


def test_trash_leaves_the_canvas_to_the_picture_before_and_undo_brings_it_back(create, qtbot):
    window, view, files = create
    view.panel.canvas.setFocus()
    qtbot.keyClick(view.panel.canvas, Qt.Key.Key_Delete)
    wait(qtbot, lambda: window.studio.pictures.subject.entry.prompt == "two")
    wait(qtbot, lambda: view.side.recent.model.rowCount() == 2)
    assert "moved to the trash" in window.banner.text and files[2].exists()
    qtbot.keyClick(view.panel.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, lambda: window.studio.pictures.subject.entry.prompt == "three")
    wait(qtbot, lambda: view.side.recent.model.rowCount() == 3)
    window.studio.trash.empty()
    assert files[2].exists()


def test_taking_back_favourites_is_seen_on_the_canvas_too(create, qtbot):
    pictures, undoing = create[0].studio.pictures, create[0].studio.undoing
    pictures.mark([entry.id for entry in entries(create[1])[:2]])
    assert pictures.subject.entry.favourite
    wait(qtbot, lambda: undoing.latest() is not None)
    undoing.take_back()
    assert not pictures.subject.entry.favourite


def test_a_recent_picture_whose_file_came_back_is_tried_again(create, monkeypatch):
    window, view, files = create
    window.resize(1280, 800)
    recent, forgotten = view.side.recent, []
    window.show_view("gallery")
    monkeypatch.setattr(recent.thumbnails, "forget_faults", lambda: forgotten.append(True))
    window.show_view("create")
    assert recent.isVisible() and forgotten


def test_the_context_menus_are_about_the_picture_under_the_mouse(create, qtbot):
    window, view, files = create
    recent = view.side.recent.list
    wait(qtbot, lambda: view.side.recent.model.rowCount() == 3)
    recent.customContextMenuRequested.emit(recent.visualRect(view.side.recent.model.index(2)).center())
    menu = next(m for m in recent.findChildren(QMenu) if m.isVisible())
    next(a for a in menu.actions() if a.text().replace("&", "") == "Copy the Prompt").trigger()
    menu.close()
    assert QGuiApplication.clipboard().text() == "one"
    assert window.studio.pictures.subject.entry.prompt == "three"
    view.panel.canvas.menu_wanted.emit(QPoint(300, 300))
    menu = next(m for m in view.panel.canvas.findChildren(QMenu) if m.isVisible())
    assert [a.isEnabled() for a in menu.actions() if a.text().replace("&", "") in ("Vary", "Move to Trash")] == [
        True
    ] * 2
    menu.close()


def test_a_thumbnail_has_its_own_toolbar_while_the_mouse_rests_on_it(create, qtbot):
    window, view, files = create
    recent, toolbar = view.side.recent.list, view.side.recent.toolbar
    wait(qtbot, lambda: view.side.recent.model.rowCount() == 3)
    places = [recent.visualRect(view.side.recent.model.index(row)).center() for row in range(3)]
    qtbot.mouseMove(recent.viewport(), places[1])
    qtbot.mouseMove(recent.viewport(), places[2])
    assert not toolbar.isVisible()  # who passes by is not in its way
    wait(qtbot, toolbar.isVisible)
    assert window.rect().contains(toolbar.geometry())
    qtbot.mouseClick(toolbar.buttons["edit-picture"], Qt.MouseButton.LeftButton)
    assert window.studio.form.image == str(files[0]) and not toolbar.isVisible()
    qtbot.mouseMove(recent.viewport(), places[0])
    wait(qtbot, toolbar.isVisible)
    qtbot.mouseClick(toolbar.buttons["favourite"], Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: view.side.recent.model.index(0).data(ENTRY).favourite)
    qtbot.mouseMove(recent.viewport(), places[1])
    wait(qtbot, toolbar.isVisible)
    qtbot.mouseMove(recent.viewport(), QPoint(recent.viewport().width() - 1, recent.viewport().height() - 1))
    assert not toolbar.isVisible()


def test_variations_are_lined_up_and_the_form_stays(create, qtbot):
    window, view, files = create
    before = window.studio.form.snapshot()
    window.studio.board.pause(True)
    window.studio.pictures.vary(window.studio.pictures.subject.entry, _fake_settings(window))
    wait(qtbot, lambda: window.studio.board.jobs)
    job = window.studio.board.jobs[0]
    assert (job.count, job.request.seed, job.request.variation_strength) == (4, 2, 0.2)
    assert window.studio.form.snapshot() == before
    window.actions_list["undo"].trigger()
    wait(qtbot, lambda: window.studio.board.jobs[0].state == "cancelled")


def _fake_settings(window):
    from gui.shell.restoring import Restored
    from sdedge.request import Request

    return Restored(Request("three", model="fake", seed=2))


def test_a_picture_is_copied_and_pasted_and_a1111s_text_too(create, qtbot):
    window, view, files = create
    view.panel.canvas.setFocus()
    QGuiApplication.clipboard().setText("")
    qtbot.keyClick(view.panel.canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, lambda: QGuiApplication.clipboard().mimeData().hasImage())
    assert QGuiApplication.clipboard().mimeData().urls()[0].toLocalFile() == str(files[2])
    data = QMimeData()
    data.setImageData(QImage(str(files[0])))
    QGuiApplication.clipboard().setMimeData(data)
    qtbot.keyClick(view.panel.canvas, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, lambda: window.studio.form.image)
    assert (np.asarray(Image.open(window.studio.form.image)) == np.asarray(Image.open(files[0]).convert("RGB"))).all()
    QGuiApplication.clipboard().setText(A1111)
    view.panel.canvas.setFocus()
    qtbot.keyClick(view.panel.canvas, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert (window.studio.form.prompt, window.studio.form.steps) == ("a house", 7)
    view.form.prompt.editor.setFocus()
    QGuiApplication.clipboard().setText("words")
    qtbot.keyClick(view.form.prompt.editor, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "words" in window.studio.form.prompt and window.studio.form.prompt != "words"


def test_a_copy_is_saved_with_what_the_file_says_and_its_folder_is_remembered(create, qtbot, monkeypatch, tmp_path):
    window, view, files = create
    asked = []
    (tmp_path / "copies").mkdir()

    def ask(parent, title, place, filters):
        asked.append(place)
        return str(tmp_path / "copies" / "mine"), filters

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda kind: str(tmp_path / kind.name))
    (tmp_path / "PicturesLocation").mkdir()
    for _ in range(2):
        window.actions_list["save-as"].trigger()
        wait(qtbot, lambda: (tmp_path / "copies" / "mine.png").exists())
    assert (tmp_path / "copies" / "mine.png").read_bytes() == files[2].read_bytes()
    assert asked == [str(tmp_path / "PicturesLocation" / "2.png"), str(tmp_path / "copies" / "2.png")]


# The start picture and the draft


def test_a_start_picture_is_seen_above_generate_and_goes_with_one_click(create, qtbot):
    window, view, files = create
    form, chip = window.studio.form, view.form.chip
    assert not chip.isVisible() and not view.form.image_fold.button.isChecked()
    window.actions_list["edit-picture"].trigger()
    assert chip.isVisible() and "2.png" in chip.text and view.form.image_fold.button.isChecked()
    qtbot.mouseClick(chip.close_button, Qt.MouseButton.LeftButton)
    assert form.image is None and not chip.isVisible()
    window.actions_list["undo"].trigger()
    assert form.image == str(files[2]) and chip.isVisible()


def test_the_draft_is_on_disk_within_a_second_and_a_start_picture_comes_back_aloud(create, open_window, qtbot):
    window, view, files = create
    window.studio.form.put(prompt="kept", image=str(files[0]), count=3)
    qtbot.waitUntil(lambda: (data_folder() / "form.json").is_file(), timeout=PATIENCE)
    wait(qtbot, lambda: "kept" in (data_folder() / "form.json").read_text())
    draft = json.loads((data_folder() / "form.json").read_text())
    assert json.loads(draft["request"])["image"] == str(files[0]) and draft["count"] == 3
    if os.name == "posix":
        assert stat.S_IMODE((data_folder() / "form.json").stat().st_mode) == 0o600
    again = open_window(start=False)
    assert (again.studio.form.prompt, again.studio.form.count) == ("kept", 3)
    wait(qtbot, lambda: "starts from 0.png, as you left it" in again.banner.text)
    banner_button(again).click()
    assert again.studio.form.image is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"request": 5}', '{"request": "{}", "count": "many"}'])
def test_a_damaged_draft_is_no_reason_not_to_start(open_window, text):
    data_folder().mkdir(parents=True, exist_ok=True)
    (data_folder() / "form.json").write_text(text)
    form = open_window(start=False).studio.form
    assert form.prompt == "" and form.count == 1


# Small ones


def test_an_empty_prompt_is_asked_about_once(create, qtbot):
    window, view, files = create
    view.generate()
    assert "The prompt is empty" in view.form.problem.text() and not window.studio.board.jobs
    view.generate()
    wait(qtbot, lambda: window.studio.board.jobs)
    wait(qtbot, lambda: view.strip.text.startswith("Done.   Seed "))


def test_cancelling_the_first_picture_brings_the_welcome_back(open_window, qtbot):
    window = open_window()
    view = window.show_view("create")
    wait(qtbot, lambda: view.panel.findChild(Welcome))
    canvas = view.panel.canvas
    canvas.show_preview(QImage(8, 8, QImage.Format.Format_RGB32), view.size())
    assert canvas.isVisible()
    view.presenter.end_preview()
    assert not canvas.isVisible() and view.panel.caption.full_text == "" and view.panel.findChild(Welcome).isVisible()
    view.panel.findChild(Welcome).examples[0].click()
    assert window.studio.form.prompt and not window.studio.form.seed_locked


def test_alt_up_begins_with_the_newest_prompt(create, qtbot):
    window, view, files = create
    window.studio.settings.set_texts("prompts", ["newest", "older"])
    shown = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(view.form.prompt.editor, key, Qt.KeyboardModifier.AltModifier)
        shown.append(window.studio.form.prompt)
    assert shown == ["newest", "older", "newest", ""]


# What is read late


@pytest.fixture
def held(create, monkeypatch):
    """A function that does something and gives what is read for it in the background; it comes when that is called."""
    window, _, _ = create
    reads = []

    def run(work, then=None, failed=None, owner=None):
        reads.append(lambda: then(work()))

    def ask(work, then=None, failed=None, owner=None):
        reads.append(lambda: then(GalleryOfOne()))

    def do(work, *arguments):
        reads.clear()
        work(*arguments)
        return reads[-1]

    monkeypatch.setattr(window.studio.bridge.background, "run", run)
    monkeypatch.setattr(window.studio.bridge, "ask", ask)
    return do


class GalleryOfOne:
    """An entry that is none of the three."""

    id, path, favourite = 77, None, False


def entries(view):
    model = view.side.recent.list.model()
    return [model.index(row, 0).data(ENTRY) for row in range(model.rowCount())]


def test_a_picture_that_is_read_late_does_not_take_the_place_of_a_newer_one(create, held):
    window, view, files = create
    first, second = (held(view.presenter.show_drawn, 1, ImageDone(str(files[seed]), seed)) for seed in (0, 1))
    second()
    first()
    assert view.panel.caption.full_text.startswith("Seed 1 ")


def test_of_two_chosen_pictures_the_later_one_is_shown(create, held, qtbot):
    window, view, _ = create
    wait(qtbot, lambda: len(entries(view)) == 3)
    _, middle, oldest = entries(view)
    first, second = held(view.side.recent.chosen.emit, middle), held(view.side.recent.chosen.emit, oldest)
    second()
    first()
    assert window.studio.pictures.seen_in("create").entry == oldest


def test_what_is_known_late_of_a_picture_is_not_taken_for_the_one_that_is_seen(create, held, qtbot):
    window, view, files = create
    wait(qtbot, lambda: len(entries(view)) == 3)
    drawn = held(view.presenter.show_drawn, 1, ImageDone(str(files[0]), 1))
    known = held(drawn)  # it is on the canvas, and the gallery is asked about it
    held(view.side.recent.chosen.emit, entries(view)[1])()
    known()
    assert window.studio.pictures.seen_in("create").entry == entries(view)[1]


def test_a_size_that_is_read_after_the_end_comes_into_what_is_done(create, held):
    window, view, files = create
    size = Image.open(files[0]).size
    read = held(view.presenter.show_drawn, 99, ImageDone(str(files[0]), 7))
    window.studio.board.ended.emit(99, Finished(1, 2.0))
    assert view.strip.text.startswith("Done.   Seed 7   2")
    read()
    assert view.strip.text.startswith(f"Done.   Seed 7   {size[0]} × {size[1]}   2")
