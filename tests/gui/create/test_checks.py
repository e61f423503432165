"""While an engine is checked: how far that is, beside the drawing and where the picture waits for it, and what it is for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar

from gui.queue.model import LINE
from gui.queue.progress import PictureProgress
from sdedge.events import Checking, Loading, Step
from tests.gui.conftest import wait

ENGINE = "cpu bfloat16"


@pytest.fixture
def drawing(view, qtbot):
    """A view whose picture is drawn for as long as it takes; what it hears comes from the test."""
    board = view.window().studio.board
    view.window().studio.form.put(prompt="a house steps=9000 step=0.05")
    view.generate()
    wait(qtbot, lambda: board.running is not None and "step" in view.strip.text)
    yield view
    board.cancel(board.drawing)
    wait(qtbot, lambda: board.drawing is None)


def hear(view, *events) -> None:
    studio = view.window().studio
    for event in events:
        studio.bridge.happened.emit(studio.board.drawing, event)


def test_beside_the_drawing_the_strip_says_how_far_the_check_is(drawing, qtbot):
    hear(drawing, Checking(ENGINE, 0, 0))
    assert "the engine is checked beside" in drawing.strip.text
    hear(drawing, Checking(ENGINE, 4, 10, "attention"))
    assert "Denoising" in drawing.strip.text and "engine check 4 of 10" in drawing.strip.text
    assert not drawing.strip.buttons()
    hear(drawing, Checking(ENGINE, 10, 10))
    assert "check" not in drawing.strip.text


def test_a_picture_that_waits_says_for_what_why_and_how_far(drawing, qtbot):
    window, bar = drawing.window(), drawing.strip.findChild(QProgressBar)
    hear(drawing, Step(9000, 9000), Checking(ENGINE, 4, 10, "attention"), Loading("proving"))
    text = drawing.strip.text
    assert "The picture is drawn" in text and "once" in text and "4 of 10 checked" in text
    assert bar.value() == 400
    assert "checked" in drawing.side.queue.model.index(0).data(LINE)
    (what,) = drawing.strip.buttons()
    qtbot.mouseClick(what, Qt.MouseButton.LeftButton)
    (dialog,) = window.dialogs.values()
    wait(qtbot, lambda: dialog.isVisible() and dialog.device.text())
    dialog.close()


def test_the_share_of_a_check_is_known_when_its_results_are_counted():
    progress = PictureProgress()
    assert progress.share_of_check is None
    for event, fraction in (
        (Checking(ENGINE, 0, 0), None),
        (Checking(ENGINE, 1, 4), 0.25),
        (Checking(ENGINE, 4, 4), None),
    ):
        progress.hear(event)
        assert progress.share_of_check == fraction
