"""Keys as this system means them: a Mac keeps some of the list's for itself, and marks its arrow keys. "Ctrl" is Cmd there."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence

ON_A_MAC = {
    "history": ("Ctrl+Y",),  # Cmd+H hides the app
    "redo": ("Ctrl+Shift+Z",),
    "weigh-more": ("Ctrl+Alt+Up",),  # Cmd+Up and Cmd+Down belong to the text field
    "weigh-less": ("Ctrl+Alt+Down",),
    "pause-queue": ("Ctrl+Shift+P",),  # Cmd+P prints
    "trash": ("Ctrl+Backspace", "Del"),  # Del needs fn
    "cancel": ("Esc", "Ctrl+."),
    "side-column": ("Ctrl+Alt+S", "F9"),  # F keys need fn
    "shortcuts": ("Ctrl+?", "F1"),
}
"""By an action's name: its keys on a Mac, where they are others."""


def sequences(id: str, keys: Sequence[str], standard: QKeySequence.StandardKey | None = None) -> list[QKeySequence]:
    """Returns an action's key sequences on this system."""
    if sys.platform == "darwin" and id in ON_A_MAC:
        return [QKeySequence(text) for text in ON_A_MAC[id]]
    if standard is not None:
        return QKeySequence.keyBindings(standard)
    return [QKeySequence(text) for text in keys]


def held(modifiers: Qt.KeyboardModifier) -> Qt.KeyboardModifier:
    """Returns the modifiers that a person holds: macOS adds that of the keypad to every arrow key."""
    return modifiers & ~Qt.KeyboardModifier.KeypadModifier
