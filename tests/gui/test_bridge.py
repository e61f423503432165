"""What the window hears when its database cannot be used."""

from __future__ import annotations

import sqlite3
import time

import pytest

from gui.shell.background import Background, in_words
from gui.shell.bridge import Bridge
from sdedge.events import Finished
from sdedge.images.output import Output
from sdedge.library.connection import DatabaseError
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, open_store
from sdedge.process.attempt import Limits
from sdedge.request import Request
from tests.gui.conftest import FAKE, PATIENCE, ROOT


@pytest.fixture
def folder(tmp_path):
    with open_store(tmp_path) as store:
        Queue(store).pause()
    return tmp_path


@pytest.fixture
def bridge(qapp, folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    bridge = Bridge(folder, drawer=FAKE, limits=Limits(tick=0.02, beat=0.2), warm=False)
    yield bridge
    bridge.close()
    bridge.deleteLater()


def ask(qtbot, bridge, work):
    """The error, or what `work` returned."""
    answers = []
    bridge.ask(work, answers.append, answers.append)
    qtbot.waitUntil(lambda: bool(answers), timeout=PATIENCE)
    return answers[0]


def test_a_failure_that_is_a_sentence_is_said_as_it_is(qtbot, bridge, folder):
    def fail(queue, gallery):
        queue.database.execute("PRAGMA busy_timeout = 0")
        connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            queue.pause()
        finally:
            connection.close()

    error = ask(qtbot, bridge, fail)
    assert isinstance(error, DatabaseError)
    said = in_words(error)
    assert said.startswith("Cannot use the database") and said.endswith(
        "is using it; close that program, or try again."
    )
    assert ask(qtbot, bridge, lambda queue, gallery: queue.jobs()) == []  # opened again


def is_backup_notice(job, event):
    return "is kept as" in getattr(event, "message", "")


def is_finished(job, event):
    return isinstance(event, Finished)


@pytest.mark.slow
def test_a_database_that_the_window_makes_anew_is_the_queues_too(qtbot, bridge, folder):
    with qtbot.waitSignal(bridge.ready, timeout=PATIENCE):
        bridge.start()

    def damage(queue, gallery):
        queue.add(Request("kept", model="fake"), Output(folder), 1)
        (root,) = queue.database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'images'").fetchone()
        (size,) = queue.database.execute("PRAGMA page_size").fetchone()
        queue.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with open(folder / DATABASE, "r+b") as file:
            file.seek((root - 1) * size)
            file.write(b"\xff" * size)

    ask(qtbot, bridge, damage)
    bridge._database.run(bridge._close_store)  # what it has in its own memory
    with qtbot.waitSignal(bridge.happened, timeout=PATIENCE, check_params_cb=is_backup_notice):
        assert ask(qtbot, bridge, lambda queue, gallery: gallery.search(limit=5)) == []
    assert len(list(folder.glob(f"{DATABASE}.damaged-*"))) >= 1
    with qtbot.waitSignal(bridge.happened, timeout=PATIENCE, check_params_cb=is_finished):
        bridge.change(lambda queue, gallery: queue.resume())
    assert [job.state for job in ask(qtbot, bridge, lambda queue, gallery: queue.jobs())] == ["done"]


def test_what_a_person_wrote_is_kept_though_the_threads_are_busy_at_the_end(qapp):
    background, done = Background("work", 1), []
    background.run(lambda: time.sleep(0.2))
    background.run(lambda: done.append("read"))
    background.run(lambda: done.append("written"), lasting=True)
    background.close()
    assert done == ["written"]
