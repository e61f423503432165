"""A process of its own that nobody waits for when it is not wanted any more, but at the program's end."""

from __future__ import annotations

import sys
import time

import pytest

from gui.commands import command as command_module
from gui.commands.command import Command, end_left

SLOW = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print('{"late": 1}', flush=True), time.sleep(1), sys.exit()))
print('{}', flush=True)
time.sleep(60)
"""


@pytest.fixture
def slow(qtbot, monkeypatch):
    """A command that takes a second to clean up, and what was heard of it."""
    monkeypatch.setattr(command_module, "python_command", lambda *_: [sys.executable, "-c", SLOW])
    command, heard = Command(()), []
    command.said.connect(heard.append)
    command.ended.connect(heard.append)
    command.start()
    qtbot.waitUntil(lambda: heard == [{}])
    return command, heard


def test_a_command_that_is_left_ends_by_itself_and_says_nothing_more(slow, qtbot):
    command, heard = slow
    over, began = [], time.monotonic()
    command.leave(lambda: over.append(1))
    assert time.monotonic() - began < 0.5 and not over
    qtbot.waitUntil(lambda: over == [1])
    assert heard == [{}] and not command_module._LEFT


def test_the_end_of_the_program_waits_for_what_was_left(slow):
    command, heard = slow
    command.leave()
    end_left()
    assert heard == [{}] and not command_module._LEFT
