"""Which of the system's libraries Qt lacks to open a window on X11: it ends the process where one is missing. No Qt."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

# Those of Qt 6's xcb plugin that a desktop may be without: library -> its package on Debian and Ubuntu.
PACKAGES = {
    "libxcb-cursor.so.0": "libxcb-cursor0", "libxcb-icccm.so.4": "libxcb-icccm4", "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1", "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-xkb.so.1": "libxcb-xkb1", "libxkbcommon-x11.so.0": "libxkbcommon-x11-0", "libxkbcommon.so.0": "libxkbcommon0",
    "libEGL.so.1": "libegl1",
}  # fmt: skip


def missing_packages(load: Callable[[str], object] = ctypes.CDLL) -> list[str]:
    """Returns the packages to install; none where the window is not opened on X11."""
    asked = os.environ.get("QT_QPA_PLATFORM", "")
    elsewhere = (asked and not asked.startswith("xcb")) or (not asked and "WAYLAND_DISPLAY" in os.environ)
    if sys.platform != "linux" or elsewhere:
        return []
    return [package for library, package in PACKAGES.items() if not _loads(library, load)]


def _loads(library: str, load: Callable[[str], object]) -> bool:
    try:
        load(library)
    except OSError:
        return False
    return True
