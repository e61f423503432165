"""The app as a screen reader on Linux hears it: over AT-SPI, with real windows, every view, section and dialog."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tour.desktop import ROOT, display, missing, screen_for
from tests.tour.driver import Tour

READER = ROOT / "tests" / "tour" / "screen_reader.py"
SYSTEM_PYTHON = "/usr/bin/python3"
VIEWS = ("create", "gallery", "models", "convert", "get")
DIALOGS = {"settings": "ctrl+comma", "device and memory": "ctrl+i", "shortcuts": "F1"}
OPEN_ALL = (
    "[fold.open() for fold in window.findChildren(type(view('create').form.image_fold)) if fold.isVisible()] and None"
)


def _lacking() -> str:
    """Why no screen reader can listen here; empty where one can."""
    if reason := missing():
        return reason
    if not shutil.which("dbus-daemon") or not Path("/usr/libexec/at-spi-bus-launcher").exists():
        return "dbus and at-spi2-core are not installed."
    asked = [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('Atspi', '2.0'); from gi.repository import Atspi"]
    try:
        heard = subprocess.run(asked, capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        heard = False
    return "" if heard else "python3-gi and gir1.2-atspi-2.0 are not installed."


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(_lacking()), reason=_lacking() or "it can be heard")]


@contextmanager
def _bus() -> Iterator[str]:
    """The address of a D-Bus session of its own."""
    command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            yield daemon.stdout.readline().strip()
        finally:
            daemon.kill()


class _Reader:
    """A screen reader at one app."""

    def __init__(self, tour: Tour, bus: str) -> None:
        self._tour = tour
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, "-W", "ignore", str(READER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**own, "DISPLAY": tour.display.name, "DBUS_SESSION_BUS_ADDRESS": bus, "HOME": str(tour.folder)},
        )  # fmt: skip

    def read(self) -> tuple[int, list[str]]:
        """How many controls are in sight, and what is wrong with them."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{self._tour.ask('app.applicationPid()')}\n")
        self._process.stdin.flush()
        controls, faults = json.loads(self._process.stdout.readline())
        return controls, faults

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def heard(tmp_path) -> Iterator[tuple[Tour, Any]]:
    """An app with a picture in its gallery, and its reader."""
    size = (1280, 800)
    with display(screen_for(size)) as own, _bus() as bus:
        tour = Tour(own, tmp_path / "data", tmp_path / "out", "light", size, "1")
        tour.variables = {"DBUS_SESSION_BUS_ADDRESS": bus, "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
        tour.start()
        reader = _Reader(tour, bus)
        try:
            assert tour.come(lambda: reader.read()[0] > 0)
            tour.draw("a house", seed=1)
            yield tour, reader
        finally:
            reader.end()
            tour.end()


def test_every_control_in_sight_has_a_name_a_role_and_a_value(heard):
    tour, reader = heard
    counted, faults = {}, []

    def listen(place: str) -> None:
        counted[place], sentences = reader.read()
        faults.extend(f"{place}: {sentence}" for sentence in sentences)

    for view in VIEWS:
        tour.ask(f"studio.show_view({view!r})")
        tour.wait(f"view({view!r}).isVisible()")
        listen(view)
        tour.ask(OPEN_ALL)
        listen(f"{view}, all open")
    for dialog, keys in DIALOGS.items():
        tour.key(keys)
        tour.wait("app.activeWindow() is not window and app.activeWindow()")
        listen(dialog)
        tour.key("Escape")
        tour.wait("app.activeWindow() is window")
    assert not faults, "\n".join(dict.fromkeys(faults))
    assert counted["create"] > 40 and counted["create, all open"] > 2 * counted["create"], counted
    assert min(counted.values()) > 40, counted


def test_a_control_without_a_name_is_told(heard):
    tour, reader = heard
    tour.ask("view('create').form.button.setAccessibleName('') or view('create').form.button.setText('')")
    assert tour.come(lambda: any("no name: push button ''" in fault for fault in reader.read()[1]))
