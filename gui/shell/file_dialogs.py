"""Asking for files and folders: each kind of question opens where it was answered last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from gui.shell.settings import Settings

_PICTURES = QStandardPaths.StandardLocation.PicturesLocation


def ask_files(parent: QWidget, settings: Settings, kind: str, title: str, filters: str) -> list[str]:
    """Returns the paths of existing files; none when it is given up."""
    names, _ = QFileDialog.getOpenFileNames(parent, title, _folder(settings, kind), filters)
    return _remember(settings, kind, names)


def ask_file(parent: QWidget, settings: Settings, kind: str, title: str, filters: str) -> str:
    """Returns the path of one existing file, or nothing."""
    name, _ = QFileDialog.getOpenFileName(parent, title, _folder(settings, kind), filters)
    return "".join(_remember(settings, kind, [name]))


def ask_folder(parent: QWidget, settings: Settings, kind: str, title: str, start: str = "") -> str:
    """Returns the path of a folder, or nothing; it opens at `start` where one is given."""
    name = QFileDialog.getExistingDirectory(parent, title, start or _folder(settings, kind))
    return "".join(_remember(settings, kind, [name]))


def ask_where(parent: QWidget, settings: Settings, kind: str, title: str, name: str, filters: str) -> str:
    """Returns the path for a new file, which the person allowed to be replaced if there is one; `name` is offered."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(Path(_folder(settings, kind)) / name), filters)
    return "".join(_remember(settings, kind, [chosen]))


def _folder(settings: Settings, kind: str) -> str:
    """Returns where it was answered last, or where such files are usually; the folder that a terminal stands in is neither."""
    latest = "".join(settings.texts(f"folder_{kind}")[:1])
    usual = QStandardPaths.StandardLocation.DownloadLocation if kind == "models" else _PICTURES
    places = (latest, QStandardPaths.writableLocation(usual), str(Path.home()))
    return next((place for place in places if place and Path(place).is_dir()), "")


def _remember(settings: Settings, kind: str, names: list[str]) -> list[str]:
    chosen = [name for name in names if name]
    if chosen:
        settings.set_texts(f"folder_{kind}", [str(Path(chosen[0]).parent)])
    return chosen
