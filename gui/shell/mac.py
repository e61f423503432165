"""The Window menu that a Mac's user looks for."""

from __future__ import annotations

import sys

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from gui.languages.texts import tr


def add_window_menu(bar: QMenuBar, window: QWidget) -> QMenu | None:
    """Adds minimise, zoom and close, with the keys that the system has for them; only on a Mac."""
    if sys.platform != "darwin":
        return None
    menu = bar.addMenu(tr("Window"))
    zoom = lambda: window.showNormal() if window.isMaximized() else window.showMaximized()  # noqa: E731
    rows = (
        (tr("Minimize"), "Ctrl+M", window.showMinimized), (tr("Zoom"), "", zoom), (tr("Close"), "Ctrl+W", window.close),
    )  # fmt: skip
    for text, keys, work in rows:
        action = QAction(text, menu)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(work)
        menu.addAction(action)
    return menu
