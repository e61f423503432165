"""The process of the app: it starts without torch and without a network, ends clean, and remembers a crash."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QWidget

from gui.form.draft import FormDraft
from gui.form.model import FormModel
from gui.gallery.export_dialog import ExportDialog
from gui.shell import app as shell
from gui.shell.crash import CrashLog
from gui.shell.first_paint import FirstPaint
from gui.shell.pictures import keep_private
from gui.shell.settings import Settings
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from tests.gui.conftest import ROOT

OFFLINE = Path(__file__).parent / "offline"
# Opens the window, waits until the queue runs, and closes it; prints what must not be there.
RUN = """
import sys
from PySide6.QtCore import QTimer
import gui.shell.app as app
from gui.shell.bridge import Bridge
from gui.shell.views import VIEWS

class Ending(Bridge):
    def __init__(self):
        super().__init__(drawer="tests.fake_drawer:FakeDrawer")
        self.ready.connect(self.look_at_everything)

    def look_at_everything(self):
        window = next(w for w in app.QApplication.topLevelWidgets() if isinstance(w, app.MainWindow))
        for view in VIEWS:
            window.show_view(view.name)
        QTimer.singleShot(1000, app.QApplication.closeAllWindows)

app.Bridge = Ending
status = app.main()
print(sorted({"torch", "converters"} & set(sys.modules)), status)
"""


# Says at the first paint what was imported before it, of what that need not wait for.
PAINTED = """
import sys
import gui.shell.app as app
import gui.shell.first_paint
from PySide6.QtCore import QEvent, QTimer

gui.shell.first_paint.UNPAINTED = 60_000  # a busy machine may take longer to paint than a window is waited for
LATER = {"torch", "numpy", "PIL", "sdedge.weights", "sdedge.images.metadata", "sdedge.process.supervisor", "gui.models.card"}

class Watched(app.MainWindow):
    painted = False

    def event(self, event):
        if event.type() == QEvent.Type.Paint and not self.painted:
            self.painted = True
            print(sorted(LATER & set(sys.modules)), flush=True)
            QTimer.singleShot(0, self.close)
        return super().event(event)

app.MainWindow = Watched
sys.exit(app.main())
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=surroundings(folder), capture_output=True, text=True, timeout=120, check=False)


def start(code: str, folder: Path) -> subprocess.Popen:
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    return subprocess.Popen(command, env=surroundings(folder), stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def surroundings(folder: Path) -> dict[str, str]:
    path = os.pathsep.join((str(OFFLINE), str(ROOT)))
    extra = {"SDEDGE_HOME": str(folder), "PYTHONPATH": path, "OFFLINE_REPORT": str(folder / "connections.txt")}
    return {**os.environ, **extra}


def test_the_app_starts_and_ends_without_torch_or_a_connection(tmp_path):
    done = run(RUN, tmp_path)
    assert done.stdout.strip() == "[] 0", done.stderr
    assert not (tmp_path / "connections.txt").exists()
    assert not list(tmp_path.glob("crash*")) and (tmp_path / "settings.ini").is_file()


def test_of_qts_network_the_app_knows_the_local_socket_only():
    """It is what a second start is told by; Qt's own connections would pass by `offline/`, which watches Python's."""
    imports = [
        (path.name, line.strip())
        for path in (ROOT / "gui").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"\bQt(Network|WebSockets|WebEngine\w*)\b", line)
    ]
    assert imports == [("instance.py", "from PySide6.QtNetwork import QLocalServer, QLocalSocket")]


def test_a_connection_would_have_been_noticed(tmp_path):
    done = run("import urllib.request as u; u.urlopen('http://127.0.0.1:9')", tmp_path)
    assert done.returncode == 1 and "127.0.0.1" in (tmp_path / "connections.txt").read_text()


def test_a_native_crash_is_told_at_the_next_start(tmp_path):
    code = "import ctypes; from gui.shell.crash import CrashLog; CrashLog().begin(); ctypes.string_at(0)"
    assert run(code, tmp_path).returncode != 0
    crash = CrashLog(tmp_path)
    last = crash.begin()
    crash.end()
    assert last is not None and "string_at" in last.read_text()
    again = CrashLog(tmp_path)
    assert again.begin() is None
    again.end()


def test_two_processes_have_a_crash_log_each_and_end_in_either_order(tmp_path):
    """The log of one that runs is neither taken for a crash nor removed by the other."""
    code = "import sys; from gui.shell.crash import CrashLog; c = CrashLog(); print(c.begin(), flush=True); input(); c.end()"
    first = start(code, tmp_path)
    assert first.stdout.readline().strip() == "None"
    (tmp_path / f"crash-{first.pid}.log").write_text("half written")
    second = start(code, tmp_path)
    assert second.stdout.readline().strip() == "None"
    logs = {path.name for path in tmp_path.glob("crash-*")}
    assert logs == {f"crash-{first.pid}.log", f"crash-{second.pid}.log"}
    for process in (first, second):
        assert process.communicate("\n", timeout=60)[1] == ""
    assert not (tmp_path / f"crash-{second.pid}.log").exists()


def test_an_exception_is_written_down_and_told_and_the_app_goes_on(tmp_path, caplog):
    was_on = faulthandler.is_enabled()
    crash, reports = CrashLog(tmp_path), []
    crash.tell = reports.append
    crash.begin()
    try:
        sys.excepthook(ZeroDivisionError, ZeroDivisionError("no"), None)
    finally:
        crash.end()
        logging.getLogger().setLevel(logging.WARNING)
        if was_on:
            faulthandler.enable()
    assert "ZeroDivisionError: no" in reports[0] and "ZeroDivisionError" in crash.log.read_text()
    assert not list(tmp_path.glob("crash-*"))


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_what_the_app_writes_is_its_owners_alone(qapp, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    monkeypatch.setenv("SDEDGE_HOME", str(folder))
    monkeypatch.setattr("gui.shell.crash.LIMIT", 1)
    for before in (folder, tmp_path / "elsewhere"):
        before.mkdir(mode=0o755)
    for old in (folder / "settings.ini", tmp_path / "elsewhere" / "settings.ini"):
        old.touch(0o644)
        settings = Settings(old)
        settings.set_texts("prompts", ["a secret"])
        settings.save()
        assert "a secret" in old.read_text()
        assert stat.S_IMODE(old.stat().st_mode) == 0o600
    crash, was_on = CrashLog(), faulthandler.is_enabled()
    crash.begin()
    logging.getLogger("gui").error("one")
    logging.getLogger("gui").error("two")  # in a file of its own
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    crash.end()
    logging.getLogger().setLevel(logging.WARNING)
    if was_on:
        faulthandler.enable()
    assert {"settings.ini", "app.log", "app.log.1", f"crash-{os.getpid()}.log"} <= modes.keys() and set(
        modes.values()
    ) == {0o600}
    mask = keep_private("masks", b"png")
    assert stat.S_IMODE(mask.parent.stat().st_mode) == 0o700


def test_a_disk_that_cannot_be_written_does_not_keep_the_app_from_starting(tmp_path):
    (tmp_path / "file").touch()
    crash = CrashLog(tmp_path / "file" / "deeper")
    assert crash.begin() is None
    crash.end()


def test_the_first_paint_waits_for_nothing_that_reads_pictures_or_weights(tmp_path):
    result = run(PAINTED, tmp_path)
    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr


def test_a_window_that_is_not_painted_starts_all_the_same(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    with qtbot.waitSignal(FirstPaint(window).came, timeout=60_000):
        pass


@pytest.mark.parametrize("place", ["/tmp/a picture.png", "/tmp/ü.png"])
def test_a_file_that_the_finder_opens_is_told(qapp, place):
    opened = []
    qapp.opened.connect(opened.append)
    qapp.event(QFileOpenEvent(QUrl.fromLocalFile(place)))
    qapp.opened.disconnect(opened.append)
    assert opened == [place]


# Opens the window, fills the form and lines up a long and a waiting job; says when the first is drawn.
BUSY = """
import os, sys
import gui.shell.app as app
from gui.shell.bridge import Bridge
from sdedge.request import Request

class Busy(Bridge):
    def __init__(self):
        super().__init__(drawer="tests.fake_drawer:FakeDrawer")
        self.ready.connect(self.fill)
        self.happened.connect(self.tell)

    def fill(self):
        self.window = next(w for w in app.QApplication.topLevelWidgets() if isinstance(w, app.MainWindow))
        self.window.studio.form.put(prompt="what was typed", steps=33)
        for prompt in ("steps=400 step=0.05", "waits"):
            self.add(Request(prompt, model="fake"), self.window.studio.settings.output(), 1)

    def tell(self, job, event):
        if job and type(event).__name__ == "Step":
            print("drawing", self.worker_pid, "bare" if self.window.windowIcon().isNull() else "icon", flush=True)

app.Bridge = Busy
sys.exit(app.main())
"""


@pytest.mark.slow
def test_a_killed_app_has_its_form_again(tmp_path):
    process = start(BUSY, tmp_path)
    try:
        next(line for line in process.stdout or () if line.startswith("drawing"))
        end = time.monotonic() + 60
        while not (tmp_path / "form.json").exists() and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait(20)
        process.stdout.close()
        process.stderr.close()
    form = FormModel()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDEDGE_HOME", str(tmp_path))
        parent = QObject()
        FormDraft(form, None, parent).restore()
    assert (form.prompt, form.steps) == ("what was typed", 33)


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a program by its window")
@pytest.mark.parametrize("name", ["SIGTERM", *(pytest.param(n, marks=pytest.mark.slow) for n in ("SIGINT", "SIGHUP"))])
def test_a_signal_closes_the_app_as_its_button_does(tmp_path, name):
    process = start(BUSY, tmp_path)
    try:
        report = next(line for line in process.stdout or () if line.startswith("drawing")).split()
        process.send_signal(getattr(signal, name))
        complaint = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 0, complaint
    assert "Traceback" not in complaint and "KeyboardInterrupt" not in complaint
    assert report[2] == "icon"
    with pytest.raises(ProcessLookupError):
        os.kill(int(report[1]), 0)
    form = json.loads(json.loads((tmp_path / "form.json").read_text())["request"])
    assert form["prompt"] == "what was typed" and form["steps"] == 33
    with open_store(tmp_path) as store:
        assert [job.state for job in Queue(store).jobs()] == ["waiting", "waiting"]


def test_a_signal_closes_the_app_though_a_dialog_waits_for_its_command(open_window, qapp, qtbot):
    window = open_window(start=False)
    dialog = ExportDialog(window.studio, [1], window)
    dialog.open()
    dialog.run(["gallery", "verify"], 0)
    shell.close(qapp)
    assert not window.isVisible() and not dialog.isVisible()
