"""The form's controls: one for every field of the table that has a place there, with its label and range."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QSlider, QWidget

from gui.form.model import SHOWN
from sdedge.field_types import Float, Integer
from sdedge.request_fields import FIELDS
from tests.gui.conftest import with_every_section


@pytest.fixture
def named(open_window) -> dict[str, list[QWidget]]:
    """The form's widgets by what they are called."""
    widgets: dict[str, list[QWidget]] = {}
    for widget in with_every_section(open_window(start=False).show_view("create").form).findChildren(QWidget):
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        for name in {widget.accessibleName(), text} - {""}:
            widgets.setdefault(name, []).append(widget)
    return widgets


def test_every_field_with_a_place_in_the_form_is_there(named):
    for name, entry in SHOWN.items():
        if name == "guidance_interval":  # two numbers
            assert {"Lowest noise level", "Highest noise level"} <= named.keys()
            continue
        widgets = named[entry.label]
        if entry.choices:
            (combo,) = [widget for widget in widgets if isinstance(widget, QComboBox)]
            labels = [label for label, _ in entry.choices.values()]
            assert [combo.itemText(row) for row in range(combo.count())] == labels, name
        elif isinstance(FIELDS[name].type, Integer | Float) and name not in (
            "width",
            "height",
            "seed",
            "variation_seed",
        ):
            (slider,) = [widget for widget in widgets if isinstance(widget, QSlider)]
            ends = slider.minimum() / entry.slider_steps, slider.maximum() / entry.slider_steps
            assert ends == (entry.low, entry.high), name
            assert all(FIELDS[name].check(type(FIELDS[name].type.low)(end)) is not None for end in ends), name
