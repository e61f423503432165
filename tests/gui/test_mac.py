"""The app as a Mac's user meets it, by the events, modifiers and system calls of macOS."""

from __future__ import annotations

import os
import plistlib
import shlex
import subprocess
import sys

import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFileOpenEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QNativeGestureEvent,
    QPointingDevice,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication

from gui.create.canvas import Canvas
from gui.create.mask_layer import MaskLayer
from gui.form.prompt_editor import PromptEditor
from gui.shell import app, device, keys, mac_app, notifier, reveal
from gui.shell.actions import ACTIONS
from gui.shell.icon import app_icon, draw
from gui.shell.notifier import Notifier
from sdedge.events import Finished
from sdedge.machine import findings
from sdedge.process import awake as awake_module
from sdedge.process import cocoa, worker

KEYPAD = Qt.KeyboardModifier.KeypadModifier
NONE = Qt.KeyboardModifier.NoModifier
COMMAND = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def mac(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")


@pytest.fixture
def canvas(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    image = QImage(200, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    canvas.show_picture(image)
    canvas.zoom_to(4.0)
    return canvas


def _press(widget, key, modifiers):
    QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, key, modifiers))


def _swipe(widget, pixels, phase=Qt.ScrollPhase.ScrollUpdate, modifiers=NONE, angle=None):
    at = QPointF(150, 150)
    angle = QPoint(*pixels) * 2 if angle is None else QPoint(*angle)
    event = QWheelEvent(at, at, QPoint(*pixels), angle, Qt.MouseButton.NoButton, modifiers, phase, False)
    QApplication.sendEvent(widget, event)


def _gesture(widget, kind, value=0.0):
    at = QPointF(150, 150)
    device = QPointingDevice.primaryPointingDevice()
    QApplication.sendEvent(widget, QNativeGestureEvent(kind, device, 2, at, at, at, value, QPointF(), 1))


# Keys


def test_no_action_takes_a_key_that_the_mac_keeps_for_itself(mac, qtbot, open_window):
    actions = open_window(start=False).actions_list
    taken = {"Ctrl+H", "Ctrl+P", "Ctrl+M", "Ctrl+W", "Ctrl+Q", "Ctrl+Up", "Ctrl+Down", "Ctrl+Space", "Ctrl+Tab", "Ctrl+`",
             "Ctrl+Left", "Ctrl+Right", "Ctrl+Alt+H", "Ctrl+Alt+M", "Ctrl+Alt+D", "Ctrl+Alt+Esc", "Ctrl+Alt+Space",
             "Ctrl+Shift+3", "Ctrl+Shift+4", "Ctrl+Shift+5", "Ctrl+Shift+Q", "Ctrl+Shift+/"}  # fmt: skip
    ours = {
        spec.id: [sequence.toString() for sequence in keys.sequences(spec.id, spec.keys, spec.standard)]
        for spec in ACTIONS
    }
    assert not {id: used for id, used in ours.items() if id != "quit" and taken & set(used)}
    every = [key for used in ours.values() for key in used]
    assert len(every) == len(set(every))
    assert "Ctrl+Backspace" in ours["trash"] and ours["shortcuts"][0] == "Ctrl+?"
    assert set(keys.ON_A_MAC) <= set(ours)
    assert actions["history"].shortcut() == QKeySequence("Ctrl+Y")


def test_elsewhere_keys_are_the_lists(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    (history,) = (spec for spec in ACTIONS if spec.id == "history")
    assert keys.sequences(history.id, history.keys) == [QKeySequence("Ctrl+H")]


def test_arrow_keys_that_say_they_are_of_the_keypad_move_the_picture(canvas):
    before = canvas.to_picture(QPointF(0, 0))
    _press(canvas, Qt.Key.Key_Right, KEYPAD)
    assert canvas.to_picture(QPointF(0, 0)).x() > before.x()
    moved = canvas.to_picture(QPointF(0, 0))
    _press(canvas, Qt.Key.Key_Right, KEYPAD | COMMAND)
    assert canvas.to_picture(QPointF(0, 0)) == moved


def test_option_and_an_arrow_bring_the_prompts_of_before(theme, qtbot):
    editor = PromptEditor(theme, "Prompt", 3)
    qtbot.addWidget(editor)
    wanted = []
    editor.history_wanted.connect(wanted.append)
    _press(editor, Qt.Key.Key_Up, KEYPAD | Qt.KeyboardModifier.AltModifier)
    _press(editor, Qt.Key.Key_Down, KEYPAD | Qt.KeyboardModifier.AltModifier)
    assert wanted == [-1, 1]


# Trackpad


def test_two_fingers_move_the_picture_and_its_momentum_too(canvas):
    zoom, before = canvas.zoom, canvas.to_picture(QPointF(0, 0))
    _swipe(canvas, (-40, 0), Qt.ScrollPhase.ScrollBegin)
    _swipe(canvas, (0, -40))
    _swipe(canvas, (0, -8), Qt.ScrollPhase.ScrollMomentum)
    _swipe(canvas, (0, 0), Qt.ScrollPhase.ScrollEnd)
    moved = (canvas.to_picture(QPointF(0, 0)) - before) * canvas.zoom / canvas.devicePixelRatioF()
    assert canvas.zoom == zoom and (moved.x(), moved.y()) == pytest.approx((40, 48))


def test_with_command_a_swipe_zooms_and_its_momentum_does_not(canvas):
    zoom = canvas.zoom
    _swipe(canvas, (0, 40), modifiers=COMMAND)
    zoomed = canvas.zoom
    assert zoomed > zoom
    _swipe(canvas, (0, 40), Qt.ScrollPhase.ScrollMomentum, COMMAND)
    assert canvas.zoom == zoomed


def test_a_pinch_zooms_at_the_fingers_and_a_double_tap_fits(canvas):
    at = QPointF(150, 150)
    zoom, under = canvas.zoom, canvas.to_picture(at)
    _gesture(canvas, Qt.NativeGestureType.ZoomNativeGesture, 0.25)
    assert canvas.zoom == pytest.approx(1.25 * zoom)
    assert (canvas.to_picture(at) - under).manhattanLength() < 1e-6
    _gesture(canvas, Qt.NativeGestureType.SmartZoomNativeGesture)
    assert canvas.is_fitted
    _gesture(canvas, Qt.NativeGestureType.SmartZoomNativeGesture)
    assert canvas.zoom == 1.0


def test_a_wheel_zooms_and_with_shift_sideways_it_changes_the_brush(canvas):
    zoom = canvas.zoom
    _swipe(canvas, (0, 0), Qt.ScrollPhase.NoScrollPhase, angle=(0, 120))
    assert canvas.zoom == pytest.approx(1.25 * zoom)
    canvas.paint_mask(MaskLayer(QSize(200, 200)))
    brush, zoom = canvas.brush, canvas.zoom
    _swipe(canvas, (0, 0), Qt.ScrollPhase.NoScrollPhase, Qt.KeyboardModifier.ShiftModifier, (120, 0))
    assert canvas.brush > brush and canvas.zoom == zoom
    _swipe(canvas, (0, 0), Qt.ScrollPhase.NoScrollPhase, Qt.KeyboardModifier.ShiftModifier, (-120, 0))
    assert canvas.brush == brush


# Name, icon, menu, messages


class _Runtime:
    """Objective-C's runtime, as far as it is asked: every message gives a new object, and is kept."""

    def __init__(self):
        self.sent = []

    def find_class(self, name):
        return f"class {name}"

    def send(self, receiver, selector, *arguments):
        self.sent.append((receiver, selector, [getattr(argument, "value", argument) for argument in arguments]))
        return f"{selector} {len(self.sent)}"


@pytest.fixture
def objc(monkeypatch):
    runtime = _Runtime()
    monkeypatch.setattr(cocoa, "runtime", lambda: runtime)
    return runtime


def test_the_bundle_is_named_before_the_application_is_made(objc, monkeypatch):
    cocoa.name_process("sdedge")
    made = {f"{selector} {i}": arguments for i, (_, selector, arguments) in enumerate(objc.sent, 1)}
    set_ = [arguments for _, selector, arguments in objc.sent if selector == "setValue:forKey:"]
    assert [[made[text] for text in pair] for pair in set_] == [
        [[b"sdedge"], [b"CFBundleName"]], [[b"sdedge"], [b"CFBundleDisplayName"]]
    ]  # fmt: skip


def test_the_app_is_named_before_it_is_made_and_hears_what_the_finder_opens(mac, monkeypatch, qapp):
    order = []
    monkeypatch.setattr(app, "name_process", order.append)
    monkeypatch.setattr(app, "App", lambda arguments: order.append("application") or qapp)
    picture = "/Users/a/a picture.png"
    QTimer.singleShot(
        10, lambda: qapp.event(QFileOpenEvent(QUrl.fromLocalFile(picture)))
    )  # no argument of the program's
    monkeypatch.setattr(app.Instance, "claim", lambda self, files: order.extend(files) or False)
    assert app.main() == 0
    assert order == ["sdedge", "application", picture]


def test_macos_does_not_slow_the_app_down_while_it_draws(objc, monkeypatch):
    monkeypatch.setattr(awake_module.shutil, "which", lambda command: None)
    with awake_module.awake("drawing"):
        began = [sent for sent in objc.sent if sent[1] == "beginActivityWithOptions:reason:"]
        assert len(began) == 1 and began[0][2][0] == 0x00EFFFFF
        assert not [sent for sent in objc.sent if sent[1] == "endActivity:"]
    token = next(f"{selector} {i}" for i, (_, selector, _) in enumerate(objc.sent, 1) if selector.startswith("begin"))
    assert [arguments for _, selector, arguments in objc.sent if selector == "endActivity:"] == [[token]]
    assert [receiver for receiver, selector, _ in objc.sent if selector in ("retain", "release")] == [token, token]


def test_without_its_frameworks_nothing_is_missed(mac):
    assert cocoa.runtime() is None  # this machine has none
    with cocoa.no_nap("drawing") as arranged:
        assert not arranged
    cocoa.name_process("sdedge")


def test_the_window_has_an_icon_and_on_a_mac_a_window_menu(mac, open_window):
    icon = app_icon()
    assert not icon.isNull() and draw(64).pixelColor(32, 32).alpha() == 255 and draw(64).pixelColor(0, 0).alpha() == 0
    window = open_window(start=False)
    menus = {action.text(): action.menu() for action in window.menuBar().actions()}
    keys_of = {action.text(): action.shortcut().toString() for action in menus["Window"].actions()}
    assert keys_of == {"Minimize": "Ctrl+M", "Zoom": "", "Close": "Ctrl+W"}
    next(action for action in menus["Window"].actions() if action.text() == "Close").trigger()
    assert not window.isVisible()


def test_a_mac_is_told_by_the_dock_and_has_no_tray_item(mac, open_window, monkeypatch):
    window = open_window(start=False)
    alerts = []
    monkeypatch.setattr(QApplication, "alert", lambda window: alerts.append("dock"))
    monkeypatch.setattr(notifier.QSystemTrayIcon, "isSystemTrayAvailable", lambda: alerts.append("tray") or True)
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    window.findChild(Notifier).tell_end(1, Finished(1, 1.0))
    assert alerts == ["dock"]


def test_elsewhere_one_tray_item_serves_every_message(open_window, monkeypatch):
    made = []

    class Tray(QObject):
        messageClicked = Signal()  # noqa: N815

        def __init__(self, icon, parent):
            super().__init__(parent)
            made.append(self)

        isSystemTrayAvailable = supportsMessages = staticmethod(lambda: True)  # noqa: N815

        def show(self): ...

        def showMessage(self, title, message):
            self.message = message

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(notifier, "QSystemTrayIcon", Tray)
    window = open_window(start=False)
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    for _ in range(3):
        window.findChild(Notifier).tell_end(1, Finished(1, 1.0))
    assert len(made) == 1 and made[0].message == "The queue is done."


def test_make_app_writes_what_the_finder_needs(tmp_path):
    (tmp_path / "sdedge.app" / "old").mkdir(parents=True)
    made = mac_app.write_app(tmp_path)
    facts = plistlib.loads((made / "Contents" / "Info.plist").read_bytes())
    assert facts["CFBundleName"] == "sdedge" and facts["LSMinimumSystemVersion"] == "14.0"
    assert "public.png" in facts["CFBundleDocumentTypes"][0]["LSItemContentTypes"]
    with Image.open(made / "Contents" / "Resources" / facts["CFBundleIconFile"]) as icon:
        assert icon.format == "ICNS" and max(icon.size) >= 512
    program = made / "Contents" / "MacOS" / facts["CFBundleExecutable"]
    assert os.access(program, os.X_OK) and not (made / "old").exists()
    line = shlex.split(program.read_text().splitlines()[2])
    assert line[0] == "exec" and line[1] == sys.executable and line[2:] == ["-P", "-m", "sdedge", "gui", "$@"]


# What is shown


def test_before_anything_was_measured_a_mac_with_apple_silicon_shows_mps(mac, monkeypatch):
    monkeypatch.delenv("SDEDGE_DEVICE", raising=False)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert device.probe_device().kind == "mps"
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert device.probe_device().kind == "cpu"


def test_the_chip_has_its_name_and_measurements_belong_to_it(mac, monkeypatch):
    cores = {"hw.physicalcpu": "12\n", "hw.perflevel0.physicalcpu": "8\n"}
    said = {"machdep.cpu.brand_string": "Apple M4 Pro\n", **cores}

    def run(command, **options):
        return subprocess.CompletedProcess(command, 0, said[command[-1]], "")

    monkeypatch.setattr(findings.subprocess, "run", run)
    assert findings.processor() == "Apple M4 Pro"
    findings.keep(findings.DeviceFinding("mps", "Apple M4 Pro", "float16", "contiguous", 0, "because"))
    assert list(findings.findings()) == ["mps"]
    monkeypatch.setattr(findings.subprocess, "run", lambda *a, **k: (_ for _ in ()).throw(OSError("no sysctl")))
    assert findings.processor() != "Apple M4 Pro" and findings.processor() and not findings.findings()


def test_memory_is_what_the_system_counts(mac, monkeypatch):
    class Library:
        def proc_pid_rusage(self, pid, flavour, record):
            assert (pid, flavour) == (os.getpid(), 0)
            record._obj[8], record._obj[9] = 1 << 30, 3 << 30  # resident, footprint
            return 0

    monkeypatch.setattr("ctypes.CDLL", lambda path: Library())
    assert worker.resident_memory() == worker.footprint_bytes() == 3 << 30
    monkeypatch.setattr(Library, "proc_pid_rusage", lambda *_: -1)
    assert worker.footprint_bytes() == 0 < worker.resident_memory() < 3 << 30


# Windows, read on the way


def test_explorer_is_asked_with_the_quotes_where_it_wants_them(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "win32")
    asked = []

    class Process:
        def setProgram(self, name):
            asked.append(name)

        def setNativeArguments(self, text):
            asked.append(text)

        def startDetached(self):
            asked.append("started")

    monkeypatch.setattr(reveal, "QProcess", Process)
    picture = tmp_path / "a red house, by the sea.png"
    picture.touch()
    reveal.reveal(picture)
    assert asked == ["explorer", f'/select,"{picture}"', "started"]
