"""The queue as a person meets it: what pauses it, what goes on, and what is said while it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, Signal

from gui.queue.board import Board, JobBoard
from gui.queue.progress import PictureProgress
from sdedge.events import Continued, Finished, ImageDone, Step
from sdedge.images.output import Output
from sdedge.library.job_states import JobState, PausedBy
from sdedge.library.jobs import Job, Queue
from sdedge.library.store import open_store
from sdedge.request import Request
from tests.gui.conftest import wait
from tests.gui.page import banner_button, button


def generate(view, qtbot, prompt: str, **fields) -> None:
    view.window().studio.form.put(prompt=prompt, **fields)
    qtbot.mouseClick(view.form.button, Qt.MouseButton.LeftButton)


# A failure


def test_generate_goes_on_with_a_queue_that_a_failure_paused(view, qtbot):
    board = view.window().studio.board
    generate(view, qtbot, "fail=segv@2")
    wait(qtbot, lambda: "crashed" in view.strip.text and board.paused_by == PausedBy.FAILURE)
    assert view.form.button.text() == "Generate"
    generate(view, qtbot, "a house")
    wait(qtbot, lambda: any(job.state == "done" for job in board.jobs))
    assert board.paused is None and not button(view.side.queue, "Go on with the queue").isVisible()
    wait(qtbot, lambda: "crashed" not in view.strip.text)


def test_a_failure_is_not_told_any_more_once_the_queue_goes_on(view, qtbot):
    board = view.window().studio.board
    generate(view, qtbot, "fail=segv@2")
    wait(qtbot, lambda: "crashed" in view.strip.text and board.paused_by == PausedBy.FAILURE)
    qtbot.mouseClick(button(view.side.queue, "Go on with the queue"), Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.paused is None)
    assert view.strip.text == "" and not view.strip.buttons()


def test_the_banner_of_a_paused_queue_has_its_button_and_goes_with_the_pause(view, qtbot):
    window, board = view.window(), view.window().studio.board
    window.show_view("gallery")
    view.window().studio.form.put(prompt="fail=segv@2")
    view.generate()
    wait(qtbot, lambda: window.banner.isVisible() and "The queue is paused" in window.banner.text)
    assert banner_button(window).text() == "Go on with the queue"
    window.studio.say("Something else.")
    window.banner.clear()  # what it took the place of still holds
    assert "The queue is paused" in window.banner.text
    qtbot.mouseClick(banner_button(window), Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.paused is None and not window.banner.isVisible())


class HeldBridge(QObject):
    """A bridge whose readings come when the test hands them over."""

    happened = Signal(object, object)
    store_changed = Signal()
    ready = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[[Board], None]] = []

    def ask(self, work, then, failed, owner) -> None:
        self.asked.append(then)


def running_job() -> Job:
    request, output = Request(prompt="a house"), Output(Path("pictures"))
    return Job(1, JobState.RUNNING, "", 0, 1, request, 1, 1, output, 0, 1, "", 0.0, 0.0, None)


def test_a_reading_from_before_a_jobs_end_does_not_begin_it_once_more(qtbot):
    bridge = HeldBridge()
    board = JobBoard(bridge)
    job = running_job()
    bridge.ready.emit()
    bridge.happened.emit(job.id, Finished(1, 0.1))  # heard while the reading is under way
    bridge.asked.pop()(Board((job,)))
    assert board.running is None and board.drawing is None
    wait(qtbot, lambda: bridge.asked)
    bridge.asked.pop()(Board((replace(job, state=JobState.DONE),)))
    assert [job.state for job in board.jobs] == [JobState.DONE]


@pytest.mark.parametrize("left", [(JobState.CANCELLED,), ()])
def test_a_job_that_ends_without_a_word_is_drawn_no_longer(qtbot, left):
    bridge = HeldBridge()
    board = JobBoard(bridge)
    job = running_job()
    bridge.happened.emit(job.id, Step(1, 4))
    bridge.ready.emit()
    bridge.asked.pop()(Board((replace(job, state=JobState.WAITING),)))  # its engine crashed, and it waits for another
    assert board.drawing == job.id
    bridge.ready.emit()
    with qtbot.waitSignal(board.changed):
        bridge.asked.pop()(Board(tuple(replace(job, state=state) for state in left)))
    assert board.drawing is None and board.progress(job.id) is None


def test_a_job_that_began_while_the_queue_was_read_is_drawn_on(qtbot):
    bridge = HeldBridge()
    board = JobBoard(bridge)
    bridge.ready.emit()
    bridge.happened.emit(1, Step(1, 4))
    bridge.asked.pop()(Board())
    assert board.drawing == 1


def test_a_job_that_waits_for_the_engine_is_not_met_with_silence(open_window, qtbot):
    view = open_window("tests.fake_drawer:slow_drawer").show_view("create")
    generate(view, qtbot, "a house", model="fake")
    wait(qtbot, lambda: view.strip.text == "Starting the engine")
    board = view.window().studio.board
    assert [job.state for job in board.jobs] == ["waiting"]
    wait(qtbot, lambda: view.strip.text.startswith("Done"))


# A person


def test_generate_says_that_a_queue_which_a_person_paused_stays_so(view, qtbot):
    board = view.window().studio.board
    board.pause(True)
    wait(qtbot, lambda: board.paused_by == PausedBy.PERSON)
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
    wait(qtbot, lambda: board.paused_by == PausedBy.INTERRUPTION and "ended unexpectedly" in view.strip.text)
    assert view.form.button.text() == "Add to the Paused Queue" and not window.banner.isVisible()
    window.show_view("models")
    assert "ended unexpectedly" in window.banner.text and banner_button(window).isVisible()
    window.show_view("create")
    assert not window.banner.isVisible()
    (go_on,) = view.strip.buttons()
    qtbot.mouseClick(go_on, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.jobs[0].state == "done")
    assert len(list(Path(window.studio.settings.folder).iterdir())) == 1


# The lists


def lines(view) -> list[list[str]]:
    """The prompts of the running, the next and the finished jobs, as they are in sight."""
    prompts = {job.id: job.request.prompt for job in view.window().studio.board.jobs}
    return [
        [prompts[id] for id in job_list.shown_jobs()] if job_list.isVisible() else []
        for job_list in view.side.queue.lists
    ]


SLOW = "steps=400 step=0.02"


def test_the_running_job_is_always_in_sight_and_finished_ones_are_folded(view, qtbot):
    queue, board = view.side.queue, view.window().studio.board
    for number in range(8):
        generate(view, qtbot, f"old {number}")
    wait(qtbot, lambda: sum(job.state == "done" for job in board.jobs) == 8)
    for number in range(8):
        generate(view, qtbot, f"{SLOW} {number}")
    wait(qtbot, lambda: len(lines(view)[0]) == 1 and len(lines(view)[1]) == 7)
    assert queue.fold.button.text() == "Finished (8)" and not lines(view)[2]
    qtbot.mouseClick(queue.fold.button, Qt.MouseButton.LeftButton)
    assert lines(view)[2] == [f"old {number}" for number in range(7, -1, -1)]
    queue.choose(board.jobs[-1].id)  # the oldest of the finished ones, far below
    assert queue.chosen().request.prompt == "old 0"
    shown = queue.running.visualRect(queue.running.model().index(0, 0))
    assert queue.running.viewport().rect().contains(shown) and not shown.isEmpty()
    for job in board.jobs:
        if job.state in ("running", "waiting"):
            board.cancel(job.id, "kill")
    wait(qtbot, lambda: board.running is None)


def test_the_cross_of_a_row_cancels_what_waits_and_undo_lets_it_wait_where_it_stood(view, qtbot):
    queue, board, window = view.side.queue, view.window().studio.board, view.window()
    board.pause(True)
    wait(qtbot, lambda: board.paused is not None)
    for prompt in ("one", "two", "three"):
        generate(view, qtbot, prompt)
    wait(qtbot, lambda: lines(view)[1] == ["one", "two", "three"])
    two = board.jobs[1].id
    qtbot.mouseClick(queue.list.viewport(), Qt.MouseButton.LeftButton, pos=queue.list.cross(two))
    wait(qtbot, lambda: lines(view)[1] == ["one", "three"] and window.banner.isVisible())
    assert queue.chosen() is None  # a cross chooses nothing
    qtbot.mouseClick(banner_button(window), Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: lines(view)[1] == ["one", "two", "three"])


def test_the_cross_of_a_finished_row_forgets_it(view, qtbot):
    queue, board = view.side.queue, view.window().studio.board
    generate(view, qtbot, "a house")
    wait(qtbot, lambda: board.jobs and board.jobs[0].state == "done")
    qtbot.mouseClick(queue.fold.button, Qt.MouseButton.LeftButton)
    pictures = list(Path(view.window().studio.settings.folder).iterdir())
    cross = queue.finished.cross(board.jobs[0].id)
    qtbot.mouseClick(queue.finished.viewport(), Qt.MouseButton.LeftButton, pos=cross)
    wait(qtbot, lambda: not board.jobs)
    assert list(Path(view.window().studio.settings.folder).iterdir()) == pictures


# Esc


def press_esc(qtbot, widget) -> None:
    widget.setFocus()
    wait(qtbot, widget.hasFocus)
    qtbot.keyClick(widget, Qt.Key.Key_Escape)


def test_esc_goes_to_what_has_the_focus_and_cancels_in_the_view_that_draws_only(view, qtbot):
    window, board, queue = view.window(), view.window().studio.board, view.side.queue
    window.activateWindow()
    generate(view, qtbot, SLOW)
    generate(view, qtbot, "waits")
    wait(qtbot, lambda: board.running is not None and lines(view)[1] == ["waits"])
    gallery = window.show_view("gallery")
    qtbot.keyClicks(gallery.filters.query, "house")
    press_esc(qtbot, gallery.filters.query)
    assert gallery.filters.query.text() == ""
    press_esc(qtbot, gallery.filters.query)
    for name in ("models", "convert"):
        window_view = window.show_view(name)
        press_esc(qtbot, getattr(window_view, "table", None) or window_view.sizes)
    window.show_view("create")
    queue.choose(board.jobs[1].id)
    press_esc(qtbot, queue.list)
    assert queue.chosen() is None and board.running is not None and board.running.wish == ""
    press_esc(qtbot, view.form.prompt.editor)
    wait(qtbot, lambda: board.running is None or board.running.wish == "now" or board.running.request.prompt == "waits")


@pytest.mark.slow
def test_a_job_of_many_that_esc_cancelled_goes_on_after_undo(view, qtbot):
    window, board = view.window(), view.window().studio.board
    window.activateWindow()
    generate(view, qtbot, "steps=4 step=0.15", count=4)
    wait(qtbot, lambda: board.running is not None and board.running.saved >= 1)
    press_esc(qtbot, view.form.prompt.editor)
    wait(qtbot, lambda: "pictures were drawn" in window.banner.text and board.jobs[0].state == "cancelled")
    saved = board.jobs[0].saved
    assert 1 <= saved < 4
    qtbot.mouseClick(banner_button(window), Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: board.jobs[0].state == "done")
    assert len(list(Path(view.window().studio.settings.folder).iterdir())) == 4


# Rest, and going on


def test_a_queue_that_rests_says_why_in_the_strip_and_in_its_list(view, qtbot):
    bridge, board = view.window().studio.bridge, view.window().studio.board
    generate(view, qtbot, f"{SLOW} resting")
    wait(qtbot, lambda: "step" in view.strip.text)
    bridge.change(lambda queue, gallery: queue.rest("The battery holds 12% and is being emptied."))
    wait(qtbot, lambda: view.strip.text == "The battery holds 12% and is being emptied.")
    assert "The battery holds 12%" in view.side.queue.paused_text
    bridge.change(lambda queue, gallery: queue.rest(None))
    wait(qtbot, lambda: "step" in view.strip.text and board.resting is None)
    board.cancel(board.running.id, "kill")
    wait(qtbot, lambda: board.running is None)


def test_a_picture_that_goes_on_says_at_which_step_and_its_time_is_of_the_steps_that_are_drawn(view):
    progress = PictureProgress(count=1)
    for event, now in ((Continued(14, 30), 0.0), (Step(14, 30), 2.0), (Step(15, 30), 4.0)):
        progress.hear(event, now)
        if isinstance(event, Continued):
            assert progress.index == 13 and progress.fraction == pytest.approx(13 / 30)
    assert progress.remaining == pytest.approx(2.0 * 15)
    assert "continued at step 14" in view.strip.describe(progress)
    progress.hear(ImageDone("a.png", 1))
    assert "continued" not in view.strip.describe(progress)
