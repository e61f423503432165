"""One app per data folder: who is first, what the second hands over, and who may say anything at all."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtNetwork import QLocalServer

from gui.shell import app, instance
from gui.shell.instance import LOCK, SOCKET, Instance
from sdedge.locks import ProcessLock
from tests.gui.conftest import PATIENCE, ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="sockets in the file system")
SECOND = """
import sys
from PySide6.QtCore import QCoreApplication
from gui.shell.instance import Instance
app = QCoreApplication([])
print(Instance().claim(sys.argv[1:]))
"""


@pytest.fixture
def first(tmp_path, monkeypatch, qapp):
    """The first app of a data folder."""
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    claimed = Instance()
    assert claimed.claim()
    yield claimed
    claimed.close()


def second(*files: str) -> subprocess.Popen:
    command = [sys.executable, "-c", SECOND, *files]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=os.path.expanduser("/"))


def test_a_second_start_hands_its_files_over_and_ends(first, qtbot):
    with qtbot.waitSignal(first.opened, timeout=PATIENCE) as opened:
        process = second("a.png", "/b/ü.png")
    assert opened.args == [["/a.png", "/b/ü.png"]]  # from its own folder
    assert process.communicate(timeout=60)[0].strip() == "False"


def test_what_a_crash_left_is_no_obstacle(tmp_path, monkeypatch, qapp):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / SOCKET).write_text("left")
    (folder / LOCK).write_text("123456789")
    restarted = Instance(folder)
    assert restarted.claim() and restarted.findChild(QLocalServer).isListening()
    restarted.close()
    again = Instance(folder)
    assert again.claim()
    again.close()


def test_there_is_no_second_window_beside_one_that_does_not_answer(tmp_path, monkeypatch, qapp):
    monkeypatch.setattr(instance, "CLOSING", 0.3)
    hung = ProcessLock(tmp_path / LOCK)
    assert hung.acquire()
    two = Instance(tmp_path)
    assert not two.claim(["a.png"]) and two.is_busy and two.holder == str(os.getpid())
    hung.release()  # its process ended: the next start is the first
    three = Instance(tmp_path)
    assert three.claim(["a.png"]) and not three.is_busy
    three.close()


def test_a_busy_app_hears_later_of_what_it_was_to_open_and_the_start_that_asked_of_its_answer(
    first, tmp_path, monkeypatch, qtbot
):
    monkeypatch.setattr(instance, "PATIENCE", 0.1)
    two = Instance(tmp_path / "data")
    assert not two.claim(["/a.png"]) and two.is_busy  # the first one's events are not looked at meanwhile
    with qtbot.waitSignals([first.opened, two.answered], timeout=PATIENCE):
        pass
    three = Instance(tmp_path / "data")
    opened = []
    first.opened.connect(opened.append)
    assert not three.claim(["/b.png"]) and three.is_busy
    three.deleteLater()  # that start was closed meanwhile
    qtbot.waitUntil(lambda: opened == [["/b.png"]], timeout=PATIENCE)


def test_that_it_is_busy_is_said_until_it_answers(tmp_path, qtbot):
    busy = Instance(tmp_path)
    QTimer.singleShot(0, busy.answered.emit)
    assert app.say_busy(busy) == 0


@posix
def test_the_socket_is_its_users_alone(first, tmp_path):
    place = tmp_path / "data" / SOCKET
    assert stat.S_IMODE(place.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


@posix
def test_a_folder_deep_down_has_a_socket_too(tmp_path, qapp, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    deep = tmp_path / ("x" * 120)
    claimed = Instance(deep)
    assert claimed.claim() and claimed.findChild(QLocalServer).isListening()
    claimed.close()


@posix
@pytest.mark.parametrize(
    "said",
    [b"\n", b"[]\n", b'{"files": 1}\n', b'{"files": ["a\\u0000b"]}\n', b"\xff\n", b"x" * (1 << 20) + b"x", b"[" * 9999 + b"\n"],
    ids=["empty", "list", "number", "null byte", "no text", "endless", "deep"],
)  # fmt: skip
def test_nonsense_is_hung_up_on(first, tmp_path, qtbot, said):
    heard = []
    first.opened.connect(heard.append)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "data" / SOCKET))
        line.settimeout(0.02)
        rest, answer = said, None

        def hung_up() -> bool:
            nonlocal rest, answer
            try:
                if rest:
                    rest = rest[line.send(rest) :]
                answer = line.recv(10)
            except TimeoutError:
                return False
            except OSError:
                answer = b""
            return answer == b""

        qtbot.waitUntil(hung_up, timeout=PATIENCE)
    assert not heard


def test_the_window_comes_forward_with_the_files(open_window, qtbot, tmp_path):
    from gui.shell.app import bring_forward

    window = open_window(start=False)
    wanted = []
    window.studio.files_wanted.disconnect()
    window.studio.files_wanted.connect(wanted.append)
    window.showMinimized()
    bring_forward(window, [str(tmp_path / "a.png")])
    assert not window.isMinimized() and wanted == [[str(tmp_path / "a.png")]]
    bring_forward(window, [])
    assert len(wanted) == 1


# What Qt needs of the system


def test_a_missing_library_of_x11_is_named_with_its_package(monkeypatch):
    from click.testing import CliRunner

    from gui.cli import gui
    from gui.shell import x11

    def load(name):
        if "cursor" in name:
            raise OSError("cannot open shared object file")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    assert x11.missing_packages(load) == ["libxcb-cursor0"]
    monkeypatch.setattr(x11, "missing_packages", lambda: ["libxcb-cursor0"])
    said = CliRunner().invoke(gui, []).output
    assert "without libxcb-cursor0" in said and "sudo apt install libxcb-cursor0" in said
    monkeypatch.undo()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert x11.missing_packages(load) == []
