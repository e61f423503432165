"""A tour of the app as a person takes it: a real window on a display of its own, the mouse and the keyboard.

    python -m tests.tour [--out DIR] [--theme light] [--size 1280x800] [--scale 1] [STEP ...]

Each step is one function of STEPS, named after what must hold; it is given a Tour, which has a running app, and fails by an
AssertionError. `tests/gui/test_tour.py` runs all of them (`make proof`). Needs Xvfb, openbox and xdotool.

The app runs in a process of its own over the engine that draws noise (tests/fake_drawer.py), in a data folder of its own;
what it shows and what it thinks are asked over a pipe, what it is told comes from the mouse and the keyboard alone.
"""

from __future__ import annotations

import argparse
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

ROOT = Path(__file__).parents[1]
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
            [sys.executable, "-c", "from tests.tour import run_app; run_app()"], cwd=ROOT, env={**os.environ, **own},
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


# Inside the app


def run_app() -> None:
    """The app as it is started, over the engine that draws noise; a thread reads expressions and writes their values."""
    import threading

    from PySide6.QtCore import QObject, Qt, Signal

    import gui.shell.app as shell
    from gui.shell.bridge import Bridge

    class Fake(Bridge):
        def __init__(self) -> None:
            super().__init__(drawer="tests.fake_drawer:FakeDrawer")
            self.ready.connect(lambda: known.update(ready=True))

    class Asked(QObject):
        came = Signal(str)

    known: dict[str, Any] = {"ready": False}
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(expression: str) -> None:
        fault, value = "", None
        try:
            _learn(known)
            value = eval(expression, known)
            json.dumps(value)
        except TypeError:
            value = bool(value)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        print(json.dumps([fault, value]), file=out, flush=True)

    def read() -> None:
        for line in sys.stdin:
            asked.came.emit(json.loads(line))

    asked = Asked()
    original = shell.MainWindow.show

    def show(window: Any) -> None:
        asked.moveToThread(window.thread())
        asked.came.connect(answer, Qt.ConnectionType.QueuedConnection)
        window.resize(*(round(side) for side in json.loads(os.environ["TOUR_SIZE"])))
        original(window)
        threading.Thread(target=read, daemon=True).start()

    shell.Bridge, shell.MainWindow.show = Fake, show  # type: ignore[misc, method-assign, assignment]
    sys.exit(shell.main())


def _learn(known: dict[str, Any]) -> None:
    """The names that an expression may use."""
    from PySide6.QtWidgets import QApplication, QWidget

    app = QApplication.instance()
    window = next((w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"), None)
    known.update(app=app, window=window)
    if window is None:
        return
    studio = window.studio  # type: ignore[attr-defined]

    def widget(name: str) -> QWidget | None:
        """In sight, or None."""
        if not name:
            return window
        if name.startswith("action:"):
            buttons = [w for w in QApplication.allWidgets() if hasattr(w, "defaultAction") and w.isVisible()]
            return next((b for b in buttons if b.defaultAction() is studio.actions[name[7:]]), None)
        if "." in name:
            first, *rest = name.split(".")
            found = window._views[first] if first in window._views else known[first]  # type: ignore[attr-defined]
            for attribute in rest:
                found = getattr(found, attribute)
            return found
        return next((w for w in QApplication.allWidgets() if w.objectName() == name and w.isVisible()), None)

    def place(name: str) -> list[int] | None:
        """(x, y, width, height) on the screen, in logical pixels."""
        found = widget(name)
        if found is None or not found.isVisible():
            return None
        corner = found.mapToGlobal(found.rect().topLeft())
        return [corner.x(), corner.y(), found.width(), found.height()]

    known.update(
        studio=studio, board=studio.board, form=studio.form, widget=widget, place=place,
        view=lambda name: window._views[name],  # type: ignore[attr-defined]
    )  # fmt: skip


# The steps


def space_compares_and_never_blanks_the_canvas(tour: Tour) -> None:
    """Before/after by Space with the focus on the canvas shows the other picture, not one flat rectangle."""
    for number in (1, 2):
        tour.draw("a house", seed=number)
    tour.click("create.panel.canvas")
    after = tour.look("create.panel.canvas")
    tour.key("space")
    tour.wait("view('create').panel.canvas._comparing")
    before = tour.look("create.panel.canvas")
    tour.shoot("compare")
    assert before.std() > 20, "the canvas is one flat rectangle"
    assert abs(before.astype(int) - after.astype(int)).mean() > 5, "the same picture is shown"
    tour.key("space")
    assert abs(tour.look("create.panel.canvas").astype(int) - after.astype(int)).mean() < 2


def the_picture_acts(tour: Tour) -> None:
    """Toolbar on hover, context menu, trash and Ctrl+Z on the canvas."""
    for number in (1, 2):
        tour.draw("a house", seed=number)
    assert tour.ask("view('create').strip.text").startswith("Done.   Seed 2   ")
    tour.move("create.panel.canvas", (0.5, 0.3))
    tour.wait("widget('picture-toolbar')")
    tour.shoot("toolbar")
    tour.click("action:favourite")
    tour.wait("studio.pictures.subject.entry.favourite")
    tour.click("action:trash")
    tour.wait("studio.pictures.subject.entry.seed == 1")
    tour.key("ctrl+z")
    tour.wait("studio.pictures.subject.entry.seed == 2")
    assert not tour.ask("window.banner.isVisible()"), "Undo is offered for what was undone"
    tour.click("create.panel.canvas", button=3)
    tour.wait("app.activePopupWidget()")
    tour.shoot("menu")
    tour.key("Escape")
    tour.wait("not app.activePopupWidget()")


def the_gallery_shows_a_picture_large(tour: Tour) -> None:
    """A click moves nothing and changes no form; a double click opens; arrows walk; two are compared; Esc goes back."""
    for number in (1, 2, 3):
        tour.draw(f"house {number}", seed=number)
    tour.ask("form.put(prompt='mine')")
    tour.click("action:view-gallery") if tour.ask("bool(widget('action:view-gallery'))") else tour.key("ctrl+2")
    tour.wait("view('gallery').model.rowCount() == 3")
    where = tour.ask("place('gallery.list')")
    cell = tour.ask("view('gallery').list.gridSize().width()")
    at = (cell / 2 / where[2], cell / 2 / where[3])
    tour.click("gallery.list", at)
    tour.wait("view('gallery').current()")
    assert tour.ask("place('gallery.list')") == where, "the grid has moved"
    tour.shoot("gallery")
    tour.click("gallery.list", at, times=2)
    tour.wait("widget('large-view')")
    assert tour.ask("form.prompt") == "mine"
    tour.wait("view('gallery').large.canvas.shows_picture")
    tour.shoot("large")
    tour.key("Right")
    tour.wait("view('gallery').current().seed == 2")
    tour.key("c", "Right")
    tour.wait("view('gallery').large.compares and view('gallery').current().seed == 1")
    tour.wait("view('gallery').large.other.shows_picture and view('gallery').large.canvas.shows_picture")
    tour.shoot("beside")
    left, right = tour.look("gallery.large.other"), tour.look("gallery.large.canvas")
    assert left.std() > 20 and right.std() > 20
    tour.key("Escape")
    tour.wait("not widget('large-view')")
    tour.key("Return")
    tour.wait("widget('large-view')")
    tour.click("large-use-settings")
    tour.wait("form.prompt == 'house 1'")


def the_form_survives_a_kill(tour: Tour) -> None:
    """What was typed is there after a power cut, and a start picture is said aloud and taken out with one click."""
    tour.draw("a house", seed=1)
    tour.click("create.form.prompt.editor")
    tour.key("ctrl+a")
    tour.type("typed by hand")
    tour.key("ctrl+e")
    tour.wait("widget('start-chip')")
    time.sleep(1.0)
    tour.kill()
    tour.start()
    assert tour.ask("form.prompt") == "typed by hand"
    tour.wait("widget('start-chip')")
    assert "starts from" in tour.wait("window.banner.text")
    tour.wait("not widget('start-chip').picture.pixmap().isNull()")
    tour.shoot("start-picture")
    tour.click("start-chip-close")
    tour.wait("form.image is None and not widget('start-chip')")
    tour.key("ctrl+z") if not tour.ask("view('create').form.prompt.editor.hasFocus()") else None


def a_cancelled_first_picture_leaves_the_welcome(tour: Tour) -> None:
    """And the strip says that it cancels."""
    tour.ask("form.put(model='fake', prompt='steps=200 step=0.05')")
    tour.wait("widget('create.panel._welcome').isVisible() if view('create').panel._welcome else False")
    tour.shoot("welcome")
    tour.key("ctrl+Return")
    tour.wait("'step' in view('create').strip.text")
    tour.key("Escape")
    tour.wait("'Cancel' in view('create').strip.text")
    tour.wait("view('create').strip.text.startswith('Cancelled')")
    assert tour.ask("view('create').panel._welcome.isVisible() and not view('create').panel.caption.text()")


STEPS: tuple[Callable[[Tour], None], ...] = (
    space_compares_and_never_blanks_the_canvas, the_picture_acts, the_gallery_shows_a_picture_large,
    the_form_survives_a_kill, a_cancelled_first_picture_leaves_the_welcome,
)  # fmt: skip


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help="names of steps, or parts of them; all of them by default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "sdedge-tour")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--scale", default="1")
    chosen = parser.parse_args()
    if reason := missing():
        sys.exit(f"The tour cannot be taken: {reason}")
    width, _, height = chosen.size.partition("x")
    failed = 0
    with display() as name:
        for step in STEPS:
            if chosen.steps and not any(part in step.__name__ for part in chosen.steps):
                continue
            try:
                take(step, name, chosen.out, chosen.theme, (int(width), int(height)), chosen.scale)
                print(f"ok      {step.__name__}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAILED  {step.__name__}: {error}", flush=True)
    print(f"Screenshots are in {chosen.out}.")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
