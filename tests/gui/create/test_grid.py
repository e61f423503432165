"""Grids out of the form: a job for each cell, one labelled sheet when the last is over, be it after another start of the app."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt

from gui.create.grid_sheets import write_sheet
from sdedge.errors import OutputError
from sdedge.images.output import Output
from sdedge.library.grids import WaitingGrid
from sdedge.request import Request
from tests.gui.conftest import wait
from tests.gui.create.conftest import filled
from tests.gui.page import banner_button


@pytest.mark.slow
def test_a_grid_becomes_one_sheet_though_the_app_is_closed_before(open_window, qtbot):
    window = open_window()
    board, section = window.studio.board, window.show_view("create").form.grid
    window.studio.form.put(model="fake", prompt="a house", seed=5, width=64, height=64)
    section.button.click()
    assert "what to compare" in section.fault.text()
    section.across.setCurrentIndex(section.across.findData("steps"))
    section.across_values.setText("1, many")
    section.button.click()
    assert "many" in section.fault.text() and not board.jobs
    section.across_values.setText("1,2,3")
    section.down.setCurrentIndex(section.down.findData("guidance"))
    section.down_values.setText("2, 4")
    assert section.count.text() == "3 × 2 pictures"
    board.pause(True)
    wait(qtbot, lambda: board.paused)
    section.button.click()
    wait(qtbot, lambda: len(board.jobs) == 6)
    window.close()
    window.studio.bridge.close()

    again, made = open_window(), []
    again.show_view("create").sheets.made.connect(made.append)
    again.studio.board.pause(False)
    wait(qtbot, lambda: made)
    with Image.open(made[0]) as sheet:
        assert sheet.width > 3 * 64 and sheet.height > 2 * 64
        assert sheet.getpixel((sheet.width - 32, sheet.height - 32)) != (255, 255, 255)  # the last cell is not empty
    folder = Path(made[0]).parent
    assert len([*folder.glob("*.png")]) == 7 and Path(made[0]).name.startswith("grid-")
    again.studio.board.clear()
    wait(qtbot, lambda: not again.studio.board.jobs)
    assert len([*folder.glob("grid-*.png")]) == 1 == len(made)


def draw_grid(view, seeds: str) -> None:
    view.window().studio.form.put(prompt="a house", width=64, height=64)
    section = view.form.grid
    section.across.setCurrentIndex(section.across.findData("seed"))
    section.across_values.setText(seeds)
    section.button.click()


def test_a_sheet_takes_the_place_of_its_last_cell_unless_something_else_is_looked_at(view, qtbot):
    window, canvas, made = view.window(), view.panel.canvas, []
    pictures = window.studio.pictures
    view.sheets.made.connect(made.append)
    draw_grid(view, "1-2")
    wait(qtbot, lambda: made and canvas.shows_picture and canvas.image.width() > 2 * 64)
    wait(qtbot, lambda: pictures.seen_in("create").entry and str(pictures.seen_in("create").path) == made[0])
    assert Path(made[0]).name in window.banner.text and Path(made[0]).name in view.panel.caption.text()
    assert not banner_button(window).isVisible()  # there is nothing to be shown any more

    wait(qtbot, lambda: view.side.recent.model.rowCount() == 3)
    view.side.recent.list.setFocus()
    view.side.recent.list.setCurrentIndex(view.side.recent.model.index(1))  # a cell
    wait(qtbot, lambda: canvas.image.width() == 64)
    view.sheets.made.disconnect(made.append)
    view.sheets.made.emit(made[0])  # as of a grid that was drawn meanwhile
    wait(qtbot, lambda: banner_button(window).isVisible())
    assert canvas.image.width() == 64
    window.show_view("gallery")
    qtbot.mouseClick(banner_button(window), Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: window.current_view == "create" and canvas.image.width() > 2 * 64)


def test_a_cell_whose_file_is_gone_is_empty_and_of_none_there_is_no_sheet(tmp_path, qapp):
    """A person has removed it with another program, of which the gallery knows nothing yet."""
    there, damaged = tmp_path / "there.png", tmp_path / "damaged.png"
    filled("red").save(str(there))
    damaged.write_bytes(b"no picture")
    gone = str(tmp_path / "gone.png")
    output, request = Output(tmp_path / "out"), Request(prompt="a")
    output.folder.mkdir()

    def write(*paths: str | None) -> Path | None:
        return write_sheet(WaitingGrid(1, request, output, ("1", "2", "3"), (), (1, 2, 3), paths))

    with Image.open(write(gone, str(damaged), str(there))) as sheet:
        colours = sheet.convert("RGB").getcolors(1 << 20)
        assert (64 * 64, (255, 0, 0)) in colours
    assert write(gone, None, str(damaged)) is None
    output.folder.rename(tmp_path / "a drive that is away")
    with pytest.raises(OutputError, match="out is not there; connect its drive"):
        write(gone, str(damaged))
