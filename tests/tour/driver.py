"""The display, and a person at it: an app in a process of its own, the mouse, the keyboard and what is seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NEEDED = ("Xvfb", "openbox", "xdotool")
SCREEN = (1600, 1200)
PATIENCE = 20.0  # seconds
REST = 0.15  # seconds after the mouse or a key, for what is painted


def missing() -> str:
    """Why the tour cannot be taken here; empty where it can."""
    gone = [name for name in NEEDED if shutil.which(name) is None]
    return f"{', '.join(gone)} of {', '.join(NEEDED)} is not installed." if gone else ""


@contextmanager
def display() -> Iterator[str]:
    """An X server with a window manager; the display's name, such as ":7"."""
    read, write = os.pipe()
    width, height = SCREEN
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        name = f":{told.readline().strip()}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": name}, **quiet)
    try:
        yield name
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait(10)


class Tour:
    """An app on a display. Widgets are named by their object's name, by an action's ("action:trash": the button that is in
    sight), or by attributes of a view ("create.form.button")."""

    def __init__(
        self, display: str, folder: Path, out: Path, theme: str = "light", size: tuple[int, int] = (1280, 800),
        scale: str = "1",
    ) -> None:  # fmt: skip
        self.display, self.folder, self.out, self.size = display, folder, out, size
        self.label = f"{theme}-{size[0]}x{size[1]}-{scale}"
        self.scale = float(scale)
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        out.mkdir(parents=True, exist_ok=True)
        pictures = folder / "pictures"
        (folder / "settings.ini").write_text(f"[look]\ntheme={theme}\n[pictures]\nfolder={pictures.as_posix()}\n")

    # The app's life

    def start(self) -> None:
        """Open the window and wait until its queue runs."""
        own = {
            "DISPLAY": self.display, "SDEDGE_HOME": str(self.folder), "HOME": str(self.folder), "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": f"{self.scale:g}", "PYTHONPATH": str(ROOT), "TOUR_SIZE": json.dumps(self.size),
        }  # fmt: skip
        self._errors = open(self.folder / "stderr.txt", "a")  # noqa: SIM115 closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.tour.app import run_app; run_app()"], cwd=ROOT, env={**os.environ, **own},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        self.wait("ready and window.isVisible() and app.activeWindow() is not None")
        time.sleep(REST)

    def kill(self) -> None:
        """End the app as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def close(self) -> int:
        """Close the window as its button does; the exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.ask("window.close() and None")
        return self._end()

    def _end(self) -> int:
        assert self._process is not None
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._errors.close()
            self._process = None

    # Asking

    def ask(self, expression: str) -> Any:
        """A Python expression, worked out in the app on its main thread; JSON comes back. `window`, `studio`, `board`, `form`,
        `app`, `view(NAME)` and `widget(NAME)` are known."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(expression) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"The app has ended: {(self.folder / 'stderr.txt').read_text()[-2000:]}")
        fault, value = json.loads(line)
        if fault:
            raise AssertionError(f"{expression}: {fault}")
        return value

    def wait(self, expression: str, seconds: float = PATIENCE) -> Any:
        """Until the expression is true, or has a value; the value."""
        end = time.monotonic() + seconds
        while not (value := self.ask(expression)):
            if time.monotonic() > end:
                self.shoot("waited-in-vain")
                raise AssertionError(f"It never came to {expression}.")
            time.sleep(0.03)
        return value

    def place(self, name: str, at: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int]:
        """Where on the screen a widget is, in pixels; `at` is a place inside it, 0 to 1, from the top left."""
        x, y, width, height = self.wait(f"place({name!r})")
        return round((x + at[0] * width) * self.scale), round((y + at[1] * height) * self.scale)

    # Doing

    def click(self, name: str, at: tuple[float, float] = (0.5, 0.5), button: int = 1, times: int = 1) -> None:
        """Move the mouse there and press it."""
        self.move(name, at)
        self._do("click", "--repeat", str(times), "--delay", "60", str(button))

    def move(self, name: str, at: tuple[float, float] = (0.5, 0.5)) -> None:
        x, y = self.place(name, at)
        self._do("mousemove", str(x - 2), str(y), "mousemove", str(x), str(y))

    def drag(self, name: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press, move in steps, and let go."""
        a, b = self.place(name, start), self.place(name, end)
        way = [(round(a[0] + (b[0] - a[0]) * i / 8), round(a[1] + (b[1] - a[1]) * i / 8)) for i in range(9)]
        self._do("mousemove", *map(str, way[0]), "mousedown", "1")
        for x, y in way[1:]:
            self._do("mousemove", str(x), str(y))
        self._do("mouseup", "1")

    def key(self, *keys: str) -> None:
        """Keys by their names at X, such as "ctrl+Return"."""
        self._do("key", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        self._do("type", "--delay", "12", text)

    def _do(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env={**os.environ, "DISPLAY": self.display}, check=True)
        time.sleep(REST)

    # Looking

    def shoot(self, name: str) -> Any:
        """What is on the screen, as a PIL picture of the window; kept in the folder of pictures."""
        from PIL import ImageGrab

        x, y, width, height = self.ask("place('')")
        box = [round(side * self.scale) for side in (x, y, x + width, y + height)]
        image = ImageGrab.grab(xdisplay=self.display).crop(box).convert("RGB")
        image.save(self.out / f"{name}-{self.label}.png")
        return image

    def look(self, name: str) -> Any:
        """What is on the screen where a widget is, as an array (height, width, 3) of bytes."""
        import numpy as np
        from PIL import ImageGrab

        x, y, width, height = self.wait(f"place({name!r})")
        box = [round(side * self.scale) for side in (x, y, x + width, y + height)]
        return np.asarray(ImageGrab.grab(xdisplay=self.display).crop(box).convert("RGB"))

    # What every step needs

    def draw(self, prompt: str, **fields: Any) -> None:
        """Draw with these settings and wait for the end."""
        self.ask("studio.show_view('create')")
        self.ask(f"form.put(**{ ({'model': 'fake', 'prompt': prompt} | fields)!r})")
        self.key("ctrl+Return")
        self.wait("board.jobs and not any(job.state in ('running', 'waiting') for job in board.jobs)")
        self.wait("view('create').strip.text.startswith('Done')")


def take(
    step: Callable[[Tour], None], display: str, out: Path, theme: str = "light", size: tuple[int, int] = (1280, 800),
    scale: str = "1",
) -> None:  # fmt: skip
    """One step with an app and a data folder of its own."""
    with tempfile.TemporaryDirectory(prefix="sdedge-tour-") as folder:
        tour = Tour(display, Path(folder) / "data", out, theme, size, scale)
        tour.start()
        try:
            step(tour)
            assert tour.close() == 0
            assert "Traceback" not in (words := (tour.folder / "stderr.txt").read_text()), words
        finally:
            if tour._process is not None:
                tour.kill()
