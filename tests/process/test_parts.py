"""What the engine process is made of: messages, exits in words, the shelf of models, staying awake."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from sdedge.events import Failed
from sdedge.process import awake as awake_module
from sdedge.process.attempt import FOR_CANCEL, Attempt, Limits, outcome
from sdedge.process.awake import StayAwake, awake
from sdedge.process.framing import LIMIT, BadFrame, Channel
from sdedge.process.model_cache import ModelCache
from sdedge.process.spawn import describe_exit
from sdedge.process.watchdog import Watchdog
from tests.process.desk import posix


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


@pytest.mark.parametrize(
    ("wish", "kind", "state"),
    [
        ("picture", "hung", "cancelled"), ("now", "crash", "cancelled"), ("kill", "crash", "cancelled"),
        ("now", "output", "cancelled"), ("pause", "hung", "paused"), ("pause", "model", "failed"), ("", "hung", "waiting"),
    ],
)  # fmt: skip
def test_a_cancel_or_pause_holds_however_the_attempt_ends(desk, wish, kind, state):
    desk.add()
    attempt = Attempt(desk.queue.claim(), wish_sent=wish)
    end = outcome(Failed(kind, "It did not answer."), attempt, closing=False, goes_on=kind in ("crash", "hung"))
    assert (end.state, end.pause) == (state, None)


def test_while_we_were_stopped_or_the_computer_slept_no_engine_was_silent_or_idle(desk):
    desk.add()
    limits = Limits()
    now = time.monotonic()
    watchdog, worker = Watchdog(limits), SimpleNamespace(heard=now, ready=True)
    attempt = Attempt(desk.queue.claim(), progressed=now - 1, deadline=now + 10)
    assert watchdog.reason_to_end(worker, attempt, now + 0.1) == ""
    woken = now + 0.1 + 2 * limits.stall  # Ctrl-Z, and later fg
    assert watchdog.reason_to_end(worker, attempt, woken) == ""
    worker.heard = woken + 9
    assert watchdog.reason_to_end(worker, attempt, woken + 4) == "" and attempt.deadline > woken + 9
    worker.heard = woken + 11
    assert watchdog.reason_to_end(worker, attempt, woken + 8) == ""
    assert watchdog.reason_to_end(worker, attempt, woken + 11) == FOR_CANCEL, "the seconds that we saw count"


class FakeEngine:
    def __init__(self, name):
        self.name, self.description, self.released = name, "cpu float32", []

    def release(self, stage):
        self.released.append(stage)


def test_models_are_kept_while_memory_lasts_and_let_go_in_the_order_of_their_use(tmp_path):
    for name in "abcd":
        (tmp_path / name).write_bytes(b"x" * 100)
    free, loads = [1000], []

    def load(model, vae):
        loads.append(model)
        return FakeEngine(model)

    cache = ModelCache(load, lambda model: tmp_path / model, keep=3, memory=lambda: (free[0], 1000))
    a, b, _ = cache("a", None), cache("b", None), cache("c", None)
    assert cache("a", None) is a and loads == ["a", "b", "c"]
    cache("d", None)  # a fourth: b was used longest ago
    assert b.released == ["text_encoder", "unet", "vae"] and not a.released and len(cache) == 3
    free[0] = 400  # 100 bytes on disk need 250, and 200 stay free
    cache("b", None)
    assert len(cache) == 1 and a.released
    os.utime(tmp_path / "b", ns=(1, 1))
    cache("b", None)
    assert loads == ["a", "b", "c", "d", "b", "b"] and len(cache) == 1


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
@pytest.mark.parametrize("accepted", [1, 0])
def test_windows_is_told_when_it_may_sleep_again(monkeypatch, accepted):
    states = []
    windows = SimpleNamespace(
        kernel32=SimpleNamespace(SetThreadExecutionState=lambda flags: states.append(flags) or accepted)
    )
    monkeypatch.setattr("ctypes.windll", windows, raising=False)
    monkeypatch.setattr(awake_module.sys, "platform", "win32")
    with pytest.raises(KeyboardInterrupt), awake("drawing") as way:
        assert way == ("SetThreadExecutionState" if accepted else "") and states == [
            0x80000001
        ]  # continuous, system required
        raise KeyboardInterrupt
    assert states == [0x80000001, 0x80000000]


def test_without_a_way_to_stay_awake_the_log_says_why(tmp_path, monkeypatch, caplog):
    refusing = tmp_path / "systemd-inhibit"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(awake_module.sys, "platform", "linux")
    with caplog.at_level(logging.INFO), awake() as way:
        assert way == ""
    assert "gnome-session-inhibit is not installed" in caplog.text and "systemd-inhibit ended with code" in caplog.text


def test_one_picture_after_another_keeps_the_computer_awake_once(monkeypatch):
    """Nobody waits for the system's command, and it ends when nothing was held for a while, or at once with the program."""
    happened, started = [], threading.Event()

    @contextmanager
    def slow(why="drawing"):
        started.wait(10)
        happened.append("awake")
        yield "a way"
        happened.append("asleep")

    monkeypatch.setattr(awake_module, "awake", slow)
    patient, hasty = StayAwake(linger=600), StayAwake(linger=0)
    for _ in range(3):
        patient.hold()
        patient.release()
    assert not happened
    started.set()
    time.sleep(0.05)
    assert "asleep" not in happened
    patient.close()
    patient.close()
    assert happened == ["awake", "asleep"]
    hasty.hold()
    hasty.release()
    while happened != ["awake", "asleep"] * 2:
        time.sleep(0.001)
    hasty.hold()
    hasty.close()
    assert happened == ["awake", "asleep"] * 3


def test_a_failure_of_the_database_pauses_the_queue_however_it_is_worded():
    import sqlite3

    from sdedge.library.connection import described
    from sdedge.process.attempt import PAUSING
    from sdedge.process.worker import describe_failure

    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    for error in (full, described(full, "x")):
        assert describe_failure(error).kind == "database" and "database" in PAUSING
    assert "free some space" in describe_failure(described(full, "x")).message
