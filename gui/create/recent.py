"""The latest pictures beside the canvas: chosen with a click or the arrow keys, dragged out as files."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
    QUrl,
    Signal,
)
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QVBoxLayout, QWidget

from gui.gallery.delegate import PictureDelegate
from gui.gallery.model import ENTRY
from gui.gallery.thumbnail_toolbar import ThumbnailToolbar
from gui.gallery.thumbnails import Thumbnails
from gui.look.plain import PlainLabel, plain_tooltip
from gui.look.theme import GAP, set_kind
from gui.shell.picture_actions import Subject
from gui.shell.studio import Studio
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.jobs import Queue
from sdedge.places import data_folder

SHOWN = 24
CELL = 65  # pixels of a picture with the gap around it, and more where that fills a row
CALM = 150  # milliseconds between looks
Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()


class RecentModel(QAbstractListModel):
    """The latest entries of the gallery."""

    def __init__(self, studio: Studio, thumbnails: Thumbnails) -> None:
        super().__init__(thumbnails)
        self._studio = studio
        self._entries: list[GalleryEntry] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CALM)
        self._timer.timeout.connect(self.refresh)
        studio.bridge.store_changed.connect(lambda: self._timer.isActive() or self._timer.start())
        studio.trash.changed.connect(self.refresh)
        thumbnails.loaded.connect(lambda: self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1)))

    def refresh(self) -> None:
        """Looks again."""
        leaving = self._studio.trash.leaving

        def look(queue: Queue, gallery: Gallery) -> list[GalleryEntry]:
            entries = gallery.search(limit=SHOWN + len(leaving))
            return [entry for entry in entries if entry.id not in leaving][:SHOWN]

        self._studio.bridge.ask(look, self._take, lambda error: None, self)

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._entries):
            return None
        entry = self._entries[index.row()]
        if role == ENTRY:
            return entry
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            text = f"{entry.prompt}\n{entry.width} × {entry.height}"
            return plain_tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeData(self, indexes: Any) -> QMimeData:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(index.data(ENTRY).path)) for index in indexes])
        return data

    def _take(self, entries: list[GalleryEntry]) -> None:
        if entries != self._entries:
            self.beginResetModel()
            self._entries = entries
            self.endResetModel()


class RecentList(QListView):
    """As many in a row as there is room for, all of the width shared among them."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent, None, self.verticalScrollBar())
        width = self.maximumViewportSize().width() - bar - 1  # as Qt wraps, which has room for the bar in any case
        cell = max(CELL, width // max(1, width // CELL))
        if self.gridSize().width() != cell:
            self.setGridSize(QSize(cell, cell))


class Recent(QWidget):
    """`chosen` carries the entry that a person wants to see."""

    chosen = Signal(object)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.thumbnails = Thumbnails(data_folder(), self)
        self.model = RecentModel(studio, self.thumbnails)
        self.list = RecentList()
        self.list.setModel(self.model)
        self.list.setItemDelegate(PictureDelegate(studio.theme, self.thumbnails, self.list))
        self.list.setAccessibleName(self.tr("Recent pictures"))
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(True)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setGridSize(QSize(CELL, CELL))
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        set_kind(self.list, "recent")
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.list.selectionModel().currentChanged.connect(self._choose_by_key)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._menu)
        self.list.setObjectName("recent")
        self.model.modelReset.connect(self.thumbnails.forget_faults)  # a file that was moved is found at its new place
        self.model.modelReset.connect(lambda: self.toolbar)  # there is something to do it with from then on
        self.list.addAction(studio.actions["trash"])
        title = PlainLabel(self.tr("Recent"))
        set_kind(title, "title")
        title.setBuddy(self.list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(title)
        column.addWidget(self.list, 1)
        self.model.refresh()

    @cached_property
    def toolbar(self) -> ThumbnailToolbar:
        return ThumbnailToolbar(self._studio, self.list)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.thumbnails.forget_faults()

    def close_threads(self) -> None:
        """No thumbnail is made any more."""
        self.thumbnails.close()

    def _menu(self, at: QPoint) -> None:
        """Opens a menu about the picture under the mouse, which need not be the one on the canvas."""
        entry = self.list.indexAt(at).data(ENTRY)
        if entry is not None:
            self._studio.pictures.menu(self.list, Subject.of(entry)).popup(self.list.viewport().mapToGlobal(at))

    def _choose_by_key(self, now: Index, before: Index) -> None:
        if self.list.hasFocus():
            self._choose(now)

    def _choose(self, index: Index) -> None:
        if (entry := index.data(ENTRY)) is not None:
            self.chosen.emit(entry)
