"""Every way to fail: the engine process, the app and the database; and that nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from sdedge.errors import SdedgeError
from sdedge.events import Cancelled, Failed, ImageDone, Notice, Step
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_scan import rescan
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, open_store
from sdedge.locks import ProcessLock
from sdedge.process.spawn import LOCK, end_leftover
from sdedge.process.supervisor import Limits, Supervisor
from sdedge.request import Request
from tests.benchmarks.soak import soak
from tests.benchmarks.support.broken_app import is_running
from tests.conftest import cases
from tests.process.desk import FAKE, ROOT, posix

# What only the supervisor can see


@posix
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("kill@load", "killed from outside while loading the model"),
        ("kill@2", "while drawing step 1 of 3"),
        ("segv@load", "the model is damaged"),
        ("exit@done", "with an error (status 3)"),
    ],
)
def test_a_crash_costs_the_current_picture_and_says_why(desk, fault, reason):
    bad, good = desk.add(f"fail={fault}", count=2), desk.add()
    desk.start()
    desk.wait()
    assert desk.queue.get(bad).state == "failed" and reason in desk.queue.get(bad).reason
    assert desk.queue.get(good).state == "waiting" and desk.queue.get(bad).reason in desk.queue.paused
    desk.resume()
    assert desk.queue.get(good).state == "done"
    assert desk.check() == (2 if fault.endswith("done") else 1)


@posix
def test_a_process_that_stops_answering_is_ended_by_the_watchdog(desk):
    job = desk.add("fail=hang@2")
    desk.start(silence=1.0)
    desk.wait()
    assert desk.queue.get(job).state == "failed" and "did not answer" in desk.queue.get(job).reason


@posix
def test_a_job_that_hangs_and_is_cancelled_is_not_drawn_again_and_pauses_nothing(desk):
    job = desk.add("fail=hang@2")
    desk.start(silence=1.0)
    desk.until(lambda event: isinstance(event, Step))
    desk.queue.cancel(job)
    desk.supervisor.wake()
    desk.wait()
    assert desk.queue.get(job).state == "cancelled" and desk.queue.paused is None
    assert desk.events_of(Cancelled) and not desk.events_of(Failed)


def test_a_job_that_gets_no_further_is_ended_by_the_watchdog(desk):
    job = desk.add("fail=stall@2")
    desk.start(stall=0.5)
    desk.wait()
    assert "got no further while drawing step 1 of 3" in desk.queue.get(job).reason


@posix
def test_a_resumed_job_draws_exactly_the_pictures_it_lacks(desk):
    job = desk.add("step=0.01 write=0.3", count=4, seed=100)
    desk.start()
    desk.until(lambda event: isinstance(event, ImageDone) and event.index == 1)
    os.kill(desk.supervisor.worker_pid, signal.SIGKILL)
    desk.wait()
    assert desk.queue.get(job).saved in (2, 3)
    desk.resume(job)
    assert desk.queue.get(job).state == "done" and desk.check() == 4
    assert sorted(entry.seed for entry in desk.gallery.search()) == [100, 101, 102, 103]


@pytest.mark.parametrize("fields", [{}, {"variation_strength": 0.3}, {"variation_strength": 0.3, "variation_seed": 9}])
def test_a_continued_series_is_the_same_series(fields):
    request = Request(prompt="x", seed=5, **fields)
    for first in range(3):
        assert request.numbered(first).numbered(2) == request.numbered(first + 2)


def test_an_engine_that_cannot_start_is_tried_twice_and_then_explained(desk):
    job = desk.add()
    desk.supervisor = Supervisor(desk.folder, drawer="no.such:module", limits=Limits(tick=0.02))
    desk.supervisor.start()
    desk.supervisor.wake()
    desk.wait()
    assert "cannot be started" in desk.queue.paused and desk.queue.get(job).state == "waiting"
    assert (desk.folder / "worker.log").read_text().count("No module named 'no'") == 2


@posix
def test_a_lost_connection_is_a_failure_and_no_cancel(desk):
    job = desk.add("step=0.1 steps=20")
    desk.start()
    desk.until(lambda event: isinstance(event, Step))
    desk.supervisor.worker.close_orders()
    desk.wait()
    assert desk.queue.get(job).state == "failed" and "lost its connection" in desk.queue.get(job).reason


# The app ends


def test_closing_keeps_the_job_and_the_next_start_goes_on(desk):
    job = desk.add("step=0.05", count=3, seed=1)
    desk.start()
    desk.until(lambda event: isinstance(event, ImageDone))
    desk.supervisor.close()
    assert desk.queue.get(job).state == "waiting" and 1 <= desk.queue.get(job).saved < 3
    desk.start()
    desk.wait()
    assert desk.queue.get(job).state == "done" and desk.check() == 3 and desk.queue.paused is None


RUN = """
import sys, time
from pathlib import Path
from sdedge.process.supervisor import Limits, Supervisor
def listen(job, event):
    print(type(event).__name__, flush=True)
s = Supervisor(Path(sys.argv[1]), listen, drawer=sys.argv[2], limits=Limits(tick=0.02, beat=0.1))
s.start()
print("pid", s.worker_pid, flush=True)
time.sleep(600)
"""


@posix
@pytest.mark.parametrize("stop_worker", cases([False, True], quick=[True]))
def test_when_the_app_is_killed_the_worker_leaves_and_the_queue_says_what_happened(desk, stop_worker):
    job, after = desk.add("step=0.1 write=0.05", count=5), desk.add()
    app = subprocess.Popen([sys.executable, "-c", RUN, desk.folder, FAKE], stdout=subprocess.PIPE, text=True)
    while "ImageDone" not in (line := app.stdout.readline()):
        assert line
    pid = ProcessLock(desk.folder / LOCK).holder()
    if stop_worker:
        os.kill(pid, signal.SIGSTOP)
    app.kill()
    app.wait()
    app.stdout.close()
    desk.start()
    desk.wait()
    assert not is_running(pid)
    assert desk.queue.get(job).state == "interrupted" and desk.queue.get(after).state == "waiting"
    assert f"Job {job} was interrupted with" in desk.queue.paused and desk.events_of(Notice)
    desk.resume(job)
    assert [desk.queue.get(id).state for id in (job, after)] == ["done", "done"] and desk.check() == 6


def test_one_folder_has_one_supervisor(desk):
    desk.start()
    with pytest.raises(SdedgeError, match=f"process {os.getpid()}"):
        Supervisor(desk.folder, drawer=FAKE).start()


@posix
def test_a_worker_left_over_is_ended(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from sdedge.locks import ProcessLock;"
        "assert ProcessLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / LOCK], stdout=subprocess.PIPE)
    process.stdout.readline()
    reaper = threading.Thread(target=process.wait)
    reaper.start()
    assert end_leftover(ProcessLock(tmp_path / LOCK), patience=2) and not end_leftover(ProcessLock(tmp_path / LOCK))
    reaper.join()
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL


# The database


def test_a_locked_database_delays_and_loses_nothing(desk):
    job = desk.add("step=0.02", count=2)
    desk.start(lock=0.1)
    desk.until(lambda event: isinstance(event, Step))
    locker = sqlite3.connect(desk.folder / DATABASE, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    time.sleep(1.5)
    locker.execute("ROLLBACK")
    locker.close()
    desk.wait()
    assert desk.queue.get(job).state == "done" and desk.check() == 2


def test_a_database_damaged_while_the_app_runs_is_kept_aside_and_the_queue_goes_on_with_a_new_one(desk, monkeypatch):
    job = desk.add("step=0.2 steps=4", seed=4)
    intact = Queue.wish
    malformed = sqlite3.DatabaseError("database disk image is malformed")
    malformed.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def wish(queue, id):
        monkeypatch.setattr(Queue, "wish", intact)
        raise malformed

    monkeypatch.setattr(Queue, "wish", wish)
    desk.start()
    desk.until(lambda event: isinstance(event, Notice) and "1 waiting job was recovered" in event.message)
    assert len(list(desk.folder.glob("*.damaged-*"))) >= 1
    desk.queue.store.close()
    store = open_store(desk.folder)
    desk.queue, desk.gallery = Queue(store), Gallery(store)
    assert "is kept as" in desk.queue.paused and desk.gallery.needs_rescan
    rescan(desk.gallery)
    desk.resume(job)
    assert desk.queue.get(job).state == "done" and desk.check() == 1


def test_a_queue_whose_damaged_database_another_process_mends_waits_for_that_and_goes_on(desk, monkeypatch):
    job = desk.add("step=0.2 steps=4", seed=4)
    intact = Queue.wish
    malformed = sqlite3.DatabaseError("database disk image is malformed")
    malformed.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    mending = ProcessLock(desk.folder / "rebuild.lock")
    assert mending.acquire()

    def wish(queue, id):
        monkeypatch.setattr(Queue, "wish", intact)
        raise malformed

    monkeypatch.setattr(Queue, "wish", wish)
    desk.start(lock=0.1)
    desk.until(lambda event: isinstance(event, Notice) and "Another process mends" in event.message)
    mending.release()
    desk.until(lambda event: isinstance(event, Notice) and f"Job {job} was interrupted" in event.message)
    desk.resume(job)
    assert desk.queue.get(job).state == "done" and desk.check() == 1


# Faults at random, in short; tests/benchmarks/soak.py is the long one


@pytest.mark.slow
@posix
def test_faults_at_random_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    report = soak(tmp_path, faults=6, seed=11)
    assert report["lost"] == report["corrupt"] == report["duplicates"] == report["hung"] == report["unexplained"] == 0
    assert report["pictures"] > 6 and sum(report["faults"].values()) == 6
