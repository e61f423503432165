"""Builds the app for this system and has it draw, where there is no Python: `python -m tests.frozen_app [FOLDER]`.

FOLDER holds an app that is built already. Needs PyInstaller for building, and Xvfb, openbox and xdotool for the window. Not a
test of the suite: building takes four minutes of processor time and two gigabytes.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from PIL import Image

from tests.tour.desktop import display, missing

ROOT = Path(__file__).parents[1]
PATIENCE = 600.0  # seconds: a busy machine may take them for a first picture
PROMPT = "a red house at night"


class FrozenApp:
    """An app in a folder, started with an empty environment: no Python, no folder of programs, a home of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.program, self.home = folder.resolve() / "sdedge", home
        (home / "no programs").mkdir()
        self.environment = {"PATH": str(home / "no programs"), "HOME": str(home)}

    def run(self, *arguments: str) -> str:
        """Returns what a command printed. Raises AssertionError where it failed."""
        done = subprocess.run(
            [self.program, *arguments], env=self.environment, cwd=self.home, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def pictures(self) -> list[Path]:
        """The pictures in its home, without those that the app keeps for itself."""
        own = (".local", "Library")
        every = [path for path in self.home.rglob("*.png") if not {*own} & {*path.parts}]
        return [path for path in every if not path.name.startswith(".")]


def check_commands(app: FrozenApp) -> None:
    """The command line: a picture, the queue with its worker, and every command that is found by name."""
    print(app.run("--version").strip())
    drawn = app.run("generate", PROMPT, "-q", "--steps", "4", "-o", "drawn").strip()
    assert Image.open(app.home / drawn).size == (192, 192)
    print(f"generate drew {drawn}")
    app.run("queue", "add", PROMPT, "--steps", "4", "-o", "queued")
    app.run("queue", "run")
    (queued,) = (app.home / "queued").rglob("*.png")
    print(f"queue run drew {queued.name}")
    for command in ("convert", "gui", "serve", "mcp", "gallery", "doctor", "evaluate", "backup"):
        app.run(command, "--help")
    app.run("backup", "write", "all.zip")
    print("every group of commands is there")


def check_conversion(app: FrozenApp) -> None:
    """What the window's Convert page starts, and a picture of what came of it."""
    app.run("convert", "mps", "pocket", "--out", "bundle", "--size", "64")
    print("convert mps wrote a bundle")
    app.run("convert", "coreml", "pocket", "--out", "packages", "--size", "64", "--attention", "original")
    app.run("convert", "verify", "packages", "--model", "pocket", "--steps", "1")
    drawn = app.run("generate", PROMPT, "-m", "packages", "-q", "--steps", "2", "-o", "converted").strip()
    assert Image.open(app.home / drawn).size == (64, 64)
    print(f"convert coreml wrote packages, which were compared with the model and drew {drawn}")


def check_window(app: FrozenApp) -> None:
    """The window, as a desktop starts it: without an argument. A prompt is typed and drawn."""
    before = {*app.pictures()}
    with display((1500, 1100)) as screen:
        own = {**app.environment, "DISPLAY": screen.name, "QT_QPA_PLATFORM": "xcb"}
        window = subprocess.Popen(
            [app.program], env=own, cwd=app.home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            number = _wait(lambda: _window(screen.name), window)
            print("the window is there")
            time.sleep(5)  # until it has its focus
            screen.do("windowfocus", "--sync", number)
            screen.do("type", "--delay", "80", PROMPT)
            screen.do("key", "ctrl+Return")
            drawn = _wait(lambda: [*{*app.pictures()} - before], window)
            assert Image.open(drawn[0]).size == (192, 192)
            print(f"the window drew {drawn[0].name}")
        finally:
            window.terminate()
            try:
                code = window.wait(60)
            except subprocess.TimeoutExpired:
                window.kill()
                raise
        print(f"the window was closed, status {code}")


def _window(display_name: str) -> str:
    asked = ["xdotool", "search", "--onlyvisible", "--class", "sdedge"]
    numbers = subprocess.run(
        asked, env={**os.environ, "DISPLAY": display_name}, capture_output=True, text=True, check=False
    )
    return numbers.stdout.split("\n")[0]


def _wait(look, process):
    """Returns what `look` finds, as soon as it finds anything. Raises AssertionError when the process ends first."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(OSError):
            if seen := look():
                return seen
        assert process.poll() is None, f"The app ended: {process.stderr.read().decode()[-2000:]}"
        time.sleep(0.5)
    raise AssertionError("Nothing came of it.")


def main() -> None:
    """Run every check, on a new build unless a folder is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.frozen_app", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="of an app that is built")
    parser.add_argument("--without-window", action="store_true")
    options = parser.parse_args()
    if options.folder is None and importlib.util.find_spec("PyInstaller") is None:
        sys.exit("PyInstaller is not installed (pip install pyinstaller); give the folder of an app that is built.")
    if not options.without_window and (reason := missing()):
        sys.exit(f"{reason} --without-window goes without the window.")
    with tempfile.TemporaryDirectory(prefix="sdedge-app-") as work:
        folder = options.folder
        if folder is None:
            subprocess.run([ROOT / ".ci" / "app" / "build", sys.executable, work], cwd=ROOT, check=True)
            folder = Path(work) / "sdedge"
        home = Path(work) / "home"
        home.mkdir()
        app = FrozenApp(folder, home)
        check_commands(app)
        check_conversion(app)
        if not options.without_window:
            check_window(app)


if __name__ == "__main__":
    main()
