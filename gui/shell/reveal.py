"""Showing a file in the system's file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices


def reveal(path: Path) -> None:
    """Opens the folder of a file, with the file chosen where the system can; a folder is opened itself."""
    if path.is_file() and sys.platform == "darwin":
        QProcess.startDetached("open", ["-R", str(path)])
    elif path.is_file() and sys.platform == "win32":
        explorer = QProcess()
        explorer.setProgram("explorer")
        # Explorer wants the quotes behind the comma; around the whole argument, where Qt puts them, it shows Documents.
        explorer.setNativeArguments(f'/select,"{path}"')
        explorer.startDetached()
    else:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))


def show_file(path: Path) -> None:
    """Opens a file in whatever the system opens it with."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
