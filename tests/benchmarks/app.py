"""How soon the app is there, and how long its main thread is away while pictures are drawn and a prompt is typed.

    python -m tests.benchmarks app

Runs without a screen, with the embedded model. `python -m tests.benchmarks gui` measures gallery and import.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.gui import Heartbeat, wait

STARTS = 7
PICTURES = 4
LIMIT = 1.0  # seconds to the first paint
PROMPT = "a red house at night with two trees, mountains behind it, a (large:1.2) moon and many small stars, "
# The command `sdedge gui` itself; it says when its first paint is done, and closes.
START = """
import sys, time
from gui.shell.imports import keep_imports_plain
keep_imports_plain()  # as the command does, before it imports the app
import gui.shell.app as app
from PySide6.QtCore import QEvent, QTimer

class Watched(app.MainWindow):
    told = False

    def event(self, event):
        if event.type() == QEvent.Type.Paint and not self.told:
            self.told = True
            QTimer.singleShot(0, self.tell)
        return super().event(event)

    def tell(self):
        print(time.time(), time.process_time(), "torch" in sys.modules, flush=True)
        self.close()

app.MainWindow = Watched
sys.argv = ["sdedge", "gui"]
from sdedge.cli import main
main()
"""


def starts() -> str:
    """Seconds from the start of the process to the end of the first paint; those of its processor, which other work on
    the machine does not lengthen, beside them. Python keeps what it compiled, as it does for a person."""
    seconds, computed, torch = [], [], set()
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", START], env=env, capture_output=True, check=True)  # which compiles
    for _ in range(STARTS):
        began = time.time()
        done = subprocess.run([sys.executable, "-c", START], env=env, capture_output=True, text=True, check=True)
        at, spent, has_torch = done.stdout.split()
        seconds.append(float(at) - began)
        computed.append(float(spent))
        torch.add(has_torch)
    middle, worst = statistics.median(seconds), max(seconds)
    verdict = "within" if worst < LIMIT else "OVER"
    loaded = "torch is in the process" if "True" in torch else "no torch in the process"
    what = f"start to first paint, {STARTS} times"
    return (
        f"{what:<44} median {middle:.2f} (processor {statistics.median(computed):.2f})  worst {worst:.2f} s"
        f"  {verdict} {LIMIT:.0f} s, {loaded}"
    )


def drawing(folder: Path) -> list[str]:
    """Pictures with a preview of every step, while a long prompt is typed and its tokens are counted."""
    from PySide6.QtCore import QTimer

    from gui.look.theme import Theme
    from gui.shell.app import App
    from gui.shell.bridge import Bridge
    from gui.shell.settings import Settings
    from gui.shell.window import MainWindow

    app = App(["sdedge"])
    settings = Settings()
    settings.folder = str(folder / "pictures")
    bridge = Bridge()
    window = MainWindow(settings, Theme(app, "light"), bridge)
    window.resize(1280, 800)
    heart, lines = Heartbeat(), []
    board, form = window.studio.board, window.studio.form
    view = window.show_view("create")
    with heart:
        window.show()
        bridge.start()
        wait(lambda: bridge.worker_pid is not None)
    lines.append(heart.report("opening the window and starting the engine"))
    typed = 0

    def type_on() -> None:
        nonlocal typed
        view.form.prompt.editor.insertPlainText(PROMPT[typed % len(PROMPT)])
        typed += 1

    keys = QTimer()
    keys.setInterval(80)
    keys.timeout.connect(type_on)
    form.put(width=256, height=256, steps=20, prompt="a red house at night")
    with heart:
        for _ in range(PICTURES):
            view.generate()
        keys.start()
        wait(lambda: len(board.jobs) == PICTURES and all(job.state == "done" for job in board.jobs))
        keys.stop()
    lines.append(heart.report(f"drawing {PICTURES} pictures, typing {typed} characters"))
    window.close()
    bridge.close()
    return lines


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sdedge-app-") as work:
        os.environ["SDEDGE_HOME"] = str(Path(work) / "data")
        print(starts(), flush=True)
        for line in drawing(Path(work)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
