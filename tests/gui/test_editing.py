"""Ctrl+Z is the text's while there is something in it to take back, and the window's otherwise, wherever the focus is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(params=["prompt", "seed"])
def field(request, view):
    """A field of several lines and one of a single line, with the focus."""
    texts = {"prompt": view.form.prompt.editor, "seed": view.form.seed.edit}
    view.window().activateWindow()
    texts[request.param].setFocus()
    return texts[request.param]


def text_of(field) -> str:
    return field.toPlainText() if hasattr(field, "toPlainText") else field.text()


def test_a_text_in_which_nothing_was_written_leaves_undo_to_the_window(view, field, qtbot):
    taken_back = []
    view.window().studio.undoing.push("a picture went", lambda: taken_back.append("it"))
    qtbot.keyClicks(field, "12")
    qtbot.keyClick(field, Qt.Key.Key_Z, CTRL)
    assert text_of(field) == "" and not taken_back  # what was written goes first
    qtbot.keyClick(field, Qt.Key.Key_Z, CTRL)
    assert taken_back == ["it"]
