"""Generate turns into Cancel while a picture is drawn, and one beside it lines up more."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from gui.form import generate_buttons
from gui.form.generate_buttons import ring
from sdedge.library.job_states import JobState
from tests.gui.conftest import wait


@pytest.fixture
def buttons(view):
    return view.form.buttons


def test_generate_is_cancel_while_a_picture_is_drawn(view, buttons, qtbot, monkeypatch):
    board = view.window().studio.board
    view.window().studio.form.put(prompt="a house steps=9000 step=0.05")
    assert buttons.button.isVisible() and not buttons.cancel.isVisible()
    place = buttons.geometry()
    buttons.button.setFocus()
    qtbot.mouseClick(buttons.button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: buttons.cancel.isVisible())
    assert not buttons.button.isVisible() and buttons.geometry() == place
    assert view.window().focusWidget() is buttons.add  # another Return lines up another, and cancels nothing
    monkeypatch.setattr(generate_buttons, "DOUBLE", 3600)
    qtbot.mouseClick(buttons.cancel, Qt.MouseButton.LeftButton)  # the second half of a double click
    assert board.progress(board.drawing).ending is None
    qtbot.mouseClick(buttons.add, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: len(board.jobs) == 2)
    view.window().studio.form.put(prompt="short")
    board.clear()
    board.cancel(next(job.id for job in board.jobs if job.state == JobState.WAITING))
    monkeypatch.setattr(generate_buttons, "DOUBLE", 0)
    qtbot.mouseClick(buttons.cancel, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: buttons.button.isVisible())
    assert not buttons.cancel.isVisible() and view.window().focusWidget() is buttons.button


def test_the_ring_is_filled_clockwise_from_the_top(theme):
    image = ring(theme, 0.25, 1.0).toImage()
    accent, line = theme.color("accent"), theme.color("line")
    right, left = image.pixelColor(18, 9), image.pixelColor(2, 9)

    def distance(pixel, color):
        return sum(abs(a - b) for a, b in zip(pixel.getRgb()[:3], color.getRgb()[:3]))

    assert distance(right, accent) < distance(right, line) and distance(left, line) < distance(left, accent)
