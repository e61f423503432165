"""The app without a screen: fresh settings and data per test, and nothing of it left afterwards.

Qt's warnings fail a test (pyproject.toml). `open_window` gives a window over a queue that draws coloured noise without
torch; `studio_window` one for the whole session over the real engine and the embedded model.
"""

from __future__ import annotations

import collections
import faulthandler
import os
import tempfile
import threading
import weakref
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from gui.languages.language import ENGLISH, Language
from gui.look.theme import Theme
from gui.shell.app import App
from gui.shell.bridge import Bridge
from gui.shell.settings import Settings
from gui.shell.window import MainWindow
from gui.widgets.fold import Later
from sdedge.process.attempt import Limits
from tests.gui.pictures import PROMPTS, save_pictures, shown

ROOT = Path(__file__).parents[2]
FAKE = "tests.fake_drawer:FakeDrawer"
PATIENCE = 60_000  # milliseconds; nothing waits this long unless it hangs


class PatientBot(QtBot):
    """Waits by itself as long as a busy machine may take; pytest-qt's own five seconds are over before."""

    def waitUntil(self, callback, *, timeout=PATIENCE):
        try:
            super().waitUntil(callback, timeout=timeout)
        except TimeoutError as late:
            late.add_note(_state())
            raise

    def waitSignal(self, signal, *, timeout=PATIENCE, **more):
        return super().waitSignal(signal, timeout=timeout, **more)


def _state() -> str:
    """Returns what the windows say and where each thread is, for the reader of a failure."""
    said = [label.text() for label in QApplication.allWidgets() if isinstance(label, QLabel) and label.isVisible()]
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        where = file.read()
    return "\n".join([where, "The windows say:", *filter(None, said)])


@pytest.fixture
def qtbot(qapp, request):
    return PatientBot(request)


@pytest.fixture(scope="session")
def qapp_cls():
    return App


@pytest.fixture(scope="session", autouse=True)
def english(qapp):
    """The language in force, whatever the machine's is: its forms for one and for more are in a file too."""
    language = Language(qapp, ENGLISH)
    yield language
    language.withdraw()


@pytest.fixture(scope="session")
def theme(qapp):
    return Theme(qapp, "light")


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch, qapp, request):
    """Every thread, running timer, window and child process that a test started is gone after it."""
    timers = weakref.WeakSet()
    start = QTimer.start

    def remember(self, *arguments):
        timers.add(self)
        start(self, *arguments)

    monkeypatch.setattr(QTimer, "start", remember)
    before, children, windows = _threads(), _children(), set(map(id, QApplication.topLevelWidgets()))
    yield
    for _ in range(3):
        qapp.sendPostedEvents(None, 52)  # DeferredDelete
        qapp.processEvents()
    assert not [w for w in QApplication.topLevelWidgets() if w.isVisible() and id(w) not in windows]
    assert "studio_window" in request.fixturenames or not _threads() - before
    assert len(_children()) <= len(children)
    running = [timer for timer in timers if isValid(timer) and timer.isActive() and not _lasting(timer)]
    assert not [(timer, timer.parent()) for timer in running]


def _threads() -> collections.Counter:
    return collections.Counter(thread.name for thread in threading.enumerate() if thread.is_alive())


def _children() -> set[str]:
    try:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
    except OSError:
        return set()


def _lasting(timer: QTimer) -> bool:
    """Belongs to the session's window."""
    owner: QObject | None = timer
    while owner is not None and not owner.property("lasting"):
        owner = owner.parent()
    return owner is not None


@pytest.fixture(scope="session")
def studio_window(theme, tmp_path_factory, measured_machine):
    """A window over the real engine, in a process that may connect to nothing; its `folder` has the pictures."""
    folder = tmp_path_factory.mktemp("studio")
    (folder / "machine.json").write_bytes(measured_machine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'tests' / 'gui' / 'offline'}{os.pathsep}{ROOT}")
        patch.setenv("OFFLINE_REPORT", str(folder / "connections.txt"))
        patch.setenv("SDEDGE_HOME", str(folder))
        settings = Settings(folder / "settings.ini")
        settings.folder = str(folder / "pictures")
        bridge = Bridge(folder, limits=Limits(tick=0.02, beat=0.2))
        window = MainWindow(settings, theme, bridge)
        for lasting in (window, bridge):
            lasting.setProperty("lasting", True)
        window.resize(1280, 800)
        window.show()
        bridge.start()
        yield window
        window.close()
        bridge.close()
    assert not (folder / "connections.txt").exists()


@pytest.fixture
def open_window(qtbot, theme, monkeypatch, tmp_path):
    """A function that opens a window; all are closed, with their queues, at the end.

    The engine's process is started with the first job rather than ahead of it, as most tests draw nothing.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    opened: list[tuple[MainWindow, Bridge]] = []

    def open_one(drawer: str | None = FAKE, start: bool = True, warm: bool = False) -> MainWindow:
        bridge = Bridge(drawer=drawer, limits=Limits(tick=0.02, beat=0.2), warm=warm)
        settings = Settings()
        settings.folder = str(tmp_path / "pictures")
        window = MainWindow(settings, theme, bridge)
        opened.append((window, bridge))
        window.show()
        if start:
            with qtbot.waitSignal(bridge.ready, timeout=PATIENCE):
                bridge.start()
        return window

    yield open_one
    for window, bridge in opened:
        window.leaving = True  # nobody is asked
        window.close()
        bridge.close()
        window.deleteLater()
        bridge.deleteLater()


@pytest.fixture
def view(open_window):
    """The create view of a new window, with the noise engine's model chosen."""
    window = open_window()
    view = window.show_view("create")
    window.studio.form.put(model="fake")
    return view


def with_every_section(view):
    """The view, with what is made when it is first opened made already."""
    while waiting := [later for later in view.findChildren(Later) if later.widget is None]:
        for later in waiting:
            later.make()
    return view


def wait(qtbot, condition) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


@pytest.fixture
def gallery(open_window, tmp_path, qtbot):
    """(window, gallery view, files) of four pictures, the last one first."""
    files = save_pictures(tmp_path / "out", PROMPTS)
    window = open_window(start=False)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: shown(view) == [*reversed(PROMPTS)])
    return window, view, files
