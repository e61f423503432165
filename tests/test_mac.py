"""Some of every room's tests pass on a machine that calls itself a Mac; `python -m tests.mac` runs all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "test_files.py", "test_mac_drive.py", "engines/coreml/test_first_load.py", "gui/create/test_zoom.py", "gui/test_mac.py",
    "gui/test_shell.py", "images/test_output.py", "library/test_gallery.py", "machine/test_memory_plan.py",
    "process/test_locks.py", "text/test_wildcards.py",
)  # fmt: skip


@pytest.mark.slow
def test_the_tests_of_every_room_pass_on_a_pretended_mac():
    command = [sys.executable, "-m", "tests.mac", "-n0", "-p", "no:cacheprovider", *(f"tests/{room}" for room in ROOMS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-4000:] + done.stderr[-2000:]
