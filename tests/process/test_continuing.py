"""After a crash or a kill the queue goes on within the picture, by itself; twice in a row it waits for a person."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sdedge.events import Continued, Failed, Notice, Step
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from tests.benchmarks.long_queue import measure
from tests.process.desk import JOURNALING, posix


@pytest.fixture
def journaling(desk, monkeypatch):
    """A desk whose engine process keeps its journals in the desk's folder."""
    monkeypatch.setenv("SDEDGE_HOME", str(desk.folder))
    return desk


def journals(desk) -> list:
    return [*(desk.folder / "journals").glob("*.journal")]


@posix
def test_a_job_whose_process_was_killed_goes_on_within_the_picture_and_its_journal_goes_with_it(journaling):
    desk = journaling
    job, second = desk.add("steps=12 step=0.04", count=2, seed=5), desk.add()
    desk.start(drawer=JOURNALING)
    desk.until(lambda event: isinstance(event, Step) and event.first == 1 and event.index >= 4)
    os.kill(desk.supervisor.worker_pid, signal.SIGKILL)
    desk.wait()
    assert [desk.queue.get(id).state for id in (job, second)] == ["done", "done"] and desk.check() == 3
    (continued,) = desk.events_of(Continued)
    assert continued.first == 1 and continued.index > 3 and not desk.events_of(Failed)
    (notice,) = desk.events_of(Notice)
    assert "was killed from outside" in notice.message and notice.message.endswith("The picture goes on where it was.")
    assert not journals(desk), "journals die with their picture"


@posix
@pytest.mark.slow
def test_a_picture_that_ends_its_process_twice_waits_for_a_person_and_goes_on_then(journaling):
    desk = journaling
    job = desk.add("steps=6 step=0.02 fail=kill@4", seed=5)
    desk.start(drawer=JOURNALING)
    desk.wait()
    assert desk.queue.get(job).state == "failed" and desk.queue.paused is not None
    assert len(desk.events_of(Continued)) == 0 and len(desk.events_of(Failed)) == 1 and journals(desk)


APP = """
import sys
from pathlib import Path
from sdedge.process.supervisor import Supervisor
supervisor = Supervisor(Path(sys.argv[1]), lambda job, event: print(event, flush=True), drawer=sys.argv[2])
supervisor.start()
supervisor.wake()
supervisor.wait_idle()
"""


@posix
@pytest.mark.slow
def test_an_app_that_was_killed_goes_on_within_the_picture_at_its_next_start(journaling):
    desk = journaling
    job = desk.add("steps=12 step=0.05", seed=5)
    app = subprocess.Popen([sys.executable, "-c", APP, str(desk.folder), JOURNALING], stdout=subprocess.PIPE, text=True)
    while "Step(index=4" not in app.stdout.readline():
        pass
    app.kill()
    app.wait()
    app.stdout.close()
    desk.start(drawer=JOURNALING)
    assert desk.queue.paused is None
    desk.wait()
    assert desk.queue.get(job).state == "done" and desk.check() == 1
    assert desk.events_of(Continued) and "ended unexpectedly" in str(desk.queue.history(job)) and not journals(desk)


def test_one_that_was_cancelled_or_goes_nowhere_waits_for_a_person(journaling):
    """No journal, a person's wish, or the same end for the fourth time."""
    desk = journaling
    for goes_on, wish, state in ((True, "", "waiting"), (False, "", "interrupted")):
        job = desk.add("steps=2", seed=5)
        store = open_store(desk.folder)
        queue = Queue(store)
        queue.resume()
        claimed = queue.claim()
        assert claimed.id == job and claimed.wish == wish
        reason = queue.open_session(lambda job, answer=goes_on: answer)
        assert queue.get(job).state == state and (reason is None) == goes_on == (queue.paused is None)
        queue.cancel(job)
        store.close()


@pytest.mark.slow
def test_an_app_that_was_closed_goes_on_within_the_picture_at_its_next_start(journaling):
    desk = journaling
    job = desk.add("steps=60 step=0.03", seed=5)
    desk.start(drawer=JOURNALING)
    desk.until(lambda event: isinstance(event, Step) and event.index >= 5)
    desk.supervisor.close()
    assert desk.queue.get(job).state == "waiting" and journals(desk)
    desk.start(drawer=JOURNALING)
    desk.wait()
    assert desk.queue.get(job).state == "done" and desk.events_of(Continued)


@posix
@pytest.mark.slow
def test_memory_stays_flat_along_a_long_queue(tmp_path, monkeypatch):
    """`python -m tests.benchmarks long_queue` has 1,000 pictures."""
    for name in ("PYTHONPATH", "SDEDGE_HOME"):  # which it sets
        monkeypatch.setenv(name, os.environ.get(name, ""))
    report = measure(tmp_path, pictures=400, jobs=40)
    assert report["pictures"] == 400 and report["failed jobs"] == 0
    assert report["engine's change"] < 0.02 and report["queue's change"] < 0.02
