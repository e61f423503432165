"""How code marks and translates its texts. A QObject says `self.tr("…")`; everything else uses these."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def mark(text: str) -> str:
    """Marks a text of a table for the translators; the table's reader says `tr(text)` when it is shown."""
    return text


def tr(text: str, about: str = "", count: int = -1) -> str:
    """Returns a text in the app's language; with a `count`, "%n" becomes it, in the form that goes with it.

    `about` tells texts apart that are one in English and two elsewhere. Names in braces are filled in by the caller
    afterwards, so that translators see whole sentences.
    """
    return QCoreApplication.translate("", text, about or None, count) if text else ""  # type: ignore[arg-type]
