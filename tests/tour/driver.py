"""A person at the app: an app in a process of its own, the mouse, the keyboard and what is seen."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tests.tour.desktop import PATIENCE, ROOT, Display, Neighbour

REST = 0.05  # seconds after the mouse or a key, until they came to the app
PAINTED = 0.12  # seconds for what is about to be painted
STILL = 0.06  # seconds between two looks that show the same when all has found its place
MOVING = 3.0  # seconds after which what is looked at may move for good, such as a clock
LAID_OUT = 10.0  # seconds for what is about to find its place
TWO_CLICKS = 0.6  # seconds between two clicks at one place that are not a double click


class Tour:
    """An app on a display. Widgets are named by their object's name, by an action's ("action:trash": the button that is in
    sight), by what is on them ("button:Undo") or read aloud of them ("named:Picture"), by attributes of a view
    ("create.form.button"), entries of an open menu as "menu:Vary", rows of a list as "create.side.recent.list[0]"."""

    def __init__(
        self, display: Display, folder: Path, out: Path, theme: str = "light",
        size: tuple[int, int] | None = (1280, 800), scale: str = "1",
    ) -> None:  # fmt: skip
        """`size` None is whatever the app makes of its screen."""
        self.display, self.folder, self.out, self.size = display, folder, out, size
        self.theme = theme
        self.faults: list[str] = []
        """What was cut off in the screenshots."""
        self.variables: dict[str, str] = {}
        """What the app's environment has more than ours."""
        self.leaving = ExitStack()
        """What a step's preparation started, and ends with the step."""
        self.label = f"{theme}-{'x'.join(map(str, size)) if size else 'small'}-{scale}"
        self.scale = float(scale)
        self._process: subprocess.Popen[str] | None = None
        self._clicked = 0.0, (-1, -1)
        folder.mkdir(parents=True, exist_ok=True)
        out.mkdir(parents=True, exist_ok=True)
        self.pictures = folder / "pictures"
        (folder / "settings.ini").write_text(f"[look]\ntheme={theme}\n[pictures]\nfolder={self.pictures.as_posix()}\n")

    # The app's life

    def start(self, *files: Path) -> None:
        """Open the window and wait until its queue runs."""
        self._errors = open(self.folder / "stderr.txt", "a")  # noqa: SIM115 closed with the process
        self._process = self._launch(files, subprocess.PIPE, self._errors)
        self.wait("ready and window.isVisible() and app.activeWindow() is not None")

    def start_another(self, *files: Path) -> tuple[int, str]:
        """Start the app once more beside the one that is open; its status and what it complained of, when it has ended."""
        process = self._launch(files, subprocess.DEVNULL, subprocess.PIPE)
        _, complaints = process.communicate(timeout=PATIENCE)
        return process.returncode, complaints

    def _launch(self, files: Sequence[Path], pipe: int, errors: Any) -> subprocess.Popen[str]:
        own = {
            "DISPLAY": self.display.name, "SDEDGE_HOME": str(self.folder), "HOME": str(self.folder),
            "QT_QPA_PLATFORM": "xcb", "QT_SCALE_FACTOR": f"{self.scale:g}", "PYTHONPATH": str(ROOT),
            "TOUR_SIZE": json.dumps(self.size),
        }  # fmt: skip
        command = "import sys; from tests.tour.app import run_app; run_app(*sys.argv[1:])"
        return subprocess.Popen(
            [sys.executable, "-c", command, *map(str, files)], cwd=ROOT, env={**os.environ, **own, **self.variables}, stdin=pipe,
            stdout=pipe, stderr=errors, text=True,
        )  # fmt: skip

    def end(self, signal: int = 9) -> None:
        """End the app as a power cut does, or by another signal."""
        assert self._process is not None
        self._process.send_signal(signal)
        self._finish()

    @property
    def is_open(self) -> bool:
        return self._process is not None

    def close(self) -> int:
        """Close the window as its button does; the exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.ask("window.close() and None")
        return self._finish()

    def complaints(self) -> str:
        """What it wrote to its standard error."""
        return (self.folder / "stderr.txt").read_text()

    def last_words(self) -> str:
        """How it ended, if it has, and the ends of what it wrote to its standard error and of its logs."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        logs = [*sorted(self.folder.glob("crash-*.log")), self.folder / "app.log"]
        texts = [self.complaints(), *(log.read_text() for log in logs if log.exists())]
        return "\n".join([f"exit status {self._process.returncode}", *(text[-2000:] for text in texts)])

    def _finish(self) -> int:
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
        `app`, `view(NAME)`, `widget(NAME)` and `seen(CLASS)` are known."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(expression) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise AssertionError(f"The app has ended, asked for {expression}: {self.last_words()}") from None
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            raise AssertionError(f"The app does not answer any more, asked for {expression}: {self.last_words()}")
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"The app has ended, asked for {expression}: {self.last_words()}")
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
                raise AssertionError(f"It never came to {expression}: {self.state()}.")
            time.sleep(0.03)
        return value

    def state(self) -> str:
        """What strip, banner and queue say."""
        jobs = "[[job.id, str(job.state)] for job in board.jobs]"
        return repr(self.ask(f"[view('create').strip.text, window.banner.text, board.paused, {jobs}]"))

    def stays(self, expression: str, seconds: float = 0.3) -> bool:
        """Whether the expression is true for a while."""
        end = time.monotonic() + seconds
        while self.ask(expression):
            if time.monotonic() > end:
                return True
            time.sleep(0.03)
        return False

    def place(self, name: str, at: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int]:
        """Where on the screen a widget is, in pixels, once it moves no more, takes the mouse and is covered by no other; `at`
        is a place inside it, 0 to 1, from the top left."""
        end, before = time.monotonic() + PATIENCE, None
        while True:
            hindrance, point = self.ask(f"press({name!r}, {at!r})")
            if not hindrance and point == before:
                return round(point[0] * self.scale), round(point[1] * self.scale)
            if time.monotonic() > end:
                self.shoot("pressed-in-vain")
                raise AssertionError(f"{name} cannot be pressed: {hindrance or 'it moves'}.")
            before = point
            time.sleep(STILL)

    # Doing

    @property
    def neighbour(self) -> Neighbour:
        """Another program beside the app."""
        return self.display.neighbour

    def click(self, name: str, at: tuple[float, float] = (0.5, 0.5), button: int = 1, times: int = 1) -> None:
        """Scroll there, move the mouse there and press it."""
        self.wait(f"place({name!r})")
        self.ask(f"reveal({name!r})")
        there = self.move(name, at)
        when, where = self._clicked
        if there == where:
            time.sleep(max(0.0, when + TWO_CLICKS - time.monotonic()))
        self._do("click", "--repeat", str(times), "--delay", "60", str(button))
        self._clicked = time.monotonic(), there

    def move(self, name: str, at: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int]:
        """Move the mouse to a widget, and after it where it moves meanwhile; where it is then, on the screen."""
        there = self.place(name, at)
        for _ in range(5):
            x, y = there
            self._do("mousemove", str(x - 2), str(y), "mousemove", str(x), str(y))
            if (there := self.place(name, at)) == (x, y):
                break
        return there

    def drag(self, name: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press in a widget, move in steps, and let go in it."""
        self.drag_between(self.place(name, start), self.place(name, end))

    def drag_between(
        self, start: tuple[int, int], end: tuple[int, int], steps: int = 8, dropping: Callable[[], Any] | None = None
    ) -> None:
        """Press at a place of the screen, in pixels, move in steps to another, and let go, where `dropping` is asked not before
        what is dragged would be taken."""
        way = [tuple(round(a + (b - a) * i / steps) for a, b in zip(start, end)) for i in range(steps + 1)]
        self._do("mousemove", *map(str, way[0]), "mousedown", "1")
        for x, y in way[1:]:
            self._do("mousemove", str(x), str(y))
        if dropping is not None and not self.come(lambda: self._do(*self._about(end)) or dropping()):
            self._do("mouseup", "1")
            raise AssertionError(f"Nothing takes what is dragged from {start} to {end}.")
        self._do("mousemove", str(end[0] - 1), str(end[1]), "mouseup", "1")

    @staticmethod
    def _about(end: tuple[int, int]) -> list[str]:
        """Moves by a pixel and back: what is dragged may have begun to move after the mouse was there."""
        x, y = map(str, end)
        return ["mousemove", str(end[0] - 1), y, "mousemove", x, y]

    def drag_out(self, name: str, at: tuple[float, float] = (0.5, 0.5)) -> list[str]:
        """Drag from a widget to the other program; the files that came there."""
        self.drag_between(self.place(name, at), self.neighbour.middle, dropping=lambda: self.ask("would_drop()"))
        return self.come(self.neighbour.taken)

    def drag_in(self, name: str, *files: Path) -> None:
        """Drag files from the other program to a widget."""
        self.neighbour.offer(*files)
        self.drag_between(self.neighbour.middle, self.place(name), steps=12, dropping=self.neighbour.dropping)

    def key(self, *keys: str) -> None:
        """Keys by their names at X, such as "ctrl+Return"."""
        self._listen()
        self._do("key", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        self._listen()
        self._do("type", "--delay", "12", text)

    def write(self, name: str, text: str) -> None:
        """Type into a field in place of what is there."""
        self.click(name)
        self.key("ctrl+a")
        self.type(text)

    def _listen(self) -> None:
        """Until the window in front takes the keys: one that was just opened has them in a moment, and a key before is lost."""
        self.wait("takes_keys()")

    def _do(self, *arguments: str) -> None:
        """Once the answer is there, the app has read what X sent it before, and done it."""
        self.display.do(*arguments)
        time.sleep(REST)
        self.ask("app.widgetAt(0, 0) is None")
        self.ask("None")

    @staticmethod
    def come(asked: Callable[[], Any]) -> Any:
        """Until there is an answer that is not empty; the last one after a while."""
        end = time.monotonic() + PATIENCE / 2
        while not (answer := asked()) and time.monotonic() < end:
            time.sleep(0.05)
        return answer

    def answer_dialog(self, path: Path) -> None:
        """Write a path into the dialog for files that is open, and accept it."""
        name = "widget('fileNameEdit')"
        self.wait(f"app.activeModalWidget() and {name} and {name}.hasFocus()")
        self.key("ctrl+a")
        self.type(str(path))
        self.wait(f"{name}.text() == {str(path)!r}")
        self.key("Return")
        self.wait("not app.activeModalWidget()")

    # Looking

    def shoot(self, name: str) -> Any:
        """What is on the screen, as a PIL picture of the window; kept in the folder of pictures."""
        time.sleep(PAINTED)
        self._look_for_faults(name)
        image = self._grab(self.ask("place('')"))
        image.save(self.out / f"{name}-{self.label}.png")
        return image

    def shoot_window(self, name: str) -> None:
        """What is on the screen where the window in front is, such as a dialog."""
        time.sleep(PAINTED)
        self._look_for_faults(name)
        frame = "app.activeWindow().geometry()"
        self._grab(self.ask(f"list({frame}.getRect())")).save(self.out / f"{name}-{self.label}.png")

    def _look_for_faults(self, name: str) -> None:
        """Remember what is cut off, and stays so when all is laid out."""
        end = time.monotonic() + LAID_OUT
        while (faults := self.ask("cut_off()")) and time.monotonic() < end:
            time.sleep(0.1)
        self.faults += [f"{name}: {fault}" for fault in faults]

    def look(self, name: str) -> Any:
        """What is on the screen where a widget is, as an array (height, width, 3) of bytes, once it changes no more."""
        import numpy as np

        end, before = time.monotonic() + MOVING, np.empty(0)
        while True:
            seen = np.asarray(self._grab(self.wait(f"place({name!r})")))
            if np.array_equal(seen, before) or time.monotonic() > end:
                return seen
            before = seen
            time.sleep(STILL)

    def look_for(self, name: str, test: Callable[[Any], bool], otherwise: str) -> Any:
        """Look until the test holds, and fail by saying `otherwise`; what was seen."""
        end = time.monotonic() + PATIENCE / 2
        while not test(seen := self.look(name)):
            if time.monotonic() > end:
                self.shoot("looked-in-vain")
                raise AssertionError(otherwise)
            time.sleep(0.05)
        return seen

    def _grab(self, place: Sequence[int]) -> Any:
        from PIL import ImageGrab

        x, y, width, height = place
        box = [round(side * self.scale) for side in (x, y, x + width, y + height)]
        return ImageGrab.grab(xdisplay=self.display.name).crop(box).convert("RGB")

    # What many steps need

    def line_up(self, prompt: str, **fields: Any) -> None:
        """Fill the form and press Generate."""
        self.ask("studio.show_view('create')")
        jobs = self.ask("[job.id for job in board.jobs]")
        self.ask(f"form.put(**{ ({'prompt': prompt} | fields)!r})")
        self.key("ctrl+Return")
        self.wait(f"any(job.id not in {jobs} for job in board.jobs)")

    def draw(self, prompt: str, **fields: Any) -> None:
        """Draw with these settings and wait for the picture."""
        self.line_up(prompt, **fields)
        self.wait("not any(job.state in ('running', 'waiting') for job in board.jobs)")
        self.wait("view('create').strip.text.startswith('Done') and view('create').panel.canvas.shows_picture")
        self.wait("studio.pictures.seen_in('create').entry")


Step = Callable[[Tour], None]


def prepared(work: Step) -> Callable[[Step], Step]:
    """A step for which something is put into the data folder before the app starts."""

    def mark(step: Step) -> Step:
        step.prepare = work  # type: ignore[attr-defined]
        return step

    return mark


def take(
    step: Step, display: Display, out: Path, theme: str = "light", size: tuple[int, int] = (1280, 800), scale: str = "1"
) -> None:
    """One step with an app and a data folder of its own."""
    with tempfile.TemporaryDirectory(prefix="sdedge-tour-") as folder:
        tour = Tour(display, Path(folder) / "data", out, theme, size, scale)
        getattr(step, "prepare", lambda tour: None)(tour)
        display.do("mousemove", str(display.size[0] - 1), str(display.size[1] - 1))  # where it points at nothing
        tour.start()
        try:
            step(tour)
            assert tour.close() == 0
            assert not tour.faults, "\n".join(dict.fromkeys(tour.faults))
            assert "Traceback" not in tour.complaints(), tour.complaints()
        finally:
            if tour.is_open:
                tour.end()
            tour.leaving.close()
