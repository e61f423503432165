"""The gallery: every picture there is, found again by words, and taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.gallery.delegate import PictureDelegate
from gui.gallery.details import GalleryDetails
from gui.gallery.filters import GalleryFilters
from gui.gallery.grid import PictureList
from gui.gallery.model import CHUNK, GalleryModel
from gui.gallery.thumbnails import Thumbnails
from gui.look.plain import PlainLabel
from gui.look.theme import GAP, PAD, set_kind, spaced_font
from gui.shell.background import in_words
from gui.shell.restoring import from_entry
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from gui.widgets.empty import Empty
from sdedge.library.gallery import Entry, Gallery
from sdedge.library.jobs import Queue
from sdedge.places import data_folder

_ACTIONS = (
    "use-settings", "use-seed", "edit-picture", "paint-picture", "copy-prompt", "favourite", "reveal", "trash",
)  # fmt: skip
_SINGLE = ("use-settings", "use-seed", "edit-picture", "paint-picture", "copy-prompt", "reveal")


class GalleryView(QWidget):
    """Filters above, pictures in the middle, the chosen one beside."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.thumbnails = Thumbnails(data_folder(), self)
        self.model = GalleryModel(studio.bridge, self.thumbnails, self)
        self.filters = GalleryFilters(studio.theme)
        self.details = GalleryDetails(studio)
        self.list = PictureList(self.model, PictureDelegate(studio.theme, self.thumbnails, self))
        self.count = PlainLabel()
        self.empty = Empty(studio.theme, "gallery")
        self._middle = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_chosen()
        self.model.look()
        self._offer_choices()

    # What is chosen

    def chosen(self) -> list[int]:
        """The ids of the selected pictures, in the order of the view."""
        return self.model.ids(self.list.chosen_rows())

    def current(self) -> Entry | None:
        """The picture that actions for one are about."""
        index = self.list.currentIndex()
        return (
            self.model.entry(index.row()) if index.isValid() and self.list.selectionModel().isSelected(index) else None
        )

    def choose(self, row: int) -> None:
        """Select one picture and scroll to it."""
        index = self.model.index(row)
        self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _chosen_changed(self) -> None:
        self.model.want(self.list.chosen_rows()[:CHUNK])
        self._show_chosen()

    def _show_chosen(self) -> None:
        entry, ids = self.current(), self.chosen()
        for id in _ACTIONS:
            action = self._studio.actions[id]
            action.setEnabled(self.isVisible() and bool(ids) and (id not in _SINGLE or entry is not None))
        self._studio.actions["favourite"].setChecked(bool(entry and entry.favourite))
        self.details.setVisible(entry is not None)
        if entry is None:
            return
        self.details.show_entry(entry, self.thumbnails.pixmap(entry), [])
        asked = entry.id

        def show_tags(tags: list[str]) -> None:
            entry = self.current()
            if entry is not None and entry.id == asked:
                self.details.show_entry(entry, self.thumbnails.pixmap(entry), tags)

        self._studio.bridge.ask(lambda queue, gallery: gallery.tags(asked), show_tags, self._say, self)

    def _read_rows(self, first: QModelIndex, last: QModelIndex) -> None:
        if first.row() <= self.list.currentIndex().row() <= last.row():
            self._show_chosen()

    def _thumbnail_came(self, content: str) -> None:
        self.list.repaint_picture(content)
        entry = self.current()
        if entry is not None and entry.content == content:
            self.details.show_picture(self.thumbnails.pixmap(entry))

    # What can be done

    def _use_settings(self) -> None:
        if (entry := self.current()) is not None:
            work = self._studio.bridge.background
            work.run(partial(from_entry, entry), self._studio.drops.restore, self._say, self)

    def _use_seed(self) -> None:
        entry = self.current()
        if entry is not None and entry.seed is not None:
            self._studio.use_seed(entry.seed)

    def _edit(self, paint: bool) -> None:
        if (entry := self.current()) is not None:
            self._studio.edit_picture(entry.path, paint)

    def _copy_prompt(self) -> None:
        if (entry := self.current()) is not None:
            QGuiApplication.clipboard().setText(entry.prompt)

    def _favourite(self) -> None:
        entry = self.current()
        self.model.set_favourite(self.chosen(), not (entry and entry.favourite))
        self._show_chosen()

    def _reveal(self) -> None:
        if (entry := self.current()) is not None:
            reveal(entry.path)

    def trash(self) -> None:
        """Send the chosen pictures to the trash and go on to the next one."""
        ids = self.chosen()
        if not ids:
            return
        row = self.list.chosen_rows()[0]
        self.model.trash(ids)
        words = (
            self.tr("1 picture moved to the trash.") if len(ids) == 1 else self.tr("{0} pictures moved to the trash.")
        )
        self._studio.offer_undo(words.format(len(ids)), self.model.undo_trash)
        if self.model.rowCount():
            self.choose(min(row, self.model.rowCount() - 1))

    def _menu(self, at: QPoint) -> None:
        if not self.chosen():
            return
        menu = QMenu(self)
        for id in _ACTIONS:
            menu.addAction(self._studio.actions[id])
            if id in ("use-seed", "paint-picture", "reveal"):
                menu.addSeparator()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.list.viewport().mapToGlobal(at))

    # The whole

    def _search(self) -> None:
        self.model.search(self.filters.search())
        self.list.scrollToTop()

    def _counted(self, count: int) -> None:
        self.count.setText(self.tr("1 picture") if count == 1 else self.tr("{0} pictures").format(f"{count:,}"))
        self._middle.setCurrentIndex(0 if count else 1)
        if count:
            return
        if self.filters.narrowed:
            self.empty.say(
                self.tr("Nothing found"),
                self.tr("No picture has all of this."),
                self.tr("Show all"),
                self.filters.clear,
            )
        else:
            self.empty.say(
                self.tr("No pictures yet"),
                self.tr("Every picture you make is kept here, with everything that made it."),
                self.tr("Make one"), lambda: self._studio.show_view("create"),
            )  # fmt: skip

    def _offer_choices(self) -> None:
        def choices(queue: Queue, gallery: Gallery) -> tuple[list[str], list[str]]:
            return gallery.models(), list(gallery.all_tags())

        self._studio.bridge.ask(choices, lambda found: self.filters.offer(*found), self._say, self)

    def _tag(self, id: int, tags: Sequence[str]) -> None:
        self.model.set_tags(id, tags)
        self._offer_choices()

    def _say(self, error: Any) -> None:
        self._studio.say(in_words(error), "bad")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.list.setFocus()
        self.thumbnails.forget_faults()
        self.model.refresh()
        self._offer_choices()
        self._show_chosen()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._show_chosen()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.model.empty_trash()
        self.thumbnails.close()
        self._studio.settings.set_state("gallery", self._splitter.saveState())
        super().closeEvent(event)

    # Building

    def _lay_out(self) -> None:
        set_kind(self, "window")
        set_kind(self.count, "muted")
        self.count.setFont(spaced_font(self.count.font()))
        self.filters.row.addWidget(self.count)
        pictures = QWidget()
        inside = QVBoxLayout(pictures)
        inside.setContentsMargins(PAD - GAP // 2, GAP, 0, 0)
        inside.addWidget(self.list)
        self._middle.addWidget(pictures)
        self._middle.addWidget(self.empty)
        self.details.setMinimumWidth(240)
        self.details.setMaximumWidth(420)
        self._splitter = QSplitter()
        self._splitter.addWidget(self._middle)
        self._splitter.addWidget(self.details)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setSizes([960, 320])
        if (state := self._studio.settings.state("gallery")) is not None:
            self._splitter.restoreState(state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.filters)
        column.addWidget(self._splitter, 1)

    def _connect(self) -> None:
        self.filters.changed.connect(self._search)
        self.model.counted.connect(self._counted)
        self.model.failed.connect(self._say)
        self.model.dataChanged.connect(lambda first, last, roles: self._read_rows(first, last))
        self.model.modelReset.connect(self._show_chosen)
        self.thumbnails.loaded.connect(self._thumbnail_came)
        self.details.tagged.connect(self._tag)
        selection = self.list.selectionModel()
        selection.selectionChanged.connect(lambda *_: self._chosen_changed())
        selection.currentChanged.connect(lambda *_: QTimer.singleShot(0, self, self._show_chosen))
        self.list.customContextMenuRequested.connect(self._menu)
        self.list.activated.connect(lambda _: self._use_settings())
        actions = self._studio.actions
        actions.bind("use-settings", self._use_settings)
        actions.bind("use-seed", self._use_seed)
        actions.bind("edit-picture", lambda: self._edit(paint=False))
        actions.bind("paint-picture", lambda: self._edit(paint=True))
        actions.bind("copy-prompt", self._copy_prompt)
        actions.bind("favourite", self._favourite)
        actions.bind("reveal", self._reveal)
        actions.bind("trash", self.trash)
