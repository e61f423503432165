"""The gallery's pictures as Qt sees them: all ids at once, the rest of a picture when it comes into view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDateTime,
    QLocale,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    QUrl,
    Signal,
)

from gui.gallery.thumbnails import Thumbnails
from gui.languages.texts import tr
from gui.look.plain import plain_tooltip
from gui.shell.background import in_words
from gui.shell.bridge import Bridge
from gui.shell.trash import Trash
from sdedge.library.gallery import GalleryEntry, Search
from sdedge.library.gallery_order import Order, Placed, placed

CHUNK = 100  # rows looked up together
AGAIN = 3000  # milliseconds until pictures are read again that could not be
ENTRY = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class GalleryModel(QAbstractListModel):
    """One row per picture that the search finds, newest first. Nothing here waits for the database."""

    counted = Signal(int)
    """How many pictures the search finds."""
    failed = Signal(str)
    """Something could not be done, in words."""
    aged = Signal()
    """What was read of the pictures may hold no longer; it stays until they are wanted, and read, again."""

    def __init__(self, bridge: Bridge, trash: Trash, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.thumbnails = thumbnails
        self._bridge, self._trash = bridge, trash
        self._search = Search()
        self._order = Order.NEWEST
        self._round = 0
        self._ids: list[int] = []
        self.headings: list[str] = []
        """What each row stands under, by `order`."""
        self._entries: dict[int, GalleryEntry] = {}
        self._asked: set[int] = set()
        """Pictures that are being read."""
        self._fresh: set[int] = set()
        """Pictures that were read since the gallery changed last."""
        self._soon = _timer(self, 150, self._look_again)
        self._again = _timer(self, AGAIN, self._look_again)
        trash.changed.connect(self._leave_out)
        trash.emptied.connect(self.look)
        bridge.store_changed.connect(self.refresh)

    # Looking

    def search(self, search: Search) -> None:
        """Shows what this finds instead."""
        if search != self._search:
            self._search = search
            self._round += 1
            self.look()

    def sort_by(self, order: Order) -> None:
        """Shows the same pictures in this order."""
        if order != self._order:
            self._order = order
            self._round += 1
            self.look()

    @property
    def searching(self) -> Search:
        return self._search

    @property
    def order(self) -> Order:
        return self._order

    def refresh(self) -> None:
        """Looks soon whether pictures came, went or changed."""
        if not self._soon.isActive():
            self._soon.start()

    def _look_again(self) -> None:
        """Looks for pictures that came or went, and holds none for read: another process may have changed it."""
        self._asked, self._fresh = set(), set()
        self.look()
        self.aged.emit()

    def look(self) -> None:
        """Looks now for pictures that came or went."""
        search, order, asked_in = self._search, self._order, self._round

        def show(places: list[Placed]) -> None:
            if asked_in == self._round:
                self._show(places)

        self._bridge.ask(lambda queue, gallery: placed(gallery, search, order), show, self._complain, self)

    def _show(self, places: list[Placed]) -> None:
        """Takes over a result, keeping the rows that stay, so that neither selection nor scroll position jump."""
        leaving = self._trash.leaving
        places = [place for place in places if place.id not in leaving]
        ids, headings = [place.id for place in places], [place.heading for place in places]
        if ids != self._ids or headings != self.headings:
            old, new = set(self._ids), set(ids)
            staying = old & new
            if len(old ^ new) > CHUNK or not _same_order(self._ids, ids, staying):
                self._put(ids, headings)
            else:
                self._remove(old - new)
                self._insert(ids, headings, new - old)
                self._set_headings(headings)
        self.counted.emit(len(self._ids))

    def _put(self, ids: list[int], headings: list[str]) -> None:
        self.beginResetModel()
        self._ids, self.headings = ids, headings
        self.endResetModel()

    def _remove(self, gone: set[int]) -> None:
        if len(gone) > CHUNK:  # one by one they would take too long
            rows = [row for row, id in enumerate(self._ids) if id not in gone]
            self._put([self._ids[row] for row in rows], [self.headings[row] for row in rows])
            return
        for row in reversed([row for row, id in enumerate(self._ids) if id in gone]):
            self.beginRemoveRows(ROOT, row, row)
            del self._ids[row]
            del self.headings[row]
            self.endRemoveRows()

    def _insert(self, ids: list[int], headings: list[str], come: set[int]) -> None:
        for row, id in enumerate(ids):
            if id in come:
                self.beginInsertRows(ROOT, row, row)
                self._ids.insert(row, id)
                self.headings.insert(row, headings[row])
                self.endInsertRows()

    def _set_headings(self, headings: list[str]) -> None:
        if headings != self.headings:
            self.layoutAboutToBeChanged.emit()
            self.headings = headings
            self.layoutChanged.emit()

    # Rows

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def entry(self, row: int) -> GalleryEntry | None:
        """Returns the picture of a row as it was read last, None before; this call begins to read it where that is due."""
        if not 0 <= row < len(self._ids):
            return None
        if self._ids[row] not in self._fresh:
            self.want(range(row // CHUNK * CHUNK, row // CHUNK * CHUNK + CHUNK))
        return self._entries.get(self._ids[row])

    def ids(self, rows: Iterable[int]) -> list[int]:
        return [self._ids[row] for row in rows]

    def row(self, id: int) -> int | None:
        """Returns where a picture is, if the search finds it."""
        return self._ids.index(id) if id in self._ids else None

    def rows(self, ids: Iterable[int]) -> list[int]:
        """Returns where these pictures are, in the order of the rows; those that the search does not find are left out."""
        wanted = set(ids)
        return [row for row, id in enumerate(self._ids) if id in wanted]

    def want(self, rows: Iterable[int]) -> None:
        """Reads the pictures of these rows that were not read since the gallery changed."""
        unread = [self._ids[row] for row in rows if row < len(self._ids)]
        unread = [id for id in unread if id not in self._fresh and id not in self._asked]
        for start in range(0, len(unread), CHUNK):
            self._read(unread[start : start + CHUNK])

    def _read(self, ids: list[int]) -> None:
        asked, fresh = self._asked, self._fresh  # of which there are others when the gallery changes meanwhile
        asked.update(ids)

        def take(entries: list[GalleryEntry]) -> None:
            asked.difference_update(ids)
            fresh.update(ids)
            self._take(entries)

        def fail(error: Exception) -> None:
            self._again.start()  # not at once: what it says has the view painted, which asks for them
            self._complain(error)

        self._bridge.ask(lambda queue, gallery: gallery.entries(ids), take, fail, self)

    def _take(self, entries: list[GalleryEntry]) -> None:
        changed = [entry.id for entry in entries if self._entries.get(entry.id) != entry]
        self._entries.update({entry.id: entry for entry in entries})
        if changed:
            self.thumbnails.forget_faults()  # a file that was moved is found at its new place
            self._tell_changed(changed)

    def _tell_changed(self, ids: Sequence[int]) -> None:
        changed = set(ids)
        rows = [row for row, id in enumerate(self._ids) if id in changed]
        if rows:
            self.dataChanged.emit(self.index(rows[0]), self.index(rows[-1]))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entry(index.row()) if index.isValid() else None
        if entry is None:
            return None
        if role == ENTRY:
            return entry
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = entry.prompt or entry.path.name
            return plain_tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return spoken(entry)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = super().flags(index)
        return usual | Qt.ItemFlag.ItemIsDragEnabled | Qt.ItemFlag.ItemNeverHasChildren if index.isValid() else usual

    # Out as files

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        entries = [entry for index in indexes if (entry := self.entry(index.row())) is not None]
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(entry.path)) for entry in entries if entry.path.exists()])
        return data

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    # Marks

    def show_mark(self, ids: Sequence[int], favourite: bool) -> None:
        """Pictures were marked, which is seen at once."""
        for id in ids:
            if id in self._entries and self._entries[id].favourite != favourite:
                self._entries[id] = replace(self._entries[id], favourite=favourite)
        self._tell_changed(ids)

    def set_tags(self, id: int, tags: Sequence[str]) -> None:
        """Gives a picture these tags."""
        self._bridge.change(lambda queue, gallery: gallery.set_tags(id, tags), None, self._complain, self)

    def _leave_out(self) -> None:
        """Pictures are on their way to the trash, or came back."""
        leaving = self._trash.leaving & set(self._ids)
        if leaving:
            self._remove(set(leaving))
            self.counted.emit(len(self._ids))
        else:
            self.look()

    def _complain(self, error: Exception) -> None:
        self.failed.emit(in_words(error))


def spoken(entry: GalleryEntry) -> str:
    """Returns a picture in words, for those who do not see it."""
    text = tr("{what}, {width} by {height}, {when}")
    if entry.favourite:
        text = tr("{what}, favourite, {width} by {height}, {when}")
    return text.format(
        what=entry.prompt or entry.path.name, width=entry.width, height=entry.height, when=made_at(entry.created)
    )


def made_at(seconds: float) -> str:
    """Returns a Unix time as the day and the minute, written as in the app's language."""
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.ShortFormat)


def _same_order(old: list[int], new: list[int], staying: set[int]) -> bool:
    return [id for id in old if id in staying] == [id for id in new if id in staying]


def _timer(owner: QObject, milliseconds: int, slot: Any) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
