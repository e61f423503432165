"""Trials in processes of their own: however one ends, that is a result, and what it told before stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sdedge.process.trials import Outcome, Trial, run

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="signals")
by_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells by /proc which processes are left")


@pytest.fixture(autouse=True)
def _tests_importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def _trial(name: str, **arguments: object) -> Trial:
    return Trial.of("tests", name, f"tests.process.trial_functions:{name}", **arguments)


def test_a_trial_tells_what_it_finds():
    result = run(_trial("finds", values={"a": 1.23456789, "b": [None, "é"]}))
    assert result["outcome"] == Outcome.DONE
    assert result["a"] == 1.23457 and result["b"] == [None, "é"] and result["infinite"] == "inf"
    assert result["seconds"] > 0 and "phase" not in result and "stderr" not in result


@posix
@pytest.mark.parametrize("name, outcome, facts", [
    ("aborts", Outcome.SIGNAL, {"signal": "SIGABRT", "loaded": 1.5, "phase": "run"}),
    ("raises", Outcome.FAILED, {"said": "RuntimeError: no such unit", "loaded": 1.5, "phase": "run"}),
    ("refuses", Outcome.FAILED, {"said": "The package is damaged; convert it again."}),
    ("is_absent", Outcome.ABSENT, {"said": "There is no such device here."}),
    ("leaves", Outcome.FAILED, {"status": 7}),
])  # fmt: skip
def test_every_end_is_a_result_that_keeps_what_was_told(name, outcome, facts):
    result = run(_trial(name))
    assert result["outcome"] == outcome
    assert facts.items() <= result.items()
    if name in ("aborts", "raises"):
        assert "trial_functions.py" in result["stderr"]  # where it was


@by_proc
@pytest.mark.slow
def test_what_hangs_is_ended_with_what_it_started(tmp_path):
    result = run(replace(_trial("hangs", pids=str(tmp_path / "pids")), patience=5))
    assert result["outcome"] == Outcome.HANG and result["phase"] == "run"
    assert "in hangs" in result["stderr"]
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        _wait_until(lambda pid=pid: _gone(pid))


@by_proc
@pytest.mark.slow
def test_an_interrupted_parent_leaves_no_process_behind(tmp_path):
    code = (
        "from sdedge.process.trials import Trial, run\n"
        f"run(Trial.of('t', 't', 'tests.process.trial_functions:hangs', pids={str(tmp_path / 'pids')!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    _wait_until(lambda: (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 2)
    parent.send_signal(signal.SIGINT)
    parent.wait(30)
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        _wait_until(lambda pid=pid: _gone(pid))


def _wait_until(condition, patience=60.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"  # ended, and not waited for yet by whoever inherited it
