"""Sizes and paths as people read them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QGuiApplication

from gui.languages.texts import tr


def size_in_words(size: float) -> str:
    """Returns bytes as "4.3 GB", "22 MB" or "3 KB"."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return isolated(f"{decimal(size / unit, 1 if size < 10 * unit else 0)} {name}")
    return isolated(f"{max(1, round(size / 1e3))} KB")


def isolated(text: str) -> str:
    """Returns a number and its unit so that they keep their order where reading begins at the right."""
    is_turned = QGuiApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft
    return f"\u2066{text}\u2069" if is_turned else text


def decimal(number: float, places: int = 1) -> str:
    """Returns a number as it is written in the app's language: "4.3", and "4,3" in German."""
    return QLocale().toString(number, "f", places)


def shortest(number: float) -> str:
    """Returns a number with as few digits as it has, as people type it in the app's language: "7.5", and "7,5" in German."""
    return f"{number:g}".replace(".", QLocale().decimalPoint())


def as_python(text: str) -> str:
    """Returns a number that was typed with a comma, or as the app's language writes it, with the point that Python reads."""
    return text.replace(QLocale().decimalPoint(), ".").replace(",", ".")


def percent(fraction: float) -> str:
    """Returns 0 to 1 as "42%", and "42 %" in German."""
    return isolated(tr("{0}%").format(round(100 * fraction)))


def short_path(path: Path) -> str:
    """Returns a path with "~" for the person's own folder."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) and path != home else str(path)


def breakable(text: str) -> str:
    """Lines may break after every separator of a path or file name."""
    for separator in "/\\-_":
        text = text.replace(separator, separator + "\u200b")
    return text
