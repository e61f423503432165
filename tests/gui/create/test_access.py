"""Every control has a name and is within reach: by the keyboard, and in a narrow window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)

from tests.gui.conftest import wait


def test_the_side_column_is_a_drawer_in_a_narrow_window(view, qtbot):
    window, side, toggle = view.window(), view.side, view.window().studio.actions["side-column"]
    assert side.isVisible()
    window.resize(1000, 700)
    wait(qtbot, lambda: not side.isVisible())
    toggle.trigger()
    assert side.isVisible() and side.geometry().right() == view.rect().right()
    toggle.trigger()
    assert not side.isVisible() and view.window().studio.settings.side_column


def test_every_control_has_a_name(view):
    for fold in (view.form.negative_fold, view.form.sampler_fold, view.form.image_fold, view.form.more_fold):
        fold.open()
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractSlider, QAbstractItemView)
    nameless = []
    for kind in kinds:
        for widget in view.findChildren(kind):
            named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
            inner = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QComboBox)
            if not named and not inner and widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisibleTo(view):
                nameless.append(widget)
    assert not nameless


def test_the_keyboard_reaches_every_control_of_the_form(view, qtbot):
    """Tab from the prompt comes past each of them and back."""
    for fold in (view.form.negative_fold, view.form.sampler_fold, view.form.more_fold):
        fold.open()
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractSlider)
    wanted = {
        widget for kind in kinds for widget in view.form.findChildren(kind)
        if widget.isVisibleTo(view) and widget.isEnabled() and not isinstance(widget.parent(), QComboBox)
        and not widget.objectName().startswith("qt_") and "ScrollBar" not in type(widget).__name__
    }  # fmt: skip
    start = view.form.prompt.editor
    reached, widget = {start}, start.nextInFocusChain()
    while widget is not start:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(view):
            reached.add(widget)
        widget = widget.nextInFocusChain()
    assert not wanted - reached


def test_buttons_beneath_the_canvas_come_after_it_and_give_the_focus_back_to_it(view, qtbot):
    board, canvas = view.window().studio.board, view.panel.canvas
    view.window().studio.form.put(prompt="a house")
    view.generate()
    wait(qtbot, lambda: canvas.shows_picture and view.strip.text.startswith("Done"))
    view.window().studio.form.put(prompt="a house steps=9000 step=0.05", count=3)
    view.generate()
    wait(qtbot, lambda: "step" in view.strip.text and view.strip.buttons())
    (end,) = view.strip.buttons()
    canvas.setFocus()
    tab_to(end, qtbot)
    qtbot.keyClick(end, Qt.Key.Key_Space)
    assert not end.isVisible() and canvas.hasFocus()  # where a further press does no harm
    board.cancel(board.drawing)
    wait(qtbot, lambda: board.drawing is None)
    view.strip.fail("It failed.", [("Try again", int), ("Show the log", int)])
    again, log = view.strip.buttons()
    canvas.setFocus()
    tab_to(again, qtbot)
    qtbot.keyClick(again, Qt.Key.Key_Tab)
    assert view.window().focusWidget() is log
    view.strip.rest("")
    assert canvas.hasFocus()


def tab_to(button, qtbot) -> None:
    """Presses Tab past the bar over the canvas, which comes with the focus, to this button."""
    for _ in range(12):
        if (focused := button.window().focusWidget()) is button:
            return
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    raise AssertionError("Tab does not come to it.")
