"""Every control of every view can be reached by keyboard and says what it is; nothing is cut off in the smallest window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QSlider, QWidget

from gui.shell.views import VIEWS
from gui.shell.window import SMALLEST
from tests.gui.page import last_dialog
from tests.gui.pictures import save_pictures

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QSlider)


@pytest.fixture
def shown(open_window, tmp_path, qtbot):
    """A window with one picture, and a function that shows a view or dialog of it."""
    save_pictures(tmp_path / "out", ["a red house at night"])
    window = open_window(start=False)

    def show(name: str) -> QWidget:
        if name in ("settings", "device"):
            window.actions_list[name].trigger()
            return last_dialog(window)
        view = window.show_view(name)
        if name == "gallery":
            qtbot.waitUntil(lambda: view.model.rowCount() == 1)
            view.choose(0)
        if name == "models":
            qtbot.waitUntil(lambda: bool(view.model.items))
        return view

    return window, show


PLACES = (*(view.name for view in VIEWS), "settings", "device")
"""The views and the dialogs, one after another in one window, which takes longer to build than all of them to look at."""


def test_every_control_has_a_name_and_takes_the_focus(shown):
    window, show = shown
    for name in PLACES:
        view = show(name)
        controls = [control for kind in CONTROLS for control in view.findChildren(kind) if control.isVisibleTo(view)]
        assert controls
        for control in controls:
            if control.objectName().startswith("qt_"):  # parts of Qt's own controls
                continue
            label = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
            assert label, f"{type(control).__name__} in {name} has no name"
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, f"{label} in {name} cannot be reached by keyboard"


def test_nothing_is_cut_off_in_the_smallest_window(shown, qtbot):
    window, show = shown
    window.resize(*SMALLEST)
    for name in PLACES:
        view = show(name)
        qtbot.waitUntil(lambda view=view: not cut_off(view))
        assert window.size().toTuple() == SMALLEST


def cut_off(view: QWidget) -> list[str]:
    """The texts of what is narrower than its text needs."""
    return [
        widget.text() if hasattr(widget, "text") else widget.currentText()
        for kind in (QAbstractButton, QComboBox, QLabel)
        for widget in view.findChildren(kind)
        if widget.isVisibleTo(view)
        and not widget.objectName().startswith("qt_")
        and not widget.visibleRegion().isEmpty()
        if widget.width() < widget.minimumSizeHint().width()
    ]
