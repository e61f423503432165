"""A broken engine through the command line and the queue, with a real canary in processes of its own beside the drawing."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.events import Finished, Notice
from sdedge.images.metadata import read
from sdedge.library.job_states import JobState
from sdedge.machine import canary
from sdedge.machine.canary import State
from sdedge.process.canary import start
from tests.conftest import needs_embedded
from tests.process.desk import ROOT

pytestmark = [pytest.mark.slow, needs_embedded]
BROKEN = "tests.process.canary_results:only_bfloat16_is_broken"


def engine_of(path) -> str:
    return str(read(path).details["engine"])


def test_the_command_line(tiny_model, tmp_path, monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    processes = []

    def begin(engine):
        processes.append(start(engine, results=BROKEN))
        return processes[-1]

    monkeypatch.setattr("sdedge.process.prover.start", begin)

    def generate(name, *options):
        command = ["generate", "a house", "--model", str(tiny_model), "--steps", "1", "--dtype", "bfloat16", *options]
        return CliRunner().invoke(cli, [*command, "-o", str(tmp_path / name)])

    done = generate("a", "--count", "2")
    assert done.exit_code == 0 and done.stderr.count("switched off") == 1 and "one value" in done.stderr
    pictures = sorted((tmp_path / "a").glob("*.png"))
    assert len(pictures) == 2 and {engine_of(picture) for picture in pictures} == {"cpu float32"}
    for process in processes:  # that of float32 goes on beside
        assert process.wait(600) == 0
    assert canary.verdict("cpu bfloat16").state is State.FAILED and canary.verdict("cpu float32").state is State.PROVED
    begun = len(processes)
    done = generate("b")
    assert done.exit_code == 0 and len(done.stderr.splitlines()) == 1 and len(processes) == begun == 2


def test_the_queue(desk, tiny_model, monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    job = desk.add("a house", count=2, model=str(tiny_model), steps=1)
    desk.start(drawer="tests.process.canary_drawer:BrokenBfloat16Drawer")
    assert desk.supervisor.wait_idle(600)
    assert desk.queue.get(job).state == JobState.DONE and len(desk.events_of(Finished, job)) == 1
    notices = [event.message for event in desk.events_of(Notice, job) if "switched off" in event.message]
    assert len(notices) == 1 and "one value" in notices[0]
    pictures = [entry.path for entry in desk.gallery.search(limit=10)]
    assert len(pictures) == 2 and {engine_of(picture) for picture in pictures} == {"cpu float32"}
