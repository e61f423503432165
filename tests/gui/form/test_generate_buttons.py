"""Generate turns into Cancel while a picture is drawn, and one beside it lines up more."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from gui.form import generate_buttons
from gui.form.generate_buttons import ring
from sdedge.library.job_states import JobState, Wish
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


def cancels(view) -> list[str]:
    """Returns what every button of the view says that would cancel what is drawn."""
    seen = [b for b in view.findChildren(QAbstractButton) if b.isVisible()]
    return [b.text() for b in seen if "cancel" in f"{b.text()} {b.accessibleName()}".lower()]


def test_nothing_but_the_place_of_generate_has_a_button_that_cancels(view, qtbot):
    board = view.window().studio.board
    view.window().studio.form.put(prompt="a house steps=9000 step=0.05")
    view.generate()
    wait(qtbot, lambda: "step" in view.strip.text)
    assert cancels(view) == ["Cancel"] and not view.strip.buttons()
    board.cancel(board.drawing)
    wait(qtbot, lambda: board.drawing is None)


def test_one_of_many_is_ended_after_its_picture_by_a_button_that_says_so(view, buttons, qtbot, monkeypatch):
    monkeypatch.setattr(generate_buttons, "DOUBLE", 0)
    board = view.window().studio.board
    view.window().studio.form.put(prompt="a house steps=4 step=0.2", count=3)
    view.generate()
    wait(qtbot, lambda: "step" in view.strip.text and view.strip.buttons())
    (end,) = view.strip.buttons()
    assert end.text() == "End After This Picture" and "Shift+Esc" in end.toolTip() and cancels(view) == ["Cancel"]
    qtbot.mouseClick(end, Qt.MouseButton.LeftButton)
    assert board.progress(board.drawing).ending == Wish.PICTURE and not view.strip.buttons()
    assert buttons.cancel.text() == "Cancel" and "ends after this picture" in view.strip.text
    wait(qtbot, lambda: board.drawing is None)
    assert "finished picture" in view.strip.text and board.jobs[0].saved < 3

    view.window().studio.form.put(count=2)
    view.generate()
    wait(qtbot, lambda: board.drawing is not None and view.strip.buttons())
    wait(
        qtbot,
        lambda: board.drawing is not None and board.progress(board.drawing).saved == 1 and "step" in view.strip.text,
    )
    assert not view.strip.buttons()  # it is the last
    qtbot.mouseClick(buttons.cancel, Qt.MouseButton.LeftButton)
    assert buttons.cancel.text() == "Cancelling"
    wait(qtbot, lambda: board.drawing is None)


def test_the_ring_is_filled_clockwise_from_the_top(theme):
    image = ring(theme, 0.25, 1.0).toImage()
    accent, line = theme.color("accent"), theme.color("line")
    right, left = image.pixelColor(18, 9), image.pixelColor(2, 9)

    def distance(pixel, color):
        return sum(abs(a - b) for a, b in zip(pixel.getRgb()[:3], color.getRgb()[:3]))

    assert distance(right, accent) < distance(right, line) and distance(left, line) < distance(left, accent)
