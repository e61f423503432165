"""One picture of the gallery as large as there is room, walked with the arrow keys; or two of them, side by side."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSplitter, QToolButton, QVBoxLayout, QWidget

from gui.create.canvas import Canvas
from gui.gallery.film_strip import FilmStrip
from gui.gallery.grid import PictureList
from gui.gallery.model import ENTRY, GalleryModel
from gui.gallery.thumbnail_toolbar import ThumbnailToolbar
from gui.look.theme import GAP, HALF, PAD, set_kind, spaced_font
from gui.shell.actions import name_button, plain
from gui.shell.background import in_words
from gui.shell.pictures import finished
from gui.shell.studio import Studio
from gui.widgets.elided import ElidedLabel
from sdedge.library.gallery import GalleryEntry

BAR = 40  # pixels
Index = QModelIndex | QPersistentModelIndex
_WAYS = {
    Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageUp: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageDown: 1,
}  # fmt: skip


class LargeView(QWidget):
    """Shows the current picture of the grid. `closed` asks for the grid again, `informed` for what is known of it."""

    closed = Signal()
    informed = Signal(bool)
    menu_wanted = Signal(QPoint)

    def __init__(self, studio: Studio, model: GalleryModel, pictures: PictureList) -> None:
        super().__init__()
        self._studio, self._model, self._pictures = studio, model, pictures
        self._entry: GalleryEntry | None = None
        self._pinned: GalleryEntry | None = None
        self.canvas, self.compared = Canvas(studio.theme), Canvas(studio.theme)
        self.strip = FilmStrip(model, pictures.selectionModel(), pictures.itemDelegate())
        self.toolbar = ThumbnailToolbar(studio, self.strip)
        self.caption = ElidedLabel()
        self._lay_out()
        self._connect()

    # What is shown

    @property
    def compares(self) -> bool:
        return self._pinned is not None

    def show_current(self) -> None:
        """Shows the grid's current picture, at once small and soon in full."""
        index = self._pictures.currentIndex()
        entry: GalleryEntry | None = index.data(ENTRY) if index.isValid() else None
        if entry is None or not self.isVisible():
            return
        self._caption(entry, index.row())
        before, self._entry = self._entry, entry
        if before is None or (entry.content, entry.path) != (before.content, before.path):
            self._load(entry, self.canvas)

    def pin(self, entry: GalleryEntry | None) -> None:
        """Keeps this picture at the left, beside whatever is walked to; None shows one picture again."""
        self._pinned = entry
        self.compare.setChecked(entry is not None)
        self.compared.setVisible(entry is not None)
        if entry is not None:
            self._splitter.setSizes([1, 1])
            self._load(entry, self.compared)
        self._caption(self._entry, self._pictures.currentIndex().row())

    def close_view(self) -> None:
        """Goes back to the grid."""
        self.pin(None)
        self._entry = None
        self.closed.emit()

    def _load(self, entry: GalleryEntry, canvas: Canvas) -> None:
        small = self._model.thumbnails.pixmap(entry)
        if small is not None:
            canvas.show_preview(small.toImage(), QSize(entry.width, entry.height))

        def is_wanted() -> bool:
            shown = self._entry if canvas is self.canvas else self._pinned
            return shown is not None and (shown.content, shown.path) == (entry.content, entry.path)

        def show(image: QImage) -> None:
            if is_wanted():
                canvas.show_picture(image)

        def fail(error: Exception) -> None:
            if is_wanted():
                if small is None:
                    canvas.show_nothing()  # rather than the picture of before
                self._studio.say(in_words(error), "warning")

        self._studio.bridge.background.run(lambda: finished(entry.path), show, fail, self)

    def _caption(self, entry: GalleryEntry | None, row: int) -> None:
        if entry is None:
            return
        number = self.locale().toString
        place = self.tr("{0} of {1}").format(number(row + 1), number(self._model.rowCount()))
        parts = [place, f"{entry.width} × {entry.height}"]
        if entry.seed is not None:
            parts.insert(1, self.tr("Seed {0}").format(entry.seed))
        if self._pinned is not None and self._pinned.seed is not None:
            parts.append(self.tr("beside seed {0}").format(self._pinned.seed))
        self.caption.say("   ".join(parts))

    def _counted(self, count: int) -> None:
        """Others came or went, so that this one stands at another place among them; or none is left."""
        if count:
            self.show_current()
        elif self.isVisible():
            self.close_view()

    # Walking

    def walk(self, way: int) -> None:
        """Goes to the picture before or after."""
        row = self._pictures.currentIndex().row() + way
        if 0 <= row < self._model.rowCount():
            self._pictures.choose_row(row)

    def event(self, event: QEvent) -> bool:
        """Esc is for this view, not for the picture that is drawn."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:  # type: ignore[attr-defined]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in _WAYS and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            turned = self.isRightToLeft() and key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
            self.walk(-_WAYS[Qt.Key(key)] if turned else _WAYS[Qt.Key(key)])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._pictures.choose_row(0 if key == Qt.Key.Key_Home else self._model.rowCount() - 1)
        elif key == Qt.Key.Key_Escape:
            self.close_view()
        elif event.text().lower() == "c":
            self.compare.click()
        elif event.text().lower() == "i":
            self.information.click()
        else:
            super().keyPressEvent(event)

    # Building

    def _lay_out(self) -> None:
        self.setObjectName("large-view")
        self._splitter = QSplitter()
        self._splitter.setChildrenCollapsible(False)
        for canvas, name in ((self.compared, self.tr("Picture to compare with")), (self.canvas, self.tr("Picture"))):
            canvas.arrows_move = canvas.space_compares = False
            canvas.setAccessibleName(name)
            self._splitter.addWidget(canvas)
        self.compared.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self._bar(), self._splitter, self.strip):
            column.addWidget(widget, 1 if widget is self._splitter else 0)

    def _bar(self) -> QWidget:
        bar = QFrame()
        set_kind(bar, "toolbar")
        bar.setFixedHeight(BAR)
        row = QHBoxLayout(bar)
        row.setContentsMargins(GAP, 0, GAP, 0)
        row.setSpacing(HALF)
        set_kind(self.caption, "muted")
        self.caption.setFont(spaced_font(self.caption.font()))
        back = self._tool("gallery", self.tr("All pictures"), "Esc", self.close_view)
        left, right = ("chevron-left", "←"), ("chevron-right", "→")
        (backward, back_key), (forward, on_key) = (right, left) if self.isRightToLeft() else (left, right)
        before = self._tool(backward, self.tr("Picture before"), back_key, partial(self.walk, -1))
        after = self._tool(forward, self.tr("Picture after"), on_key, partial(self.walk, 1))
        self.compare = self._tool("before-after", self.tr("Compare this picture with others"), "C", self._compare)
        self.information = self._tool("info", self.tr("Information"), "I", self._inform)
        for button in (self.compare, self.information):
            button.setCheckable(True)
        self.information.setChecked(True)
        action = self._studio.actions["use-settings"]
        use = QPushButton(plain(action.text()))
        use.setObjectName("large-use-settings")
        use.clicked.connect(action.trigger)
        for widget in (back, before, after):
            row.addWidget(widget)
        row.addSpacing(GAP)
        row.addWidget(self.caption, 1)
        for tool in (self.compare, self.information, use):
            row.addWidget(tool)
        row.setSpacing(HALF)
        row.setContentsMargins(GAP, 0, PAD, 0)
        return bar

    def _tool(self, icon: str, text: str, keys: str, work: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(self._studio.theme.icon(icon))
        button.setIconSize(QSize(18, 18))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        set_kind(button, "quiet")
        name_button(button, f"{text} ({keys})")
        button.clicked.connect(lambda checked=False: work())  # type: ignore[operator]
        return button

    def _connect(self) -> None:
        self._pictures.selectionModel().currentChanged.connect(lambda *_: self.show_current())
        self._model.dataChanged.connect(lambda *_: self.show_current())
        self._model.counted.connect(self._counted)
        for canvas in (self.canvas, self.compared):
            canvas.tapped.connect(self.close_view)  # the space bar opened it, and closes it
            canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            canvas.customContextMenuRequested.connect(
                lambda at, canvas=canvas: self.menu_wanted.emit(canvas.mapToGlobal(at))
            )
        self.strip.customContextMenuRequested.connect(
            lambda at: self.menu_wanted.emit(self.strip.viewport().mapToGlobal(at))
        )
        self.canvas.zoomed.connect(partial(self._follow, self.canvas, self.compared))
        self.compared.zoomed.connect(partial(self._follow, self.compared, self.canvas))

    def _follow(self, moved: Canvas, follower: Canvas) -> None:
        """Two pictures beside each other are seen at one zoom and place."""
        if self.compares:
            follower.view_as(moved)

    def _compare(self) -> None:
        self.pin(self._entry if self.compare.isChecked() else None)

    def _inform(self) -> None:
        self.informed.emit(self.information.isChecked())
