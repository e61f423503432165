"""The queue as a person meets it: what pauses it, what goes on, and what is said while it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from sdedge.images.output import Output
from sdedge.library.jobs import FAILURE, INTERRUPTION, PERSON, Queue
from sdedge.library.store import open_store
from sdedge.request import Request
from tests.gui.conftest import PATIENCE


@pytest.fixture
def view(open_window):
    """The create view of a new window, with the noise engine's model chosen."""
    window = open_window()
    view = window.show_view("create")
    window.studio.form.put(model="fake")
    return view


def wait(qtbot, condition) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


def generate(view, qtbot, prompt: str, **fields) -> None:
    view._studio.form.put(prompt=prompt, **fields)
    qtbot.mouseClick(view.form.button, Qt.MouseButton.LeftButton)


# A failure


def test_generate_goes_on_with_a_queue_that_a_failure_paused(view, qtbot):
    board = view._studio.board
    generate(view, qtbot, "fail=segv@2")
    wait(qtbot, lambda: "crashed" in view.strip.text and board.paused_by == FAILURE)
    assert view.form.button.text() == "Generate"
    generate(view, qtbot, "a house")
    wait(qtbot, lambda: any(job.state == "done" for job in board.jobs))
    assert board.paused is None and not view.side.queue._go_on.isVisible()
    wait(qtbot, lambda: "crashed" not in view.strip.text)


def test_a_failure_is_not_told_any_more_once_the_queue_goes_on(view, qtbot):
    board = view._studio.board
    generate(view, qtbot, "fail=segv@2")
    wait(qtbot, lambda: "crashed" in view.strip.text and board.paused_by == FAILURE)
    qtbot.mouseClick(view.side.queue._go_on, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.paused is None)
    assert view.strip.text == "" and not view.strip.buttons()


def test_the_banner_of_a_paused_queue_has_its_button_and_goes_with_the_pause(view, qtbot):
    window, board = view.window(), view._studio.board
    window.show_view("gallery")
    view._studio.form.put(prompt="fail=segv@2")
    view.generate()
    wait(qtbot, lambda: window.banner.isVisible() and "The queue is paused" in window.banner.text)
    assert window.banner._button.text() == "Go on with the queue"
    window.studio.say("Something else.")
    window.banner.clear()  # what it took the place of still holds
    assert "The queue is paused" in window.banner.text
    qtbot.mouseClick(window.banner._button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.paused is None and not window.banner.isVisible())


# A person


def test_generate_says_that_a_queue_which_a_person_paused_stays_so(view, qtbot):
    board = view._studio.board
    board.pause(True)
    wait(qtbot, lambda: board.paused_by == PERSON)
    assert view.form.button.text() == "Add to the Paused Queue"
    generate(view, qtbot, "a house")
    wait(qtbot, lambda: board.jobs and "The queue is paused. You paused it." in view.strip.text)
    assert board.jobs[0].state == "waiting"
    (go_on,) = view.strip.buttons()
    qtbot.mouseClick(go_on, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.jobs[0].state == "done")
    assert view.form.button.text() == "Generate" and "paused" not in view.strip.text


# The app's own end


@pytest.fixture
def interrupted(tmp_path):
    """A data folder whose app was killed while it drew."""
    with open_store() as store:
        queue = Queue(store)
        queue.open_session()
        queue.add(Request("a house", model="fake", seed=1), Output(tmp_path / "pictures"))
        assert queue.claim() is not None


def test_what_was_interrupted_is_told_with_a_button_and_drawn_when_it_is_pressed(interrupted, open_window, qtbot):
    window = open_window()
    view, board = window.show_view("create"), window.studio.board
    wait(qtbot, lambda: board.paused_by == INTERRUPTION and "ended unexpectedly" in view.strip.text)
    assert view.form.button.text() == "Add to the Paused Queue" and not window.banner.isVisible()
    window.show_view("models")
    assert "ended unexpectedly" in window.banner.text and window.banner._button.isVisible()
    window.show_view("create")
    assert not window.banner.isVisible()
    (go_on,) = view.strip.buttons()
    qtbot.mouseClick(go_on, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.jobs[0].state == "done")
    assert len(list(Path(window.studio.settings.folder).iterdir())) == 1
