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
PYTHONS = ("3.11", "3.12", "3.13")
ASK = """
import functools, json, sys
from pip._internal.cli.cmdoptions import make_target_python
from pip._internal.commands.index import IndexCommand
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._vendor.packaging.specifiers import SpecifierSet

platform, pythons, pins = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
evaluate_links, found = PackageFinder.evaluate_links, {pin: {} for pin in pins}
PackageFinder.evaluate_links = lambda finder, evaluator, links: evaluate_links(
    finder, evaluator, [link for link in links if f"-{version}" in link.filename]
)
LinkCollector.fetch_response = functools.cache(LinkCollector.fetch_response)
command, session, collector = IndexCommand("index", ""), None, None
with command.main_context():
    for python in pythons:
        asked = ["--only-binary=:all:", "--platform", platform, "--python-version", python, "--retries=1", "--timeout=20"]
        options, _ = command.parse_args(["versions", *asked, "x"])
        session = session or command._build_session(options)
        finder = command._build_package_finder(options, session, make_target_python(options))
        collector = finder._link_collector = collector or finder._link_collector
        for pin in pins:
            name, _, version = pin.partition("==")
            best = finder.find_best_candidate(name, SpecifierSet(f"=={version}")).best_candidate
            found[pin][python] = best.link.filename if best else ""
print(json.dumps(found))
"""
"""Run where pip is: looks the wheels up by pip's own rules, and downloads none. Each package's page is fetched once for all
Pythons, and of its hundreds of files only those of the pinned version are judged."""


def _look_up(pins: list[str]) -> dict[str, dict[str, str]]:
    """The wheel's name for each pin and Python; empty where there is none."""
    # Without the search path by which the app's tests watch for connections.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ASK, PLATFORM, " ".join(PYTHONS), *pins]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=own)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_pin_has_a_wheel_for_a_mac_and_each_python():
    pins = (ROOT / "constraints.txt").read_text().split()
    if not any(any(wheels.values()) for wheels in _look_up(["pip==25.0", "pip==24.0"]).values()):
        pytest.skip("no package index answers")
    wheels = _look_up(pins)
    assert len(wheels) > 80
    missing = [(pin, python) for pin in pins for python in PYTHONS if not wheels[pin][python].endswith(".whl")]
    assert not missing
    assert any(pin.startswith("torch==") and "macosx" in wheels[pin]["3.12"] for pin in pins)
