"""The space bar in the gallery shows a picture large, and once more goes back."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.pictures import save_pictures


def test_space_shows_a_picture_large_and_goes_back(open_window, tmp_path, qtbot):
    save_pictures(tmp_path / "out", ["a house", "a boat"])
    window = open_window(start=False)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: view.model.rowCount() == 2)
    view.choose(1)
    QTest.keyClick(view.list, Qt.Key.Key_Space)
    canvas = view.large.canvas
    assert view.large.isVisible() and window.focusWidget() is canvas
    qtbot.waitUntil(lambda: canvas.shows_picture)
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    assert view.list.currentIndex().row() == 0 and view.large.isVisible()
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert not view.large.isVisible() and view.list.isVisible() and view.list.currentIndex().row() == 0
