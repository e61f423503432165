"""Many pictures at once: chosen by mouse and keys across days, marked, put on boards, sorted, and all of it taken back."""

from __future__ import annotations

import json
import shutil
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialogButtonBox

from gui.commands import command
from gui.commands.tasks import DONE
from gui.gallery.bar import LARGEST
from gui.gallery.board_dialog import BoardDialog
from gui.gallery.enlarge_dialog import EnlargeDialog
from gui.gallery.export_dialog import ExportDialog, ranges
from gui.gallery.view import GalleryView
from sdedge.library.boards import Boards
from sdedge.library.gallery import Gallery, Search
from sdedge.library.gallery_order import Order
from sdedge.library.store import open_store
from tests.gui.pictures import save_pictures

pytestmark = pytest.mark.slow
SHIFT, CTRL, NONE = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.NoModifier,
)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def gallery(open_window, tmp_path, qtbot):
    """(window, view) of nine pictures, seeds 8 to 0, three a day."""
    save_pictures(tmp_path / "out", [f"{'abc'[seed % 3]} house" for seed in range(9)])
    with open_store() as store:
        for id in range(1, 10):
            day = time.time() - 86_400 * (2 - (id - 1) // 3)
            Gallery(store).update(id, {"created": day + id / 100})
    window = open_window(start=False)
    window.resize(1280, 800)
    view = window.show_view("gallery")
    assert isinstance(view, GalleryView)
    qtbot.waitUntil(lambda: view.model.rowCount() == 9 and view.model.entry(8) is not None)
    return window, view


def ids(**search) -> list[int]:
    with open_store() as store:
        return sorted(Gallery(store).ids(Search(**search)))


def click(qtbot, view: GalleryView, row: int, keys: Qt.KeyboardModifier = NONE) -> None:
    at = view.list.visualRect(view.model.index(row)).center()
    qtbot.mouseClick(view.list.viewport(), LEFT, keys, at)


def test_a_person_chooses_by_click_shift_ctrl_heading_band_and_keys(gallery, qtbot):
    window, view = gallery
    blocks = view.list.sections.blocks
    assert [block.count for block in blocks] == [3, 3, 3] and view.list.sections.columns > 3
    click(qtbot, view, 1)
    click(qtbot, view, 7, SHIFT)  # up to the right of where it began would be another rectangle
    assert view.list.chosen_rows() == [*range(1, 8)]
    click(qtbot, view, 3, CTRL)
    click(qtbot, view, 8, CTRL)
    assert view.list.chosen_rows() == [1, 2, 4, 5, 6, 7, 8] and view.bar.count.text() == "7 of 9 chosen"
    assert all(button.isVisible() for button in view.bar.bulk.values())
    heading = QPoint(40, blocks[1].top + 12 - view.list.verticalOffset())
    qtbot.mouseClick(view.list.viewport(), LEFT, NONE, heading)
    assert view.list.chosen_rows() == [3, 4, 5]
    click(qtbot, view, 4)
    qtbot.keyClick(view.list, Qt.Key.Key_Down, SHIFT)
    assert view.list.chosen_rows() == [4, 5, 6, 7]
    qtbot.keyClick(view.list, Qt.Key.Key_Escape)
    assert view.list.chosen_rows() == [] and not view.bar.bulk["trash"].isVisible()
    last = view.list.visualRect(view.model.index(2))
    qtbot.mousePress(view.list.viewport(), LEFT, NONE, QPoint(last.right() + 60, last.center().y()))
    for at in (last.center(), last.center() - QPoint(last.width(), 0)):
        qtbot.mouseMove(view.list.viewport(), at)
    qtbot.mouseRelease(view.list.viewport(), LEFT, NONE, at)
    assert view.list.chosen_rows() == [1, 2]


def test_many_are_starred_and_trashed_and_each_is_taken_back(gallery, qtbot):
    window, view = gallery
    with open_store() as store:
        Gallery(store).set_favourites([9])
    view.list.choose_rows([range(0, 4)])
    view.bar.bulk["favourite"].click()
    qtbot.waitUntil(lambda: ids(favourite=True) == [6, 7, 8, 9] and "4 pictures are favourites" in window.banner.text)
    window.actions_list["undo"].trigger()
    qtbot.waitUntil(lambda: ids(favourite=True) == [9])  # which was one before
    view.choose(0)
    view.list.choose_rows([range(0, 4)])  # the first of them, which is in front, is one already
    view.bar.bulk["favourite"].click()
    qtbot.waitUntil(lambda: ids(favourite=True) == [6, 7, 8, 9])
    view.bar.bulk["favourite"].click()
    qtbot.waitUntil(lambda: ids(favourite=True) == [])  # since all were
    view.filters.query.setText("a house")
    qtbot.waitUntil(lambda: view.model.rowCount() == 3)
    menu = view.bar.more.menu()
    menu.aboutToShow.emit()
    menu.actions()[-1].trigger()
    qtbot.waitUntil(lambda: len(ids(favourite=True)) == 3)
    view.filters.clear()
    qtbot.waitUntil(lambda: view.model.rowCount() == 9)
    view.list.choose_rows([range(0, 9)])
    view.bar.bulk["trash"].click()
    assert view.model.rowCount() == 0
    window.actions_list["undo"].trigger()
    qtbot.waitUntil(lambda: view.model.rowCount() == 9)


def test_pictures_are_put_on_boards_found_by_them_and_taken_back(gallery, qtbot):
    window, view = gallery
    with open_store() as store:
        Boards(Gallery(store)).add("sea", [9])
    view.list.choose_rows([range(0, 2)])
    window.actions_list["board"].trigger()
    dialog = window.findChild(BoardDialog)
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    item = dialog.items()[0]
    assert item.checkState() == Qt.CheckState.PartiallyChecked
    item.setCheckState(Qt.CheckState.Unchecked)
    qtbot.keyClicks(dialog.new, "houses")
    dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    qtbot.mouseClick(dialog.done_button, LEFT)
    qtbot.waitUntil(lambda: ids(board="houses") == [8, 9] and ids(board="sea") == [])
    qtbot.waitUntil(lambda: view.filters.board.findText("houses") > 0)
    view.filters.board.setCurrentText("houses")
    qtbot.waitUntil(lambda: view.model.rowCount() == 2)
    window.actions_list["undo"].trigger()
    qtbot.waitUntil(lambda: ids(board="houses") == [] and ids(board="sea") == [9])


def test_return_adds_the_board_whose_name_is_typed_and_renames_none(gallery, qtbot):
    window, view = gallery
    with open_store() as store:
        Boards(Gallery(store)).add("sea", [9])
    view.list.choose_rows([range(0, 2)])
    window.actions_list["board"].trigger()
    dialog = window.findChild(BoardDialog)
    qtbot.waitUntil(lambda: dialog.list.count() == 1 and dialog.isVisible())
    dialog.list.setCurrentRow(0)
    dialog.new.setFocus()
    qtbot.keyClicks(dialog.new, "boats")
    qtbot.keyClick(dialog.new, Qt.Key.Key_Return)
    assert dialog.isVisible() and [item.data(Qt.ItemDataRole.UserRole) for item in dialog.items()] == ["sea", "boats"]
    qtbot.keyClick(dialog.new, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ids(board="boats") == [8, 9] and ids(board="sea") == [9])


def test_order_and_size_are_remembered(gallery, qtbot, open_window):
    window, view = gallery
    view.bar.order.setCurrentIndex(view.bar.order.findData(Order.SEED))
    qtbot.waitUntil(lambda: [view.model.ids([row])[0] for row in range(9)] == [*range(1, 10)])
    assert view.list.sections.blocks[0].count == 9
    view.choose(5)
    cell = view.list.gridSize().width()
    view.bar.size_slider.setValue(LARGEST)
    assert view.list.gridSize().width() >= LARGEST > cell and 5 in view.list.rows_in_view()
    reopened = open_window(start=False).show_view("gallery")
    qtbot.waitUntil(lambda: reopened.model.rowCount() == 9)
    assert reopened.model.order == Order.SEED and reopened.list.sections.cell >= LARGEST


def test_two_are_compared_by_the_action_and_no_other_number(gallery, qtbot):
    window, view = gallery
    view.list.choose_rows([range(0, 3)])
    assert not window.actions_list["compare"].isEnabled() and "Choose two" in view.bar.bulk["compare"].toolTip()
    view.choose(0)
    view.list.choose_rows([range(0, 1), range(4, 5)])
    view.bar.bulk["compare"].click()
    qtbot.waitUntil(lambda: view.large.compared.shows_picture and view.large.canvas.shows_picture)


def test_a_new_picture_stands_under_its_day_and_the_choice_stays(gallery, qtbot, tmp_path: Path):
    window, view = gallery
    view.choose(4)
    save_pictures(tmp_path / "out", ["new"], first_seed=20)
    view.model.refresh()
    qtbot.waitUntil(lambda: view.model.rowCount() == 10)
    assert [block.count for block in view.list.sections.blocks] == [4, 3, 3] and view.list.chosen_rows() == [5]


def widths() -> list[int]:
    """Of all pictures, the newest first."""
    with open_store() as store:
        return [entry.width for entry in Gallery(store).search(limit=100)]


def test_pictures_are_enlarged_by_a_process_of_its_own_and_are_in_the_gallery(gallery, qtbot):
    window, view = gallery
    view.list.choose_rows([range(0, 2)])
    before = widths()
    view.bar.bulk["enlarge"].click()
    dialog = window.findChild(EnlargeDialog)
    qtbot.waitUntil(dialog.begin_button.isEnabled)
    assert dialog.upscaler.currentData() == "lanczos" and not dialog.caption.isHidden()
    dialog.scale.setCurrentIndex(dialog.scale.findData(3))
    qtbot.mouseClick(dialog.begin_button, LEFT)
    qtbot.waitUntil(lambda: "2 pictures are enlarged" in window.banner.text)
    qtbot.waitUntil(lambda: view.model.rowCount() == 11)
    assert sorted(widths()) == sorted([*before, 3 * before[0], 3 * before[1]])


def test_what_was_enlarged_before_it_was_cancelled_is_in_the_gallery(gallery, qtbot, tmp_path):
    window, view = gallery
    view.list.choose_rows([range(0, 2)])
    window.actions_list["enlarge"].trigger()
    dialog = window.findChild(EnlargeDialog)
    enlarged = Path(shutil.copy(view.model.entry(0).path, tmp_path / "large.png"))
    dialog.hear({"event": "Enlarged", "path": str(enlarged)})
    dialog.done_cancelled()
    qtbot.waitUntil(lambda: "1 picture is enlarged" in window.banner.text or "1 pictures are" in window.banner.text)
    qtbot.waitUntil(lambda: view.model.rowCount() == 10)


def test_closing_the_dialog_keeps_what_was_enlarged_as_cancelling_does(gallery, qtbot, tmp_path, monkeypatch):
    window, view = gallery
    view.list.choose_rows([range(0, 2)])
    window.actions_list["enlarge"].trigger()
    dialog = window.findChild(EnlargeDialog)
    qtbot.waitUntil(dialog.begin_button.isEnabled)
    enlarged = shutil.copy(view.model.entry(0).path, tmp_path / "large.png")
    said = json.dumps({"event": "Enlarged", "path": str(enlarged)})
    script, real = f"import time; print({said!r}, flush=True); time.sleep(60)", command.python_command
    slow = [sys.executable, "-c", script]
    monkeypatch.setattr(command, "python_command", lambda *what: slow if "upscale" in what else real(*what))
    qtbot.mouseClick(dialog.begin_button, LEFT)
    qtbot.waitUntil(lambda: dialog.enlarged != [])
    dialog.close()
    qtbot.waitUntil(lambda: view.model.rowCount() == 10)
    qtbot.waitUntil(lambda: window.findChild(EnlargeDialog) is None)


def test_what_cannot_be_enlarged_is_said_and_the_others_are_there(gallery, qtbot):
    window, view = gallery
    view.model.entry(1).path.write_bytes(b"no picture")
    view.list.choose_rows([range(0, 2)])
    window.actions_list["enlarge"].trigger()
    dialog = window.findChild(EnlargeDialog)
    qtbot.waitUntil(dialog.begin_button.isEnabled)
    qtbot.mouseClick(dialog.begin_button, LEFT)
    qtbot.waitUntil(lambda: "1 of 2 pictures were not enlarged" in dialog.fault.text())
    assert dialog.isVisible() and "not a picture" in dialog.fault.text()
    qtbot.waitUntil(lambda: view.model.rowCount() == 10)


def test_pictures_are_exported_by_a_process_of_its_own(gallery, qtbot, tmp_path):
    window, view = gallery
    view.list.choose_rows([range(0, 2), range(5, 6)])
    window.actions_list["export"].trigger()
    dialog = window.findChild(ExportDialog)
    dialog.format.setCurrentIndex(dialog.format.findData("jpeg"))
    dialog.export_into(str(tmp_path / "copies.zip"))
    qtbot.waitUntil(lambda: "3 pictures are exported" in window.banner.text)
    with zipfile.ZipFile(tmp_path / "copies.zip") as archive:
        assert sorted(archive.namelist()) == ["3.jpg", "7.jpg", "8.jpg"]
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3,7,9-10" and ranges([]) == ""


def test_files_that_went_came_or_moved_are_told_and_stars_stay(gallery, qtbot, tmp_path):
    window, view = gallery
    with open_store() as store:
        Gallery(store).set_favourites([1, 2])
    (tmp_path / "out" / "0.png").unlink()
    (tmp_path / "out" / "1.png").rename(tmp_path / "out" / "moved.png")
    assert view.filters.missing.isHidden()
    view.bar.more.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: bool(view.upkeep.tasks.all) and view.upkeep.tasks.all[0].state == DONE)
    assert view.upkeep.tasks.all[0].message == (
        "1 picture was moved. 1 picture is missing, and hidden until its file is back."
    )
    qtbot.waitUntil(lambda: view.filters.missing.isVisible() and view.model.rowCount() == 8)
    view.filters.missing.click()
    qtbot.waitUntil(lambda: view.model.rowCount() == 1)
    assert ids(favourite=True) == [2] and ids(favourite=True, missing=True) == [1]
    view.bar.more.menu().actions()[2].trigger()
    qtbot.waitUntil(lambda: view.upkeep.tasks.all[-1].over)
    assert "0.png cannot be read" in view.upkeep.tasks.all[-1].message
