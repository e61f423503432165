"""Whether things may move: what the system is set to, or less of it by a setting of ours. What moves at all asks here."""

from __future__ import annotations

import configparser
import os
import sys
from functools import cache
from pathlib import Path

from PySide6.QtWidgets import QApplication, QProgressBar

from sdedge.process import cocoa

THOUSAND = 1000
LESS = "less"
_PROPERTY = "motion"
_SPI_GETCLIENTAREAANIMATION = 0x1042
_FILES = (
    ("gtk-3.0/settings.ini", "Settings", "gtk-enable-animations", ("0", "false")),
    ("gtk-4.0/settings.ini", "Settings", "gtk-enable-animations", ("0", "false")),
    ("kdeglobals", "KDE", "AnimationDurationFactor", ("0", "0.0")),
)
"""Where desktops of Linux keep it, and what says that nothing is to move."""


def is_reduced() -> bool:
    """Returns whether nothing is to move that need not."""
    app = QApplication.instance()
    return (app is not None and app.property(_PROPERTY) == LESS) or system_reduces()


def choose(choice: str) -> None:
    """ "system", or LESS whatever the system says."""
    if (app := QApplication.instance()) is not None:
        app.setProperty(_PROPERTY, choice)


@cache
def system_reduces() -> bool:
    """Returns whether the system is set to move less; False where it does not say. None of it has run on a Mac or on Windows."""
    if sys.platform == "darwin":
        return mac_reduces(cocoa.runtime())
    if sys.platform == "win32":
        import ctypes

        moves = ctypes.c_int(1)
        ctypes.windll.user32.SystemParametersInfoW(_SPI_GETCLIENTAREAANIMATION, 0, ctypes.byref(moves), 0)
        return not moves.value
    return desktop_reduces(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"))


def mac_reduces(objc: cocoa.Runtime | None) -> bool:
    """Returns what the accessibility settings of macOS say."""
    if objc is None:
        return False
    workspace = objc.send(objc.find_class("NSWorkspace"), "sharedWorkspace")
    return bool((objc.send(workspace, "accessibilityDisplayShouldReduceMotion") or 0) & 0xFF)


def desktop_reduces(folder: Path) -> bool:
    """Returns what the files of GTK's and KDE's settings say."""
    for name, section, key, values in _FILES:
        reader = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            reader.read(folder / name, "utf-8")
        except (configparser.Error, OSError, ValueError):  # another program's file: what it says, or nothing
            continue
        if reader.get(section, key, fallback="").strip().lower() in values:
            return True
    return False


def show_share(bar: QProgressBar, fraction: float | None) -> None:
    """Shows how far something is, 0 to 1; where nobody knows (None), a bar that moves, or an empty one that does not."""
    bar.setRange(0, 0 if fraction is None and not is_reduced() else THOUSAND)
    bar.setValue(round(THOUSAND * (fraction or 0)))
