"""The headings of the gallery, in words."""

from __future__ import annotations

from datetime import date, timedelta

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from sdedge.library.gallery_order import Order

translate = QCoreApplication.translate
_PLAIN = (Order.SEED, Order.PROMPT)


def has_headings(order: Order) -> bool:
    """Returns whether pictures in this order stand under headings."""
    return order not in _PLAIN


def heading_text(order: Order, heading: str, today: date | None = None) -> str:
    """Returns what a heading of this order says."""
    if order in (Order.NEWEST, Order.OLDEST):
        return _day(heading, today or date.today())
    if order is Order.FAVOURITES:
        return translate("headings", "Favourites") if heading else translate("headings", "Others")
    if order is Order.SIZE:
        return heading.replace("x", " × ")
    return heading or translate("headings", "Model not known")


def _day(heading: str, today: date) -> str:
    try:
        day = date.fromisoformat(heading)
    except ValueError:
        return translate("headings", "Day not known")
    if day == today:
        return translate("headings", "Today")
    if day == today - timedelta(days=1):
        return translate("headings", "Yesterday")
    return QLocale().toString(QDate(day.year, day.month, day.day), QLocale.FormatType.LongFormat)
