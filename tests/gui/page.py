"""How tests find their way about the window: by what a person, or a screen reader, finds there."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractButton, QDialog, QPushButton, QWidget

from gui.shell.window import MainWindow


def button(parent: QWidget, name: str) -> QAbstractButton:
    """Returns the button of this text or accessible name, shown or not."""
    (match,) = (b for b in parent.findChildren(QAbstractButton) if name in (b.text(), b.accessibleName()))
    return match


def banner_button(window: MainWindow) -> QPushButton:
    """Returns the banner's button, whatever it offers now."""
    return window.banner.findChild(QPushButton)


def last_dialog(window: MainWindow) -> QDialog:
    """Returns the dialog that was made last."""
    return window.findChildren(QDialog)[-1]


SECTIONS = (
    "negative", "sampler", "image", "adapters", "styles", "regions", "controls", "enlarge", "guidance", "grid", "more",
)  # fmt: skip
"""The folded sections of the form, from top to bottom."""
