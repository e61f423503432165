"""The grid of pictures: lines that fill the width, under headings, walked with the arrow keys, dragged out as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QRegion, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QListView, QStyle, QStyleOptionViewItem

from gui.gallery.delegate import CELL
from gui.gallery.headings import has_headings, heading_text
from gui.gallery.model import GalleryModel
from gui.gallery.sections import HEADING, Block, Sections
from gui.look.theme import GAP, Theme, set_kind

_COMMAND, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_SELECT = QItemSelectionModel.SelectionFlag
_MOVE = QAbstractItemView.CursorAction
Index = QModelIndex | QPersistentModelIndex


class PictureList(QListView):
    """A QListView, as screen readers know it, that places its squares by itself: Qt's has no headings."""

    opened = Signal()
    """Return, the space bar, or a double click on a picture."""
    resized = Signal(int)
    """Ctrl and the wheel ask for thumbnails larger or smaller by so many steps."""

    def __init__(self, model: GalleryModel, delegate: QAbstractItemDelegate, theme: Theme) -> None:
        super().__init__()
        set_kind(self, "pictures")
        self._pictures, self._theme = model, theme
        self._side = CELL
        self._places: Sections | None = None
        self._band: tuple[QPoint, QPoint] | None = None
        self._noted: list[int] = []
        self._noted_current: list[int] = []
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setAccessibleName(self.tr("Pictures"))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # so that the width does not depend on it
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.doubleClicked.connect(self.opened)
        for changed in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.layoutChanged):
            changed.connect(self._lay_again)

    # Where everything is

    def show_size(self, side: int) -> None:
        """Shows pictures in squares of at least so many pixels; what is in the middle stays there."""
        if side == self._side:
            return
        seen = self.rows_in_view()
        anchor = self.currentIndex().row() if self.currentIndex().row() in seen else seen[0] if seen else -1
        self._side = side
        self._lay_again()
        if anchor >= 0:
            self.scrollTo(self._pictures.index(anchor), QAbstractItemView.ScrollHint.PositionAtCenter)

    @property
    def sections(self) -> Sections:
        """Where every picture is, from the upper left corner of them all."""
        if self._places is None:
            width = self.viewport().width() - 1
            cell = max(self._side, width // max(1, width // self._side))
            titled = has_headings(self._pictures.order)
            self._places = Sections(self._pictures.headings, width, cell, titled)
            if self.gridSize().width() != cell:
                self.setGridSize(QSize(cell, cell))
        return self._places

    def _lay_again(self) -> None:
        self._places = None
        self.scheduleDelayedItemsLayout()

    def doItemsLayout(self) -> None:
        self._places = None
        QAbstractItemView.doItemsLayout(self)  # QListView's would place every picture by its own rules

    def updateGeometries(self) -> None:
        QAbstractItemView.updateGeometries(self)
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self.sections.height - height))
        bar.setPageStep(height)
        bar.setSingleStep(max(20, self.sections.cell // 3))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shows as many columns as fit, all of the width shared among them."""
        self._lay_again()
        QAbstractItemView.resizeEvent(self, event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.scrollDirtyRegion(dx, dy)
        self.viewport().scroll(dx, dy)

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid() or index.row() >= self.sections.count:
            return QRect()
        x, y = self.sections.place(index.row())
        cell = self.sections.cell
        x = self._from_reading_side(x + cell - 1) if self.isRightToLeft() else x
        return QRect(x, y - self.verticalOffset(), cell, cell)

    def _from_reading_side(self, x: int) -> int:
        """Turns a place into one counted in pixels from the side where reading begins, and back."""
        return self.viewport().width() - 1 - x if self.isRightToLeft() else x

    def _row_at(self, point: QPoint) -> int | None:
        return self.sections.row_at(self._from_reading_side(point.x()), point.y() + self.verticalOffset())

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._row_at(point)
        return QModelIndex() if row is None else self._pictures.index(row)

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid() or index.row() >= self.sections.count:
            return
        bar, height, cell = self.verticalScrollBar(), self.viewport().height(), self.sections.cell
        bar.setRange(0, max(0, self.sections.height - height))  # also before the first layout
        _, y = self.sections.place(index.row())
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(y - (height - cell) // 2)
        elif y < bar.value():
            block = self.sections.block_of(index.row())
            bar.setValue(block.top if y == block.body else y)
        elif y + cell > bar.value() + height:
            bar.setValue(y + cell - height)

    def rows_in_view(self) -> range:
        """Returns the rows of which at least a part can be seen."""
        above = self.verticalOffset()
        return self.sections.rows_between(above, above + self.viewport().height())

    # Choosing

    def note_choice(self) -> None:
        """Notes which pictures are chosen, as the model is about to be set anew, which forgets the choice."""
        current = self.currentIndex()
        self._noted = self._pictures.ids(self.chosen_rows())
        self._noted_current = self._pictures.ids([current.row()] if current.isValid() else [])

    def choose_again(self) -> None:
        """Chooses the pictures that were noted, wherever they are by now."""
        rows, current = self._pictures.rows(self._noted), self._pictures.rows(self._noted_current)
        if current:
            self.selectionModel().setCurrentIndex(self._pictures.index(current[0]), _SELECT.NoUpdate)
        self.choose_rows(_runs(rows))

    def choose_row(self, row: int) -> None:
        """Selects one picture and scrolls to it."""
        self.selectionModel().setCurrentIndex(self._pictures.index(row), _SELECT.ClearAndSelect)

    def choose_rows(
        self, ranges: Iterable[range], command: QItemSelectionModel.SelectionFlag = _SELECT.ClearAndSelect
    ) -> None:
        """Selects all pictures of these rows."""
        self.selectionModel().select(self._selection(ranges), command)

    def chosen_rows(self) -> list[int]:
        """Returns the selected rows in their order."""
        selection = self.selectionModel().selection()
        ranges = [selection.at(number) for number in range(selection.count())]
        return sorted(row for block in ranges for row in range(block.top(), block.bottom() + 1))

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Of a band everything that it touches, otherwise all from one corner to the other, in the order of the pictures."""
        if self.state() == QAbstractItemView.State.DragSelectingState:
            area = rect.normalized().translated(0, self.verticalOffset())
            left, right = sorted(self._from_reading_side(x) for x in (area.left(), area.right()))
            self.choose_rows(self.sections.rows_inside(left, area.top(), right, area.bottom()), command)
            return
        ends = [self._row_at(point) for point in (rect.topLeft(), rect.bottomRight())]
        rows = sorted(row for row in ends if row is not None)
        self.choose_rows([range(rows[0], rows[-1] + 1)] if rows else [], command)

    def _selection(self, ranges: Iterable[range]) -> QItemSelection:
        selection = QItemSelection()
        for rows in ranges:
            selection.select(self._pictures.index(rows.start), self._pictures.index(rows.stop - 1))
        return selection

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region, seen = QRegion(), self.rows_in_view()
        for number in range(selection.count()):
            block = selection.at(number)
            for row in range(max(block.top(), seen.start), min(block.bottom() + 1, seen.stop)):
                region += self.visualRect(self._pictures.index(row))
        return region

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        count, row = self.sections.count, self.currentIndex().row()
        if not count:
            return QModelIndex()
        page = max(1, self.viewport().height() // self.sections.cell)
        onward = -1 if self.isRightToLeft() else 1  # to the right
        moves: dict[QAbstractItemView.CursorAction, Callable[[], int]] = {
            _MOVE.MoveLeft: lambda: row - onward, _MOVE.MovePrevious: lambda: row - 1, _MOVE.MoveRight: lambda: row + onward,
            _MOVE.MoveNext: lambda: row + 1, _MOVE.MoveUp: lambda: self.sections.beside(row, -1),
            _MOVE.MoveDown: lambda: self.sections.beside(row, 1), _MOVE.MovePageUp: lambda: self.sections.beside(row, -page),
            _MOVE.MovePageDown: lambda: self.sections.beside(row, page), _MOVE.MoveHome: lambda: 0,
            _MOVE.MoveEnd: lambda: count - 1,
        }  # fmt: skip
        target = moves[action]() if row >= 0 else 0
        return self._pictures.index(min(max(target, 0), count - 1))

    # Keys and mouse

    def event(self, event: QEvent) -> bool:
        """Esc takes back the choice before it means anything else."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
            and self.selectionModel().hasSelection()
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & _COMMAND:
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
        elif event.key() == Qt.Key.Key_Space and not event.modifiers() and self.currentIndex().isValid():
            self._look(event.isAutoRepeat())
        else:
            super().keyPressEvent(event)

    def _look(self, again: bool) -> None:
        """The space bar shows the picture large, and once more takes it away."""
        row = self.currentIndex().row()
        if row not in self.chosen_rows():
            self.choose_row(row)
        if not again:
            self.opened.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A heading chooses all of its pictures; with Ctrl or Shift besides those that are chosen."""
        at = event.position().toPoint()
        block = self.sections.heading_at(at.y() + self.verticalOffset())
        if block is not None and has_headings(self._pictures.order) and event.button() == Qt.MouseButton.LeftButton:
            adds = event.modifiers() & (_COMMAND | _SHIFT)
            self.choose_rows([block.rows], _SELECT.Select if adds else _SELECT.ClearAndSelect)
            return
        self._band = None if self.indexAt(at).isValid() else (at + QPoint(0, self.verticalOffset()), at)
        QAbstractItemView.mousePressEvent(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        QAbstractItemView.mouseMoveEvent(self, event)
        if self._band is not None and self.state() == QAbstractItemView.State.DragSelectingState:
            self._band = self._band[0], event.position().toPoint()
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._band is not None:
            self._band = None
            self.viewport().update()
        QAbstractItemView.mouseReleaseEvent(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & _COMMAND:
            self.resized.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    # Painting

    def repaint_picture(self, content: str) -> None:
        """Paints one picture again, where it is in view, and nothing else."""
        for row in self.rows_in_view():
            entry = self._pictures.entry(row)
            if entry is not None and entry.content == content:
                self.update(self._pictures.index(row))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, area, down = QPainter(self.viewport()), event.rect(), self.verticalOffset()
        top, bottom = area.top() + down, area.bottom() + down + 1
        if has_headings(self._pictures.order):
            for block in self.sections.blocks_between(top, bottom):
                if block.body > top:
                    self._paint_heading(painter, block, down)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        plain, selection, current = option.state, self.selectionModel(), self.currentIndex().row()
        for row in self.sections.rows_between(top, bottom):
            index = self._pictures.index(row)
            option.rect = self.visualRect(index)
            if not option.rect.intersects(area):
                continue
            state = plain
            if selection.isSelected(index):
                state |= QStyle.StateFlag.State_Selected
            if row == current and self.hasFocus():
                state |= QStyle.StateFlag.State_HasFocus
            option.state = state
            self.itemDelegate().paint(painter, option, index)
        self._paint_band(painter, down)
        painter.end()

    def _paint_heading(self, painter: QPainter, block: Block, down: int) -> None:
        strip = QRect(GAP // 2, block.top - down + GAP, self.viewport().width() - GAP, HEADING - GAP)
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        line = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        text = heading_text(self._pictures.order, block.heading)
        painter.drawText(strip, line, text)
        used = painter.fontMetrics().horizontalAdvance(text) + GAP
        strip.adjust(*((0, 0, -used, 0) if self.isRightToLeft() else (used, 0, 0, 0)))
        painter.setFont(self.font())
        painter.setPen(self._theme.color("muted"))
        painter.drawText(strip, line, self.locale().toString(block.count))

    def _paint_band(self, painter: QPainter, down: int) -> None:
        if self._band is None or self.state() != QAbstractItemView.State.DragSelectingState:
            return
        color = self._theme.color("accent")
        painter.setPen(color)
        color.setAlpha(48)
        painter.setBrush(color)
        painter.drawRect(QRect(self._band[0] - QPoint(0, down), self._band[1]).normalized())


def _runs(rows: Sequence[int]) -> Iterator[range]:
    """Yields the ranges of sorted rows that follow each other."""
    for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
        numbers = [row for _, row in run]
        yield range(numbers[0], numbers[-1] + 1)
