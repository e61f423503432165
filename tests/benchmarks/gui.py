"""How long the window's main thread is away: a heartbeat timer while the gallery of 10,000 pictures scrolls and searches,
and while a full-size model is imported.

    python -m tests.benchmarks gui

Runs without a screen. Needs 6 GB of disk for a while; the model is made and imported in processes of their own.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

PICTURES = 10_000
BEAT = 2  # milliseconds
SECONDS = 20.0  # of scrolling
LIMIT = 50.0  # milliseconds, for the 99.9th percentile


class Heartbeat:
    """A timer on the main thread; how late each beat comes is how long the thread was away."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT)
        self._timer.timeout.connect(self._beat)

    def __enter__(self) -> Heartbeat:
        self.late.clear()
        self._last = time.perf_counter()
        self._timer.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, (now - self._last) * 1000 - BEAT))
        self._last = now

    def report(self, what: str) -> str:
        """Milliseconds: median, 99.9th percentile, worst."""
        late = sorted(self.late)
        worst = late[min(len(late) - 1, int(0.999 * len(late)))]
        verdict = "within" if worst < LIMIT else "OVER"
        return (
            f"{what:<44} {len(late):6} beats  median {late[len(late) // 2]:5.1f}  99.9% {worst:6.1f}"
            f"  worst {late[-1]:6.1f} ms  {verdict} {LIMIT:.0f} ms"
        )


def wait(done: Callable[[], bool], seconds: float = 600) -> None:
    """Run the event loop until `done`."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop, timer = QEventLoop(), QTimer()
    end = time.monotonic() + seconds

    def look() -> None:
        if done():
            loop.quit()
        elif time.monotonic() > end:
            raise TimeoutError("The window did not get there.")

    timer.timeout.connect(look)
    timer.start(20)
    if not done():
        loop.exec()
    timer.stop()


def fill_gallery(folder: Path) -> None:
    """Ten thousand JPEGs of 512 x 512 with settings inside, of which forty differ to the eye, adopted by a rescan."""
    import numpy as np
    from PIL import Image

    from sdedge.images import metadata
    from sdedge.library.gallery import Gallery
    from sdedge.library.gallery_scan import rescan
    from sdedge.library.store import open_store
    from sdedge.request import Resolved

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    things = ("red house", "blue boat", "yellow balloon", "white house")
    drawn = []
    for number in range(40):
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        pixels = np.asarray(small.resize((512, 512), Image.Resampling.BICUBIC))
        request = Resolved(prompt=f"a {things[number % 4]} at night, {number}", seed=number, model="pocket")
        file = io.BytesIO()
        metadata.write(file, pixels, "jpeg", request, {"model_name": "pocket"})
        drawn.append(file.getvalue())
    for number in range(PICTURES):
        tail = f"{number:08d}".encode()  # after the end of the picture, so that each file has a content of its own
        (folder / f"{number:05d}.jpg").write_bytes(drawn[number % len(drawn)] + tail)
    with open_store() as store:
        rescan(Gallery(store), folder)


def scroll(window: object, heart: Heartbeat) -> list[str]:
    """Wheel through the gallery, jump about in it, and search, with no thumbnail made yet."""
    from PySide6.QtCore import QTimer

    started = time.perf_counter()
    with heart:
        view = window.show_view("gallery")  # type: ignore[attr-defined]
        wait(lambda: view.model.rowCount() == PICTURES)
        wait(lambda: view.thumbnails.pixmap(view.model.entry(0)) is not None if view.model.entry(0) else False)
    lines = [
        heart.report(f"opening {PICTURES:,} pictures"),
        f"  first thumbnail after {time.perf_counter() - started:.2f} s",
    ]
    bar, ticks, chance = view.list.verticalScrollBar(), 0, random.Random(0)
    end = time.monotonic() + SECONDS

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks % 120 == 0:
            bar.setValue(chance.randrange(bar.maximum()))
        else:
            bar.setValue((bar.value() + 60) % bar.maximum())

    wheel = QTimer()
    wheel.setInterval(16)
    wheel.timeout.connect(tick)
    with heart:
        wheel.start()
        wait(lambda: time.monotonic() > end)
        wheel.stop()
    lines.append(heart.report(f"scrolling, {SECONDS:.0f} s, {ticks / SECONDS:.0f} moves a second"))
    with heart:
        for text, hits in (("red", PICTURES // 4), ("red house -boat", PICTURES // 4), ("zebra", 0), ("", PICTURES)):
            view.filters.words.setText(text)
            wait(lambda hits=hits: view.model.rowCount() == hits)
        view.list.selectAll()
        wait(lambda: len(view.chosen()) == PICTURES)
    lines.append(heart.report("searching four times, choosing all"))
    return lines


def importing(window: object, heart: Heartbeat, model: Path) -> str:
    """Add a model of 4.3 GB."""
    with heart:
        view = window.show_view("models")  # type: ignore[attr-defined]
        view.add([model])
        wait(lambda: not view.tasks.busy)
    assert not view.tasks.all, view.tasks.all[0].message
    return heart.report("importing a full-size model")


def make_model(folder: Path) -> None:
    code = "import sys; from pathlib import Path; from tests.benchmarks.loading import make_reference as make; "
    subprocess.run([sys.executable, "-c", code + "make(Path(sys.argv[1]), 'full')", str(folder)], check=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sdedge-gui-") as work:
        os.environ["SDEDGE_HOME"] = str(Path(work) / "data")
        fill_gallery(Path(work) / "pictures")
        make_model(Path(work) / "model")
        from gui.look.theme import Theme
        from gui.shell.app import App
        from gui.shell.bridge import Bridge
        from gui.shell.settings import Settings
        from gui.shell.window import MainWindow

        app = App(["sdedge"])
        settings = Settings()
        bridge = Bridge()
        window = MainWindow(settings, Theme(app, "light"), bridge)
        window.resize(1280, 800)
        window.show()
        heart = Heartbeat()
        for line in [*scroll(window, heart), importing(window, heart, Path(work) / "model")]:
            print(line, flush=True)
        window.close()
        bridge.close()


if __name__ == "__main__":
    main()
