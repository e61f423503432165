"""Jobs beside the picture: reordered, put off, cancelled, drawn again, and why they failed."""

from __future__ import annotations

from PySide6.QtCore import Qt

from tests.gui.conftest import wait
from tests.gui.create.conftest import draw


def test_jobs_are_reordered_put_off_cancelled_and_drawn_again(view, qtbot):
    board, model = view.window().studio.board, view.side.queue.model
    board.pause(True)
    wait(qtbot, lambda: board.paused is not None)
    for prompt in ("one", "two", "three"):
        draw(view, qtbot, prompt)
    wait(qtbot, lambda: model.rowCount() == 3)
    first, second, third = (job.id for job in board.jobs)
    model.dropMimeData(model.mimeData([model.index(2)]), Qt.DropAction.MoveAction, 0, 0, model.index(-1))
    wait(qtbot, lambda: [job.id for job in board.jobs] == [third, first, second])
    view.side.queue.choose(first)
    qtbot.keyClick(view.side.queue.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    wait(qtbot, lambda: [job.id for job in board.jobs] == [third, second, first])
    assert view.side.queue.chosen().id == first
    qtbot.keyClick(view.side.queue.list, Qt.Key.Key_Delete)
    wait(qtbot, lambda: board.find(first).state == "cancelled")
    view.window().studio.actions["pause-queue"].trigger()
    wait(qtbot, lambda: board.find(third).state == board.find(second).state == "done")
    labels = [action.text() for action in view.side.queue.menu(board.find(first)).actions()]
    assert labels[0] == "Try again" and "Use its settings" in labels


def test_cancel_after_this_picture_keeps_it(view, qtbot):
    draw(view, qtbot, "steps=5 step=0.15", count=3)
    wait(qtbot, lambda: view.window().studio.board.running is not None and "step" in view.strip.text)
    view.window().studio.actions["cancel-after"].trigger()
    wait(qtbot, lambda: "1 finished picture is kept" in view.strip.text)
    job = view.window().studio.board.jobs[0]
    wait(qtbot, lambda: view.window().studio.board.find(job.id).state == "cancelled")
    assert view.window().studio.board.find(job.id).saved == 1


def test_a_failed_job_says_why_in_the_queue_too(view, qtbot):
    draw(view, qtbot, "fail=words@1")
    wait(qtbot, lambda: view.window().studio.board.jobs and view.window().studio.board.jobs[0].state == "failed")
    index = view.side.queue.model.index(0)
    assert "do something else" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "do something else" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_what_is_done_has_the_pictures_size_where_nobody_named_one(view, qtbot):
    view.window().studio.form.put(width=None, height=None)
    draw(view, qtbot, "a house", seed=7)
    wait(qtbot, lambda: view.strip.text.startswith("Done.   Seed 7   64 × 64   "))
    assert view.window().studio.form.card is None  # so it is the file that says so
