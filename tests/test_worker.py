"""The engine process and its supervision: every way to fail, and what the user is told."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge import awake as awake_module
from sdedge.awake import awake
from sdedge.commands.queue import queue as queue_command
from sdedge.errors import SdedgeError
from sdedge.events import Cancelled, Failed, Finished, ImageDone, Notice, Step
from sdedge.framing import LIMIT, BadFrame, Channel
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_scan import rescan
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, open_store
from sdedge.locks import ProcessLock
from sdedge.request import Request
from sdedge.shelf import Shelf
from sdedge.spawn import LOCK, describe_exit, end_leftover
from sdedge.supervisor import Limits, Supervisor
from tests.benchmarks.soak import is_running, soak
from tests.fake_drawer import picture

ROOT = Path(__file__).parents[1]
FAKE = "tests.fake_drawer:FakeDrawer"
PATIENCE = 60  # seconds; nothing waits this long unless it hangs
posix = pytest.mark.skipif(os.name != "posix", reason="signals")


class Desk:
    """A data folder, its queue and gallery, and a supervisor whose events are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder / "data", folder / "out"
        store = open_store(self.folder)
        self.queue, self.gallery = Queue(store), Gallery(store)
        self.events: list = []
        self.supervisor: Supervisor | None = None

    def add(self, prompt="steps=2", count=1, model="fake", **fields):
        return self.queue.add(Request(prompt=prompt, model=model, **fields), Output(self.out), count).id

    def start(self, **limits):
        def listen(job, event):
            self.events.append((job, event))

        given = {"tick": 0.02, "beat": 0.1, **limits}
        self.supervisor = Supervisor(self.folder, listen, drawer=FAKE, limits=Limits(**given))
        self.supervisor.start()
        self.supervisor.wake()
        return self.supervisor

    def wait(self):
        assert self.supervisor.wait_idle(PATIENCE)

    def resume(self, job=None):
        if job is not None:
            self.queue.resume(job)
        self.queue.resume()
        self.supervisor.wake()
        self.wait()

    def until(self, condition):
        """Wait for an event that fulfils it."""
        deadline = time.monotonic() + PATIENCE
        while not any(condition(event) for _, event in list(self.events)):
            assert time.monotonic() < deadline, self.events
            time.sleep(0.005)

    def told(self, kind, job=None):
        return [event for number, event in self.events if isinstance(event, kind) and (job is None or number == job)]

    def check(self):
        """Every picture on disk is whole and has one row, and every row has its picture."""
        paths = sorted(path for path in self.out.glob("**/*") if path.suffix == ".png" and path.is_file())
        rows = sorted(entry.path for entry in self.gallery.search(limit=1000))
        assert paths == rows
        for entry in self.gallery.search(limit=1000):
            with Image.open(entry.path) as image:
                assert (np.asarray(image) == picture(entry.seed)).all()
        assert not list(self.out.glob("**/.*.part"))
        keys = [(entry.job, entry.number) for entry in self.gallery.search(limit=1000)]
        assert len(set(keys)) == len(keys)
        return len(rows)

    def close(self):
        if self.supervisor is not None:
            self.supervisor.close()
        assert ProcessLock(self.folder / LOCK).holder() is None
        self.queue.store.close()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    desk = Desk(tmp_path)
    yield desk
    desk.close()


# What goes right


def test_jobs_are_drawn_and_every_picture_is_on_disk_and_in_the_gallery_before_its_event(desk):
    first, second = desk.add("a house steps=2", count=3, seed=7), desk.add("a boat", seed=50)
    seen = []

    def listen(job, event):
        if isinstance(event, ImageDone):
            with open_store(desk.folder) as store:
                entry = Gallery(store).find(event.path)
                seen.append((entry.job, entry.number, entry.seed, Path(event.path).is_file()))
        desk.events.append((job, event))

    desk.supervisor = Supervisor(desk.folder, listen, drawer=FAKE, limits=Limits(tick=0.02))
    desk.supervisor.start()
    desk.supervisor.wake()
    desk.wait()
    assert seen == [(first, 0, 7, True), (first, 1, 8, True), (first, 2, 9, True), (second, 0, 50, True)]
    assert [job.state for job in desk.queue.jobs()] == ["done", "done"] and desk.check() == 4
    assert [type(event) for job, event in desk.events if job == second][-1] is Finished


def test_what_the_engine_prints_is_a_log_and_not_a_message(desk):
    job = desk.add("fail=noise@2")
    desk.start()
    desk.wait()
    assert desk.queue.get(job).state == "done"
    assert b"progress 100%" in (desk.folder / "worker.log").read_bytes()


def test_unknown_orders_are_answered_and_do_no_harm(desk):
    supervisor = desk.start()
    desk.add()
    supervisor.wake()
    desk.wait()
    supervisor._worker.send(do="dance", run="1.1")
    supervisor._worker.send()
    job = desk.add()
    supervisor.wake()
    desk.wait()
    assert desk.queue.get(job).state == "done"
    assert b"Unknown order 'dance'" in (desk.folder / "worker.log").read_bytes()


# What the engine itself reports


@pytest.mark.parametrize(
    ("prompt", "model", "words"),
    [
        ("fail=words@1", "fake", "It cannot be done; do something else."),
        ("fail=memory@1", "fake", "The memory ran out"),
        ("fail=bug@1", "fake", "ZeroDivisionError: a bug"),
        ("steps=1", "/nowhere/model", "There is no model at /nowhere/model"),
    ],
)
def test_a_failed_job_says_why_and_the_next_one_is_drawn(desk, prompt, model, words):
    bad, good = desk.add(prompt, model=model), desk.add()
    desk.start()
    desk.wait()
    assert desk.queue.get(bad).state == "failed" and words in desk.queue.get(bad).reason
    assert desk.queue.get(good).state == "done" and desk.queue.paused is None


def test_a_folder_that_cannot_be_written_pauses_the_queue(desk):
    desk.out.write_text("a file in the way")
    bad, good = desk.add(), desk.add()
    desk.start()
    desk.wait()
    assert desk.queue.get(bad).state == "failed" and str(desk.out) in desk.queue.get(bad).reason
    assert desk.queue.get(good).state == "waiting" and "choose another folder" in desk.queue.paused
    desk.out.unlink()
    desk.resume(bad)
    assert [desk.queue.get(job).state for job in (bad, good)] == ["done", "done"]


# What only the supervisor can see


@posix
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("kill@load", "killed from outside while loading the model"),
        ("kill@2", "while drawing step 1 of 3"),
        ("segv@load", "the model is damaged"),
        ("exit@done", "with an error (status 3)"),
    ],
)
def test_a_crash_costs_the_current_picture_and_says_why(desk, fault, words):
    bad, good = desk.add(f"fail={fault}", count=2), desk.add()
    desk.start()
    desk.wait()
    assert desk.queue.get(bad).state == "failed" and words in desk.queue.get(bad).reason
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
    desk.supervisor._worker._channel.close_writing()
    desk.wait()
    assert desk.queue.get(job).state == "failed" and "lost its connection" in desk.queue.get(job).reason


# Cancelling


def test_the_three_ways_to_cancel(desk):
    after, now, kill = (desk.add("step=0.05 steps=4", count=3) for _ in range(3))
    supervisor = desk.start()
    for job, level in ((after, "picture"), (now, "now"), (kill, "kill")):
        desk.until(lambda event: any(n == job and isinstance(e, Step) for n, e in list(desk.events)))  # noqa: B023
        desk.queue.cancel(job, level)
        if level == "kill":
            supervisor.hard_cancel(job)
        deadline = time.monotonic() + PATIENCE
        while desk.queue.get(job).state == "running" and time.monotonic() < deadline:
            time.sleep(0.01)
    desk.wait()
    assert [desk.queue.get(job).state for job in (after, now, kill)] == ["cancelled"] * 3
    assert [desk.queue.get(job).saved for job in (after, now, kill)] == [1, 0, 0]
    assert len(desk.told(Cancelled)) == 3 and desk.queue.paused is None and desk.check() == 1


def test_a_late_cancel_never_hits_the_next_job(desk):
    first, second = desk.add("steps=1"), desk.add("step=0.1 steps=4")
    supervisor = desk.start()
    desk.until(lambda event: isinstance(event, Finished))
    supervisor._worker.send(do="cancel", run=f"{first}.1", level="now")
    supervisor.hard_cancel(first)
    desk.wait()
    assert desk.queue.get(second).state == "done"


def test_a_cancel_that_is_not_obeyed_ends_the_process(desk):
    job = desk.add("fail=stall@2")
    desk.start(grace=0.3)
    desk.until(lambda event: isinstance(event, Step))
    desk.queue.cancel(job, "now")
    desk.wait()
    assert desk.queue.get(job).state == "cancelled" and desk.queue.paused is None


def test_a_paused_job_goes_on_where_it_stopped(desk):
    job = desk.add("step=0.05", count=3, seed=1)
    desk.start()
    desk.until(lambda event: isinstance(event, Step))
    desk.queue.pause(job)
    desk.wait()
    assert (desk.queue.get(job).state, desk.queue.get(job).saved) == ("paused", 1)
    desk.resume(job)
    assert desk.queue.get(job).state == "done" and desk.check() == 3


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
from sdedge.supervisor import Limits, Supervisor
def listen(job, event):
    print(type(event).__name__, flush=True)
s = Supervisor(Path(sys.argv[1]), listen, drawer=sys.argv[2], limits=Limits(tick=0.02, beat=0.1))
s.start()
print("pid", s.worker_pid, flush=True)
time.sleep(600)
"""


@posix
@pytest.mark.parametrize("stop_worker", [False, True])
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
    assert f"Job {job} was interrupted with" in desk.queue.paused and desk.told(Notice)
    desk.resume(job)
    assert [desk.queue.get(one).state for one in (job, after)] == ["done", "done"] and desk.check() == 6


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
    other = sqlite3.connect(desk.folder / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(1.5)
    other.execute("ROLLBACK")
    other.close()
    desk.wait()
    assert desk.queue.get(job).state == "done" and desk.check() == 2


def test_a_database_damaged_while_the_app_runs_is_kept_aside_and_the_queue_goes_on_with_a_new_one(desk, monkeypatch):
    job = desk.add("step=0.2 steps=4", seed=4)
    whole = Queue.wish
    malformed = sqlite3.DatabaseError("database disk image is malformed")
    malformed.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def wish(queue, id):
        monkeypatch.setattr(Queue, "wish", whole)
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


# Parts


def test_messages_arrive_whole_in_both_directions_and_in_order():
    (a, b), (c, d) = os.pipe(), os.pipe()
    here, there = Channel(a, d), Channel(c, b)
    messages = [{"n": i, "text": "é雪" * i * 5000} for i in range(8)]
    echo = threading.Thread(target=lambda: [there.send(there.receive()) for _ in messages])
    echo.start()
    sender = threading.Thread(target=lambda: [here.send(message) for message in messages])
    sender.start()
    assert [here.receive() for _ in messages] == messages
    echo.join()
    sender.join()
    here.close_writing()
    assert there.receive() is None
    there.close()
    assert here.receive() is None
    with pytest.raises(BrokenPipeError):
        here.send({})
    here.close()


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"\x00\x00\x00\x02{]", BadFrame),
        (b"\x00\x00\x00\x02[]", BadFrame),
        ((LIMIT + 1).to_bytes(4, "big"), BadFrame),
        (b"\x00\x00", None),
        (b"\x00\x00\x00\x09{}", None),
    ],
)
def test_bad_and_broken_off_messages(data, outcome):
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    channel = Channel(read, os.open(os.devnull, os.O_WRONLY))
    if outcome is None:
        assert channel.receive() is None
    else:
        with pytest.raises(outcome):
            channel.receive()
    channel.close()


def test_exits_are_put_in_words(tmp_path):
    log = tmp_path / "worker.log"
    assert "memory ran out while drawing" in describe_exit(-9, "drawing", True, log)
    assert "killed from outside" in describe_exit(-9, "drawing", False, log)
    assert "model is damaged" in describe_exit(-7, "loading the model", False, log)
    assert str(log) in describe_exit(-6, "", False, log) and "SIGABRT" in describe_exit(-6, "", False, log)
    assert "lost its connection" in describe_exit(0, "", False, log)


class FakeEngine:
    def __init__(self, name):
        self.name, self.released = name, []

    def release(self, stage):
        self.released.append(stage)


def test_models_are_kept_while_memory_lasts_and_let_go_in_the_order_of_their_use(tmp_path):
    for name in "abcd":
        (tmp_path / name).write_bytes(b"x" * 100)
    free, loads = [1000], []

    def load(model, vae):
        loads.append(model)
        return FakeEngine(model)

    shelf = Shelf(load, lambda model: tmp_path / model, keep=3, memory=lambda: (free[0], 1000))
    a, b, _ = shelf("a", None), shelf("b", None), shelf("c", None)
    assert shelf("a", None) is a and loads == ["a", "b", "c"]
    shelf("d", None)  # a fourth: b was used longest ago
    assert b.released == ["text_encoder", "unet", "vae"] and not a.released and len(shelf) == 3
    free[0] = 400  # 100 bytes on disk need 250, and 200 stay free
    shelf("b", None)
    assert len(shelf) == 1 and a.released
    os.utime(tmp_path / "b", ns=(1, 1))
    shelf("b", None)
    assert loads == ["a", "b", "c", "d", "b", "b"] and len(shelf) == 1


@posix
def test_the_computer_is_kept_awake_only_while_inside(tmp_path, monkeypatch):
    command = tmp_path / "systemd-inhibit"
    command.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat > /dev/null\nrm {tmp_path}/arguments\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(awake_module.sys, "platform", "linux")
    with awake("drawing") as way:
        if way == "systemd-inhibit":
            assert "--what=sleep" in (tmp_path / "arguments").read_text()
    assert way and not (tmp_path / "arguments").exists()


@posix
def test_without_a_way_to_stay_awake_the_log_says_why(tmp_path, monkeypatch, caplog):
    refusing = tmp_path / "systemd-inhibit"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(awake_module.sys, "platform", "linux")
    with caplog.at_level(logging.INFO), awake() as way:
        assert way == ""
    assert "gnome-session-inhibit is not installed" in caplog.text and "systemd-inhibit ended with code" in caplog.text


# The command, and one real pass


def test_the_command_adds_lists_and_runs_with_the_real_pipeline(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        result = CliRunner().invoke(queue_command, arguments, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.stdout

    model = os.path.relpath(tiny_model, tmp_path)
    added = json.loads(run("add", "a red house", "-m", model, "-s", "2", "--seed", "3", "-c", "2", "--json"))
    assert Path(added["request"]["model"]).is_absolute() and added["folder"] == str((tmp_path / "out").resolve())
    run("add", "second", "-p", "1")
    run("pause", "2")
    listed = json.loads(run("list", "--json"))
    assert [(job["id"], job["state"]) for job in listed["jobs"]] == [(2, "paused"), (1, "waiting")]
    run("cancel", "2")
    events = [json.loads(line) for line in run("run", "--json").splitlines()]
    assert [event["seed"] for event in events if event["event"] == "ImageDone"] == [3, 4]
    assert events[-1]["event"] == "Finished" and len(list((tmp_path / "out").glob("*.png"))) == 2
    with open_store(tmp_path / "data") as store:
        assert Gallery(store).count() == 2
    assert json.loads(run("clear", "--json")) == {"cleared": 2}


# Faults at random, in short; tests/benchmarks/soak.py is the long one


@posix
def test_faults_at_random_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    report = soak(tmp_path, faults=6, seed=11)
    assert report["lost"] == report["corrupt"] == report["duplicates"] == report["hung"] == report["unexplained"] == 0
    assert report["pictures"] > 6 and sum(report["faults"].values()) == 6


def test_failures_carry_no_traceback_to_the_user(desk):
    desk.add("fail=bug@1")
    desk.start()
    desk.wait()
    (failed,) = desk.told(Failed)
    assert "Traceback" not in failed.message and failed.hint
