"""Grids out of the form: a job for each cell, one labelled sheet when the last is over."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.gui.conftest import wait


@pytest.mark.slow
def test_a_grid_is_drawn_by_the_queue_and_becomes_one_sheet(view, qtbot):
    form, section = view.window().studio.form, view.form.grid
    made = []
    view.sheets.made.connect(made.append)
    form.put(prompt="a house", seed=5, width=64, height=64)
    section.button.click()
    assert "what to compare" in section.fault.text()
    section.across.setCurrentIndex(section.across.findData("steps"))
    section.across_values.setText("1, many")
    section.button.click()
    assert "many" in section.fault.text() and not view.window().studio.board.jobs
    section.across_values.setText("1,2,3")
    section.down.setCurrentIndex(section.down.findData("guidance"))
    section.down_values.setText("2, 4")
    assert section.count.text() == "3 × 2 pictures"
    section.button.click()
    wait(qtbot, lambda: made)
    with Image.open(made[0]) as sheet:
        assert sheet.width > 3 * 64 and sheet.height > 2 * 64
        assert sheet.getpixel((sheet.width - 32, sheet.height - 32)) != (255, 255, 255)  # the last cell is not empty
    folder = Path(made[0]).parent
    assert len([*folder.glob("*.png")]) == 7 and Path(made[0]).name.startswith("grid-")
