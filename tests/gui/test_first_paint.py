"""What the first paint does not wait for, and what must be as if it had."""

from __future__ import annotations

import builtins
import subprocess
import sys

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from gui.form.control_section import ControlSection
from gui.shell.imports import keep_imports_plain
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import Later, stack
from sdedge.controls import Control
from tests.gui.conftest import with_every_section


def test_what_is_made_later_has_its_place_in_the_order_of_tab(qtbot):
    before, after, first, second = QLineEdit(), QLineEdit(), QLineEdit(), QLineEdit()
    later = Later(lambda: stack(first, second))
    window = stack(before, later, after)
    qtbot.addWidget(window)
    assert later.make() is later.make()
    reached, widget = [], before
    for _ in range(len(window.findChildren(QWidget)) + 1):
        reached += [widget] if isinstance(widget, QLineEdit) else []
        widget = widget.nextInFocusChain()
    assert reached[:4] == [before, first, second, after]


def test_a_section_of_the_form_is_made_when_it_is_asked_for_and_shows_what_the_form_holds(open_window):
    window = open_window(start=False)
    view = window.show_view("create").form
    assert not view.findChildren(ControlSection)
    window.studio.form.put(controls=(Control("canny"),))
    assert not view.findChildren(ControlSection)
    assert len(view.control.rows) == 1 and view.isAncestorOf(view.control)


@pytest.mark.slow
def test_no_label_of_the_form_is_a_window_before_it_has_a_place(open_window, monkeypatch):
    alone, show = [], FaultLabel.setVisible

    def watched(label, visible):
        alone.extend([label.text()] if visible and label.isWindow() else [])
        show(label, visible)

    monkeypatch.setattr(FaultLabel, "setVisible", watched)
    with_every_section(open_window(start=False).show_view("create"))
    assert not alone


def test_a_window_that_was_built_without_the_stylesheet_has_it(theme, qtbot):
    app, sheet = QApplication.instance(), QApplication.instance().styleSheet()
    with theme.undressed():
        assert not app.styleSheet()
    assert sheet and app.styleSheet() == sheet


def test_the_import_statement_is_as_before_pyside(monkeypatch):
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)  # which is put back
    keep_imports_plain()
    assert builtins.__import__ is builtins.__orig_import__  # type: ignore[attr-defined]


def test_the_window_and_what_speaks_to_the_engine_import_nothing_that_takes_long():
    """NumPy alone would keep the main thread for a quarter of a second, just after the first paint."""
    parts = "gui.shell.app, gui.create.view, gui.models.card, gui.shell.bridge, sdedge.process.supervisor"
    code = f"import sys, {parts}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "sdedge.generation.journals" in loaded
    assert not {"numpy", "torch", "importlib.metadata", "transformers"} & {*loaded}
