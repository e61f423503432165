"""How code marks and translates its texts. A QObject says `self.tr("…")`; everything else uses these."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def mark(text: str) -> str:
    """Marks a text of a table for the translators; the table's reader says `tr(text)` when it is shown."""
    return text


def context_of(room: str, about: str | None) -> str:
    """Returns the context in a room's files: of its own for texts of a certain meaning, since lrelease leaves out what tells
    texts apart where a file has only one of them, and another room's would be taken."""
    return f"{room}: {about}" if about else room


def for_others(text: str) -> str:
    """Returns a marked text in the app's language, and nothing in English: what stands before a sentence of the engine, which is
    English everywhere, so that others know what it is about."""
    said = tr(text)
    return "" if said == text else said


def tr(text: str, about: str = "", count: int = -1) -> str:
    """Returns a text in the app's language; with a `count`, "%n" becomes it, in the form that goes with it.

    `about` tells texts apart that are one in English and two elsewhere. Names in braces are filled in by the caller
    afterwards, so that translators see whole sentences.
    """
    return QCoreApplication.translate("", text, about or None, count) if text else ""
