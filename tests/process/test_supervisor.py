"""The queue worked through: what is drawn, reported and cancelled, and what the user is told."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from sdedge.commands.queue import queue as queue_command
from sdedge.events import Cancelled, Failed, Finished, ImageDone, Step
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from sdedge.process.supervisor import Limits, Supervisor
from tests.process.desk import FAKE, PATIENCE

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
    supervisor.worker.send(do="dance", run="1.1")
    supervisor.worker.send()
    job = desk.add()
    supervisor.wake()
    desk.wait()
    assert desk.queue.get(job).state == "done"
    assert b"Unknown order 'dance'" in (desk.folder / "worker.log").read_bytes()


# What the engine itself reports


@pytest.mark.parametrize(
    ("prompt", "model", "reason"),
    [
        ("fail=words@1", "fake", "It cannot be done; do something else."),
        ("fail=memory@1", "fake", "The memory ran out"),
        ("fail=bug@1", "fake", "ZeroDivisionError: a bug"),
        ("steps=1", "/nowhere/model", "There is no model at /nowhere/model"),
    ],
)
def test_a_failed_job_says_why_and_the_next_one_is_drawn(desk, prompt, model, reason):
    bad, good = desk.add(prompt, model=model), desk.add()
    desk.start()
    desk.wait()
    assert desk.queue.get(bad).state == "failed" and reason in desk.queue.get(bad).reason
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


def test_failures_carry_no_traceback_to_the_user(desk):
    desk.add("fail=bug@1")
    desk.start()
    desk.wait()
    (failed,) = desk.events_of(Failed)
    assert "Traceback" not in failed.message and failed.hint


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
    assert len(desk.events_of(Cancelled)) == 3 and desk.queue.paused is None and desk.check() == 1


def test_a_late_cancel_never_hits_the_next_job(desk):
    first, second = desk.add("steps=1"), desk.add("step=0.1 steps=4")
    supervisor = desk.start()
    desk.until(lambda event: isinstance(event, Finished))
    supervisor.worker.send(do="cancel", run=f"{first}.1", level="now")
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


# The command, and one real pass


def test_the_command_adds_lists_and_runs_with_the_real_pipeline(tiny_model, tmp_path, monkeypatch, measured_machine):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "machine.json").write_bytes(measured_machine)
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
