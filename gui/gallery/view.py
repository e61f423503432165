"""The gallery: every picture there is, found again by words, and taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, QTimer
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.commands.panel import TaskPanel
from gui.gallery.bar import GalleryBar
from gui.gallery.delegate import PictureDelegate
from gui.gallery.details import GalleryDetails
from gui.gallery.filters import GalleryFilters
from gui.gallery.grid import PictureList
from gui.gallery.large import LargeView
from gui.gallery.model import CHUNK, GalleryModel
from gui.gallery.thumbnails import Thumbnails
from gui.gallery.upkeep import Upkeep
from gui.look.theme import GAP, PAD, set_kind
from gui.shell.background import in_words
from gui.shell.picture_actions import Subject
from gui.shell.studio import Studio
from gui.widgets.cards import beginning, least_width
from gui.widgets.empty import Empty
from sdedge.library.boards import Boards
from sdedge.library.gallery import Gallery, GalleryEntry, Search
from sdedge.library.gallery_order import Order
from sdedge.library.jobs import Queue
from sdedge.places import data_folder


class GalleryView(QWidget):
    """Filters above, pictures in the middle, the chosen one beside."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.thumbnails = Thumbnails(data_folder(), self)
        self.model = GalleryModel(studio.bridge, studio.trash, self.thumbnails, self)
        self._wanted: int | None = None
        self._last: tuple[int, int] | None = None
        """The picture that was chosen last, and its row then."""
        self.filters = GalleryFilters(studio.theme)
        self.details = GalleryDetails(studio)
        self.list = PictureList(self.model, PictureDelegate(studio.theme, self.thumbnails, self), studio.theme)
        self.bar = GalleryBar(studio)
        self.count = self.bar.count
        self.large = LargeView(studio, self.model, self.list)
        self.upkeep = Upkeep(studio, self)
        self._fill_menu()
        self.empty = Empty(studio.theme, "gallery")
        self._middle = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_chosen()
        self.list.show_size(studio.settings.thumbnail)
        self.model.sort_by(Order(studio.settings.order))
        self.model.look()
        self._offer_choices()

    # What is chosen

    def chosen(self) -> list[int]:
        """Returns the ids of the selected pictures, in the order of the view."""
        return self.model.ids(self.list.chosen_rows())

    def current(self) -> GalleryEntry | None:
        """Returns the picture that actions for one are about."""
        index = self.list.currentIndex()
        return (
            self.model.entry(index.row()) if index.isValid() and self.list.selectionModel().isSelected(index) else None
        )

    def choose(self, row: int) -> None:
        """Selects one picture and scrolls to it."""
        self.list.choose_row(row)

    def _chosen_changed(self) -> None:
        self.model.want(self.list.chosen_rows()[:CHUNK])
        self._show_chosen()

    def _show_chosen(self) -> None:
        entry, ids = self.current(), tuple(self.chosen())
        self._studio.pictures.show("gallery", Subject(ids, entry, entry.path if entry else None))
        self.details.show_count(len(ids))
        self.bar.show_counts(self.model.rowCount(), len(ids))
        if entry is None:
            self.details.show_entry(None, None, [])
            return
        self._last = entry.id, self.list.currentIndex().row()
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

    def _read_again(self) -> None:
        """Reads what is in view, and what is chosen; the rest when it comes into view."""
        if self.isVisible():
            self.model.want([*self.list.rows_in_view(), *self.list.chosen_rows()[:CHUNK]])
            self.list.viewport().update()

    def _thumbnail_came(self, content: str) -> None:
        self.list.repaint_picture(content)
        entry = self.current()
        if entry is not None and entry.content == content:
            self.details.show_picture(self.thumbnails.pixmap(entry))

    # What can be done

    def show_large(self, id: int | None = None) -> None:
        """Shows a picture as large as there is room: this one, whatever is searched for, or the chosen one."""
        if id is not None and (row := self.model.row(id)) is not None:
            self.choose(row)
        elif id is not None:
            self._wanted = id
            self.filters.clear()
            self.model.look()
            return
        if not self.list.chosen_rows():
            return
        self._middle.setCurrentWidget(self.large)
        self.filters.hide()
        chosen = self.list.chosen_rows()
        if len(chosen) == 2:
            here = self.list.currentIndex().row()
            self.large.pin(self.model.entry(chosen[0] if chosen[1] == here else chosen[1]))
        self.large.show_current()
        self.large.canvas.setFocus()

    def _show_grid(self) -> None:
        self._middle.setCurrentIndex(0 if self.model.rowCount() else 1)
        self.filters.show()
        self.details.show()
        self.large.information.setChecked(True)
        self.list.setFocus()
        self.list.scrollTo(self.list.currentIndex())

    def _compare(self, ids: list[int]) -> None:
        """Shows two pictures beside each other."""
        rows = [row for id in ids if (row := self.model.row(id)) is not None]
        if len(rows) == 2 and self.isVisible():
            self.show_large()

    def _sort(self, order: Order) -> None:
        self.model.sort_by(order)
        self.list.scrollToTop()

    def _go_on(self) -> None:
        """Goes back to the chosen picture where the rows were put anew, and from one that went to that which took its place."""
        if self.current() is None and self.model.rowCount() and self._last is not None:
            id, row = self._last
            row_now = self.model.row(id)
            self.choose(min(row, self.model.rowCount() - 1) if row_now is None else row_now)

    def _favour_all(self) -> None:
        """Marks every picture that the search finds."""
        self._studio.pictures.mark(self.model.ids(range(self.model.rowCount())))

    def _menu(self, at: QPoint) -> None:
        if not self.chosen():
            return
        self._studio.pictures.menu(self).popup(at)

    # The whole

    def _search(self) -> None:
        self.model.search(self.filters.search())
        self.list.scrollToTop()

    def _counted(self, count: int) -> None:
        self.bar.show_counts(count, len(self.chosen()))
        if not (count and self._middle.currentWidget() is self.large):
            self._middle.setCurrentIndex(0 if count else 1)
        self._go_on()
        if count:
            if self._wanted is not None and self.model.row(self._wanted) is not None:
                wanted, self._wanted = self._wanted, None
                self.show_large(wanted)
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
        def choices(queue: Queue, gallery: Gallery) -> tuple[list[str], list[str], list[str], int]:
            missing = gallery.count(Search(missing=True))
            return gallery.models(), list(gallery.all_tags()), list(Boards(gallery).counts()), missing

        self._studio.bridge.ask(choices, lambda names: self.filters.offer(*names), self._say, self)

    def _tag(self, id: int, tags: Sequence[str]) -> None:
        self.model.set_tags(id, tags)
        self._offer_choices()

    def _say(self, error: Any) -> None:
        self._studio.say(in_words(error), "bad")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        (self.large.canvas if self.large.isVisible() else self.list).setFocus()
        self.thumbnails.forget_faults()
        self.model.refresh()
        self._offer_choices()
        self._show_chosen()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.details.flush()
        self.upkeep.close()
        self.thumbnails.close()
        self._studio.settings.set_state("gallery", self._splitter.saveState())
        super().closeEvent(event)

    # Building

    def _fill_menu(self) -> None:
        menu = self.bar.more.menu()
        self.upkeep.fill(menu)
        menu.addSeparator()
        favour = menu.addAction(self.tr("Make All Shown &Favourites"), self._favour_all)
        menu.aboutToShow.connect(lambda: favour.setEnabled(self.model.rowCount() > 0))

    def _lay_out(self) -> None:
        set_kind(self, "window")
        pictures = QWidget()
        inside = QVBoxLayout(pictures)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.bar)
        around = QVBoxLayout()
        around.setContentsMargins(*beginning(self, PAD - GAP // 2))
        around.addWidget(self.list)
        inside.addLayout(around, 1)
        cards = QVBoxLayout()
        cards.setContentsMargins(PAD, GAP, PAD, GAP)
        cards.addWidget(TaskPanel(self.upkeep.tasks, self._studio.theme))
        inside.addLayout(cards)
        self._middle.addWidget(pictures)
        self._middle.addWidget(self.empty)
        self._middle.addWidget(self.large)
        self.details.setMinimumWidth(max(240, least_width(self.details)))
        self.details.setMaximumWidth(420)
        self._splitter = QSplitter()
        self._splitter.addWidget(self._middle)
        self.notices_over = self._middle
        """Where a notice may lie: beside the buttons of what is chosen."""
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
        self.model.modelAboutToBeReset.connect(self.list.note_choice)
        self.model.modelReset.connect(self.list.choose_again)  # after both lists have forgotten it
        self.model.modelReset.connect(self._show_chosen)
        self.model.aged.connect(self._read_again)
        self.upkeep.tasks.finished.connect(lambda task: self.thumbnails.forget_faults())
        self.thumbnails.loaded.connect(self._thumbnail_came)
        self.details.tagged.connect(self._tag)
        selection = self.list.selectionModel()
        selection.selectionChanged.connect(lambda *_: self._chosen_changed())
        selection.currentChanged.connect(lambda *_: QTimer.singleShot(0, self, self._show_chosen))
        self.list.customContextMenuRequested.connect(lambda at: self._menu(self.list.viewport().mapToGlobal(at)))
        self.list.opened.connect(self.show_large)
        self.details.compare.clicked.connect(lambda: self.show_large())
        self.large.closed.connect(self._show_grid)
        self.large.informed.connect(self.details.setVisible)
        self.large.menu_wanted.connect(self._menu)
        self._studio.pictures.marked.connect(self.model.show_mark)
        self._studio.pictures.comparing.connect(self._compare)
        self._studio.bridge.store_changed.connect(self._offer_choices)
        self.bar.sorted_by.connect(self._sort)
        self.bar.sized.connect(self.list.show_size)
        self.list.resized.connect(self.bar.step_size)
        for widget in (self.list, self.large):
            widget.addAction(self._studio.actions["trash"])
