"""What is said outside the window of a queue that nobody looks at."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication

from gui.queue.board import Board
from sdedge.images.output import Output
from sdedge.library.job_states import JobState, PausedBy
from sdedge.library.jobs import Job
from sdedge.request import Request

JOB = Job(1, JobState.WAITING, "", 0, 1, Request(prompt="a"), 1, 1, Output(Path("out")), 0, 0, "", 0.0, None, None)


def test_a_queue_that_stops_while_nobody_looks_is_told_once(open_window, monkeypatch):
    """Fifty jobs wait, the third fails, and the person is in another window."""
    window, alerts = open_window(start=False), []
    board, waits = window.studio.board, JOB
    monkeypatch.setattr("sys.platform", "darwin")  # told by the dock alone
    monkeypatch.setattr(QApplication, "alert", lambda window: alerts.append(1))
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)

    def show(*state, jobs=(waits,)) -> int:
        board.board = Board(jobs, *state)
        board.changed.emit()
        return len(alerts)

    assert show() == 0 and show("You did.", PausedBy.PERSON) == 0 and show() == 0
    assert show("The disk is full.", PausedBy.FAILURE) == 1
    assert show("The disk is full.", PausedBy.FAILURE, "hot") == 1
    assert show() == 1 and show("It crashed.", PausedBy.FAILURE) == 2
    assert show() == 2 and show("It crashed.", PausedBy.FAILURE, jobs=()) == 2  # its own end was told
    window.studio.settings.notify = False
    assert show() == 2 and show("It crashed.", PausedBy.FAILURE) == 2
