"""The Window menu that a Mac's user looks for."""

from __future__ import annotations

import sys

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget


def add_window_menu(bar: QMenuBar, window: QWidget) -> QMenu | None:
    """Adds minimise, zoom and close, with the keys that the system has for them; only on a Mac."""
    if sys.platform != "darwin":
        return None

    def translated(text: str) -> str:
        return QCoreApplication.translate("mac", text)

    menu = bar.addMenu(translated("Window"))
    zoom = lambda: window.showNormal() if window.isMaximized() else window.showMaximized()  # noqa: E731
    rows = (("Minimize", "Ctrl+M", window.showMinimized), ("Zoom", "", zoom), ("Close", "Ctrl+W", window.close))
    for text, keys, work in rows:
        action = QAction(translated(text), menu)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(work)
        menu.addAction(action)
    return menu
