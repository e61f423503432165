"""`make screenshots`: every panel of the app in light and dark, with pictures that the embedded model draws on the spot.

xvfb-run -a -s "-screen 0 1600x1200x24" python -m tests.screenshots [--out DIR] [--scale 1.5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROMPTS = (
    "a blue house at night with two trees", "a white lighthouse on the sea at sunset", "a red rocket over the desert by day",
    "a purple house on the grass with three trees at sunset", "two pink cats in the lavender by day",
    "a yellow balloon over the sea with mountains at night", "a yellow castle on the snow with mountains while it is snowing",
)  # fmt: skip
SIZE = 1280, 800


def prepare(work: Path) -> None:
    """Draw pictures into the gallery, mark some, and convert the embedded model."""
    _run("queue", "add", PROMPTS[0], "-c", "1", "-o", str(work / "out"))
    for number, prompt in enumerate(PROMPTS):
        _run("queue", "add", prompt, "-c", "3", "--seed", str(40 + number), "-o", str(work / "out"))
    _run("queue", "run")
    for number in (3, 8, 12):
        _run("gallery", "show", str(number), "--favourite", "--tag", "best")
    bundle = work / "data" / "converted" / "pocket gpu 128x128"
    _run("convert", "coreml", "pocket", "-o", str(bundle), "--size", "128", "--attention", "original")
    _run("convert", "verify", str(bundle), "--model", "pocket", "--steps", "5")
    _run("models", "add", str(bundle), "--link", "--license", "Apache-2.0")
    _run("doctor")


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "sdedge", *arguments], check=True, stdout=subprocess.DEVNULL)


def wait(done: Callable[[], bool], seconds: float = 120) -> None:
    """Run the event loop until `done`, and a moment longer for what is painted late."""
    from PySide6.QtTest import QTest

    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("The window did not get there.")
        QTest.qWait(20)
    QTest.qWait(400)


class Photographer:
    """A window in one scheme, and its pictures."""

    def __init__(self, scheme: str, out: Path) -> None:
        from gui.look.theme import Theme
        from gui.shell.bridge import Bridge
        from gui.shell.settings import Settings
        from gui.shell.window import MainWindow

        app = _application()
        self.scheme, self.out = scheme, out
        self.theme = Theme(app, scheme)
        self.bridge = Bridge()
        self.window = MainWindow(Settings(), self.theme, self.bridge)
        self.window.resize(*SIZE)
        self.window.show()
        ready = []
        self.bridge.ready.connect(lambda: ready.append(True))
        self.bridge.start()
        wait(lambda: bool(ready))

    def shoot(self, name: str, widget: object = None) -> None:
        """Save what the window, or another widget, shows; as a PNG of 256 colours, which is a third of the size."""
        from PIL import Image

        path = self.out / f"app-{name}-{self.scheme}.png"
        (widget or self.window).grab().save(str(path))  # type: ignore[attr-defined]
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
        print(path, flush=True)

    def create(self) -> None:
        view, form = self.window.show_view("create"), self.window.studio.form
        form.put(prompt=PROMPTS[3], seed=43, steps=40, count=3)
        wait(lambda: form.card is not None and not view.panel.canvas.is_empty)  # type: ignore[attr-defined]
        self.window.actions_list["generate"].trigger()
        board = self.window.studio.board
        wait(lambda: (job := board.running) is not None and (p := board.progress(job.id)) is not None and p.index > 20)
        self.shoot("create")
        wait(lambda: not any(job.state in ("running", "waiting") for job in board.jobs))

    def gallery(self) -> None:
        view = self.window.show_view("gallery")
        wait(lambda: view.model.rowCount() > 12)  # type: ignore[attr-defined]
        view.choose(7)  # type: ignore[attr-defined]
        wait(lambda: all(
            (entry := view.model.entry(row)) and view.thumbnails.pixmap(entry) for row in range(12)  # type: ignore[attr-defined]
        ))  # fmt: skip
        self.shoot("gallery")

    def others(self) -> None:
        models = self.window.show_view("models")
        wait(lambda: len(models.model.items) > 1)  # type: ignore[attr-defined]
        models.choose(1)  # type: ignore[attr-defined]
        wait(lambda: True)
        self.shoot("models")
        convert = self.window.show_view("convert")
        wait(lambda: bool(convert.results.cards) and "on disk" in convert.estimate.text())  # type: ignore[attr-defined]
        self.shoot("convert")
        for name in ("settings", "device"):
            self.window.actions_list[name].trigger()
            dialog = list(self.window.dialogs.values())[-1]
            wait(lambda name=name, dialog=dialog: name != "device" or "planned" in dialog.planned.text())  # type: ignore[attr-defined]
            self.shoot(name, dialog)
            dialog.close()

    def close(self) -> None:
        self.window.close()
        self.bridge.close()


def _application() -> object:
    from PySide6.QtGui import QFontDatabase
    from PySide6.QtWidgets import QApplication

    from gui.shell.app import App

    app = QApplication.instance() or App(["sdedge"])
    app.setDesktopFileName("sdedge")  # type: ignore[attr-defined]
    if "Inter" in QFontDatabase.families():
        font = app.font()  # type: ignore[attr-defined]
        font.setFamily("Inter")
        app.setFont(font)  # type: ignore[attr-defined]
    return app


def welcome(scheme: str, out: Path, work: Path) -> None:
    """The first start, on an empty data folder."""
    os.environ["SDEDGE_HOME"] = str(work / f"first-{scheme}")
    photographer = Photographer(scheme, out)
    photographer.window.show_view("create")
    wait(lambda: photographer.window.studio.form.card is not None)
    wait(lambda: True)
    photographer.shoot("welcome")
    photographer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--scale", default="1")
    chosen = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = chosen.scale
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sdedge-screenshots-") as folder:
        work = Path(folder)
        os.environ |= {"HOME": str(work), "SDEDGE_HOME": str(work / "data")}  # no one's own folders in the pictures
        prepare(work)
        for scheme in ("light", "dark"):
            os.environ["SDEDGE_HOME"] = str(work / "data")
            photographer = Photographer(scheme, chosen.out)
            photographer.create()
            photographer.gallery()
            photographer.others()
            photographer.close()
            welcome(scheme, chosen.out, work)


if __name__ == "__main__":
    main()
