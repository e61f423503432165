"""Every pin of constraints.txt can be installed on a Mac: asks the package index that pip is configured for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLATFORM = "macosx_14_0_arm64"
ASK = """
import json, sys
from pip._internal.commands.index import IndexCommand
from pip._internal.cli.cmdoptions import make_target_python
from pip._vendor.packaging.specifiers import SpecifierSet

platform, python, pins = sys.argv[1], sys.argv[2], sys.argv[3:]
command = IndexCommand("index", "")
options, _ = command.parse_args(
    ["versions", "--only-binary=:all:", "--platform", platform, "--python-version", python, "--retries=1", "--timeout=20", "x"]
)
with command.main_context():
    finder = command._build_package_finder(options, command._build_session(options), make_target_python(options))
    found = {}
    for pin in pins:
        name, _, version = pin.partition("==")
        best = finder.find_best_candidate(name, SpecifierSet(f"=={version}")).best_candidate
        found[pin] = best.link.filename if best else ""
print(json.dumps(found))
"""
"""Run where pip is: looks the wheels up by pip's own rules, and downloads none."""


def _look_up(python: str, pins: list[str]) -> dict[str, str]:
    # Without the search path by which the app's tests watch for connections.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ASK, PLATFORM, python, *pins]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=own)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_pin_has_a_wheel_for_a_mac_and_each_python():
    pins = (ROOT / "constraints.txt").read_text().split()
    if not any(_look_up("3.12", ["pip==25.0", "pip==24.0"]).values()):
        pytest.skip("no package index answers")
    wheels = _look_up("3.12", pins)
    assert len(wheels) > 80 and not [pin for pin, wheel in wheels.items() if not wheel.endswith(".whl")]
    compiled = [pin for pin, wheel in wheels.items() if not wheel.endswith("py3-none-any.whl")]
    assert any(pin.startswith("torch==") for pin in compiled)
    for python in ("3.11", "3.13"):
        assert not [pin for pin, wheel in _look_up(python, compiled).items() if not wheel.endswith(".whl")], python
