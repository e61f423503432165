"""The order in which pictures are shown, and the headings that come with it. No torch."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sdedge.library.gallery import Gallery, GalleryEntry, Search, conditions

_GROUP = 500  # entries looked up together


class Order(StrEnum):
    """How pictures can be sorted. Within equal ones the newest comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    FAVOURITES = "favourites"
    MODEL = "model"
    SEED = "seed"
    SIZE = "size"
    PROMPT = "prompt"


@dataclass(frozen=True)
class Placed:
    """One picture in its place. `heading` is what it stands under: its day as 2026-05-31, its model, "favourite" or its size
    as 512x768; "" is under none, or without a name."""

    id: int
    heading: str


_NEWEST = "created DESC, id DESC"
_BY = {
    Order.NEWEST: _NEWEST,
    Order.OLDEST: "created, id",
    Order.FAVOURITES: f"favourite DESC, {_NEWEST}",
    Order.MODEL: f"model = '', model COLLATE NOCASE, {_NEWEST}",
    Order.SEED: f"seed = '', length(seed), seed, {_NEWEST}",  # digits of up to 2**64 - 1, more than integers hold
    Order.SIZE: f"width * height DESC, width DESC, {_NEWEST}",
    Order.PROMPT: f"prompt = '', prompt COLLATE NOCASE, {_NEWEST}",
}
_COLUMNS = {
    Order.NEWEST: "created", Order.OLDEST: "created", Order.FAVOURITES: "favourite", Order.MODEL: "model",
    Order.SIZE: "width, height",
}  # fmt: skip


def placed(gallery: Gallery, search: Search, order: Order = Order.NEWEST) -> list[Placed]:
    """Returns all pictures that a search finds, in this order, each with its heading."""
    where, values = conditions(search)
    column = f", {_COLUMNS[order]}" if order in _COLUMNS else ""
    query = f"SELECT id{column} FROM images WHERE {' AND '.join(where)} ORDER BY {_BY[order]}"
    heading = _heading_of(order)
    return [Placed(row[0], heading(row)) for row in gallery.database.execute(query, values)]


def sorted_entries(gallery: Gallery, search: Search, order: Order, limit: int) -> list[GalleryEntry]:
    """Returns the first pictures that a search finds in this order."""
    ids = [place.id for place in placed(gallery, search, order)[:limit]]
    groups = (ids[start : start + _GROUP] for start in range(0, len(ids), _GROUP))
    entries = {entry.id: entry for group in groups for entry in gallery.entries(group)}
    return [entries[id] for id in ids if id in entries]


def _heading_of(order: Order) -> Callable[[sqlite3.Row], str]:
    if order in (Order.NEWEST, Order.OLDEST):
        day = _Days()
        return lambda row: day.of(row[1])
    if order is Order.FAVOURITES:
        return lambda row: "favourite" if row[1] else ""
    if order is Order.SIZE:
        return lambda row: f"{row[1]}x{row[2]}"
    return (lambda row: str(row[1])) if order is Order.MODEL else (lambda row: "")


class _Days:
    """Unix times as local days; one that falls on the day of the one before costs nothing."""

    def __init__(self) -> None:
        self._begins, self._ends, self._day = 0.0, 0.0, ""

    def of(self, time: object) -> str:
        if not isinstance(time, (int, float)):
            return ""  # a damaged row
        if not self._begins <= time < self._ends:
            try:
                date = datetime.datetime.fromtimestamp(time).date()
                midnight = datetime.datetime.combine(date, datetime.time())
                after = datetime.datetime.combine(date + datetime.timedelta(days=1), datetime.time())
                self._begins, self._ends, self._day = midnight.timestamp(), after.timestamp(), date.isoformat()
            except (ValueError, OverflowError, OSError):
                return ""
        return self._day
