"""The benchmarks' figures are of one process on a quiet machine."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from tests.benchmarks.support import processes
from tests.benchmarks.support.processes import SETTING, check_quiet, peak_bytes

LARGE = 300 << 20
CHILD = "from tests.benchmarks.support.processes import peak_bytes; print(peak_bytes())"


def test_a_childs_peak_does_not_start_from_its_parents():
    """As ru_maxrss does where the parent holds a model that it made."""
    held = bytearray(LARGE)
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < len(held) < peak_bytes()


@pytest.fixture
def busy(monkeypatch):
    """Other programs take 90% for good."""
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(processes, "_PATIENCE", 0.0)
    monkeypatch.setattr(processes, "others_fraction", lambda seconds: 0.9)
    monkeypatch.setattr(sys, "argv", ["speed"])


def test_nothing_is_timed_on_a_busy_machine(busy):
    with pytest.raises(SystemExit, match="Other programs take 90%"):
        check_quiet(argparse.ArgumentParser())


@pytest.mark.parametrize("argument", ["--anyway", "--child"])
def test_unless_one_says_so_or_the_parent_has_looked(busy, monkeypatch, argument, capsys):
    monkeypatch.setattr(sys, "argv", ["speed", argument])
    check_quiet(argparse.ArgumentParser())
    assert ("mean little" in capsys.readouterr().err) == (argument == "--anyway")


def test_a_quiet_machine_is_looked_at_once(busy, monkeypatch):
    monkeypatch.setattr(processes, "others_fraction", lambda seconds: 0.01)
    monkeypatch.setenv(SETTING, "")  # so that it is put back
    check_quiet()
    monkeypatch.setattr(processes, "others_fraction", lambda seconds: pytest.fail("looked again"))
    check_quiet()
