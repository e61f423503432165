"""The app as a Mac's user meets it, by the events, modifiers and system calls of macOS."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QKeySequence, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtWidgets import QApplication

from gui.create.canvas import Canvas
from gui.create.mask_layer import MaskLayer
from gui.form.prompt_editor import PromptEditor
from gui.shell import keys
from gui.shell.actions import ACTIONS

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
    taken = {"Ctrl+H", "Ctrl+M", "Ctrl+W", "Ctrl+Q", "Ctrl+Up", "Ctrl+Down", "Ctrl+Space", "Ctrl+Tab"}
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


def test_elsewhere_keys_are_the_lists(qtbot):
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
