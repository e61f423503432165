"""Every text a person reads can be translated: with a translator that marks all it is asked for, none is unmarked."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QWidget

from gui.shell.views import VIEWS
from sdedge import catalog
from sdedge.guides import GUIDES
from sdedge.library import licences
from sdedge.passes import ENLARGERS
from tests.gui.conftest import with_every_section

# What is the same in every language: names of models, samplers and units, and the engine's own advice.
NAMES = {
    "pocket",
    "sdedge",
    "fake",
    *licences.COMMON,
    *(row.label for row in ENLARGERS.values()),
    *(number.name for guide in GUIDES.values() for number in guide.numbers),
} | {
    text
    for table in (catalog.SAMPLERS, catalog.SCHEDULES, catalog.PRESETS, catalog.SPEEDS)
    for row in table.values()
    for text in (row.label, getattr(row, "text", ""), getattr(row, "advice", ""))
}


class Marking(QTranslator):
    def translate(self, context, source, disambiguation=None, n=-1):
        return f"⟦{source}⟧"

    def isEmpty(self):
        return False


@pytest.fixture
def marking(qapp):
    translator = Marking()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def texts(widget: QWidget):
    """(where, text) of everything readable in it."""
    for child in widget.findChildren(QWidget):
        readable = [child.toolTip(), child.accessibleName()]
        if isinstance(child, QLabel | QAbstractButton):
            readable.append(child.text())
        elif isinstance(child, QLineEdit):
            readable.append(child.placeholderText())
        elif isinstance(child, QComboBox):
            readable += [child.itemText(i) for i in range(child.count())]
        for text in readable:
            yield type(child).__name__, text


def test_every_text_of_a_view_is_translated(marking, open_window, qtbot):
    window = open_window(start=False)
    views = [with_every_section(window.show_view(view.name)) for view in VIEWS]
    readable = [text for view in views for text in texts(view)]
    unmarked = {
        (kind, text)
        for kind, text in [*readable, *((type(action).__name__, action.text()) for action in window.actions())]
        if any(letter.isalpha() and letter != "x" for letter in text) and "⟦" not in text and text not in NAMES
    }
    assert not unmarked
