"""Words as they are: Qt guesses whether a label, a tooltip or a message is HTML, and would open what it names. Every text
of a file, a model or a person is shown through these; nothing else in the app makes a label or a tooltip."""

from __future__ import annotations

import html

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QMessageBox, QToolTip, QWidget


class PlainLabel(QLabel):
    """A label that shows its text literally."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)  # before there is a text
        self.setText(text)


def plain_tooltip(text: str) -> str:
    """Returns a text for a tooltip, which Qt shows literally: what it would take for HTML is escaped."""
    guessed = "<" in text or "&" in text  # all that Qt's guess goes by
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>" if guessed else text


def set_tooltip(widget: QWidget | QAction, text: str) -> None:
    """Gives a widget, or an action and its buttons, a tooltip with this text, literally."""
    widget.setToolTip(plain_tooltip(text))


def show_tooltip(place: QPoint, text: str, widget: QWidget) -> None:
    """Shows a tooltip at a place of the screen, for what is painted and no widget of its own."""
    QToolTip.showText(place, plain_tooltip(text), widget)


def menu_text(text: str) -> str:
    """Returns a text for a menu's entry: "&" would name a key and a tab would set off a shortcut."""
    return " ".join(text.split()).replace("&", "&&")


def message_box(parent: QWidget | None, text: str, more: str, title: str = "") -> QMessageBox:
    """Returns a message with smaller words beneath it, both literally; the caller adds buttons and opens it."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setInformativeText(" ")  # makes its label
    for label in box.findChildren(QLabel):
        label.setTextFormat(Qt.TextFormat.PlainText)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.setInformativeText(more)
    return box
