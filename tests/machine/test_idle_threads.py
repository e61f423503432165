"""Threads that wait give their processor away soon, unless the user said otherwise; torch is not loaded before it is asked to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sdedge.machine import idle_threads

VARIABLES = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"


@pytest.mark.parametrize(
    ("platform", "chosen", "spins"),
    [
        ("linux", {}, str(idle_threads.SPINS)),
        ("linux", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("linux", {"OMP_WAIT_POLICY": "active"}, None),
        ("darwin", {}, None),
    ],
)
def test_what_the_user_chose_is_left_alone(monkeypatch, platform, chosen, spins):
    monkeypatch.setattr(sys, "platform", platform)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOMP_SPINCOUNT", chosen.get("GOMP_SPINCOUNT", ""))  # which monkeypatch takes away again
    if "GOMP_SPINCOUNT" not in chosen:
        del os.environ["GOMP_SPINCOUNT"]
    idle_threads.let_idle_threads_sleep()
    assert os.environ.get("GOMP_SPINCOUNT") == spins


@pytest.mark.skipif(sys.platform != "linux", reason="torch computes by another OpenMP there")
def test_the_command_says_so_before_torch_is_there():
    code = (
        "import os, sys; import sdedge.commands.root as root\n"
        "class Command:\n"
        "    def main(self, **_): print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)\n"
        "root.cli = Command(); from sdedge.cli import run_command; run_command()"
    )
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert done.stdout.split() == [str(idle_threads.SPINS), "False"]
