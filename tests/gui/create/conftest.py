"""The create view over an engine that draws noise, and pictures of one colour."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage

from tests.gui.conftest import PATIENCE


@pytest.fixture
def view(open_window):
    """The create view of a new window, with the noise engine's model chosen."""
    window = open_window()
    view = window.show_view("create")
    window.studio.form.put(model="fake")
    return view


def wait(qtbot, condition) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


def draw(view, qtbot, prompt: str, **fields) -> None:
    view._studio.form.put(prompt=prompt, **fields)
    view.generate()


def filled(color: str, width: int = 64, height: int = 64) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image
