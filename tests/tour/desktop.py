"""The desk on which the app is opened: an X server, a window manager, and another program beside the app."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NEEDED = ("Xvfb", "openbox", "xdotool", "xprop")
PATIENCE = 120.0  # seconds: a busy machine may take them to start a program
NEIGHBOUR = (220, 200)
"""Width and height of the other program's window, in pixels."""
ROOM = (NEIGHBOUR[0] + 40, 60)
"""Pixels beside and beneath the app's window: for the other program, and for the frame."""


def missing() -> str:
    """Why the tour cannot be taken here; empty where it can."""
    gone = [name for name in NEEDED if shutil.which(name) is None]
    return f"{', '.join(gone)} of {', '.join(NEEDED)} is not installed." if gone else ""


class Neighbour:
    """A window at the right edge of the screen that never takes the focus: see tests/tour/neighbour.py."""

    def __init__(self, display: Display) -> None:
        x, y = display.size[0] - NEIGHBOUR[0], 10
        self.middle = x + NEIGHBOUR[0] // 2, y + NEIGHBOUR[1] // 2
        place = json.dumps([x, y, *NEIGHBOUR])
        own = {"DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(ROOT), "QT_SCALE_FACTOR": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.tour.neighbour", place], cwd=ROOT, env={**os.environ, **own},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def copy(self, text: str = "", picture: Path | None = None) -> None:
        """Copy a text or a picture there."""
        self._ask("copy", text=text, picture=str(picture or ""))

    def offer(self, *files: Path) -> None:
        """Give these files to whoever drags them from the window."""
        self._ask("offer", files=[str(file) for file in files])

    def taken(self) -> list[str]:
        """The files that were dropped on the window since this was asked last."""
        return list(self._ask("taken"))

    def clipboard(self) -> dict[str, Any]:
        """What is in the clipboard: its text, its files, and the size of its picture."""
        return dict(self._ask("clipboard"))

    def dropping(self) -> bool:
        """Whether what is dragged from it would be taken where the mouse is."""
        return bool(self._ask("dropping"))

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def _ask(self, what: str, **more: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Display:
    """An X server; `name` is such as ":7", `size` in pixels."""

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self.name, self.size = name, size

    @cached_property
    def neighbour(self) -> Neighbour:
        return Neighbour(self)

    def do(self, *arguments: str) -> None:
        """Move the mouse, press its buttons, or keys: see xdotool."""
        subprocess.run(["xdotool", *arguments], env={**os.environ, "DISPLAY": self.name}, check=True)

    def wait_for_manager(self) -> None:
        """Until there is a window manager: a window that is shown before never gets the focus."""
        asked = ["xprop", "-display", self.name, "-root", "_NET_SUPPORTING_WM_CHECK"]
        end = time.monotonic() + PATIENCE
        while "window id" not in subprocess.run(asked, capture_output=True, text=True).stdout:
            if time.monotonic() > end:
                raise AssertionError("The window manager did not start.")
            time.sleep(0.05)

    def close(self) -> None:
        if "neighbour" in vars(self):
            self.neighbour.end()


def screen_for(size: Sequence[int], scale: float = 1) -> tuple[int, int]:
    """Pixels of a screen on which a window of this size, and what stands beside it, has room."""
    return round(size[0] * scale) + ROOM[0], round(size[1] * scale) + ROOM[1]


@contextmanager
def display(size: tuple[int, int] = (1600, 1200)) -> Iterator[Display]:
    """An X server with a window manager."""
    read, write = os.pipe()
    screen = ["-screen", "0", f"{size[0]}x{size[1]}x24"]
    # No reset when the last program leaves, and no key that repeats when whoever presses it is interrupted.
    command = ["Xvfb", "-displayfd", str(write), *screen, "-nolisten", "tcp", "-noreset", "-r"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as answer:
        own = Display(f":{answer.readline().strip()}", size)
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": own.name}, **quiet)
    try:
        own.wait_for_manager()
        yield own
    finally:
        own.close()
        for process in (manager, server):
            process.terminate()
            process.wait(10)
