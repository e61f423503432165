"""The headings of the gallery, in words."""

from __future__ import annotations

from datetime import date, timedelta

from PySide6.QtCore import QDate, QLocale

from gui.languages.texts import tr
from sdedge.library.gallery_order import Order

_PLAIN = (Order.SEED, Order.PROMPT)


def has_headings(order: Order) -> bool:
    """Returns whether pictures in this order stand under headings."""
    return order not in _PLAIN


def heading_text(order: Order, heading: str, today: date | None = None) -> str:
    """Returns what a heading of this order says."""
    if order in (Order.NEWEST, Order.OLDEST):
        return _day(heading, today or date.today())
    if order is Order.FAVOURITES:
        return tr("Favourites") if heading else tr("Others")
    if order is Order.SIZE:
        return heading.replace("x", " × ")
    return heading or tr("Model not known")


def _day(heading: str, today: date) -> str:
    try:
        day = date.fromisoformat(heading)
    except ValueError:
        return tr("Day not known")
    if day == today:
        return tr("Today")
    if day == today - timedelta(days=1):
        return tr("Yesterday")
    return QLocale().toString(QDate(day.year, day.month, day.day), QLocale.FormatType.LongFormat)
