"""A list of the jobs in some states, over the model of all of them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView

from gui.look.plain import show_tooltip
from gui.look.theme import Theme
from gui.queue.delegate import JobDelegate
from gui.queue.model import JOB, QueueModel
from sdedge.library.job_states import ENDED
from sdedge.library.jobs import Job

_MARGIN = 6  # pixels, for the frame that shows the focus
_ACTING = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Up, Qt.Key.Key_Down)


class JobList(QListView):
    """Rows are hidden whose job is in none of the states; one that has a single state is as high as its rows."""

    crossed = Signal(int)
    """The cross of a job was clicked."""
    chose = Signal(object)
    """This list, when a person chose a row of it."""
    pressed_key = Signal(QKeyEvent)
    """A key that may act on the chosen job; it is ignored where it does not."""

    def __init__(self, model: QueueModel, theme: Theme, states: tuple[str, ...], name: str) -> None:
        super().__init__()
        self._states = states
        self._pressed: int | None = None
        self.setModel(model)
        self.delegate = JobDelegate(theme, self)
        self.setItemDelegate(self.delegate)
        self.setAccessibleName(name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDropIndicatorShown(True)
        self.setDragDropOverwriteMode(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSpacing(2)
        self.setMouseTracking(True)

    # Rows

    def arrange(self, chosen: int | None) -> None:
        """Shows the rows that belong here, with one of them chosen."""
        rows = [(row, self._job(self.model().index(row, 0))) for row in range(self.model().rowCount())]
        shown = [row for row, job in rows if job.state in self._states]
        for row, _ in rows:
            self.setRowHidden(row, row not in shown)
        here = next((row for row, job in rows if job.id == chosen and row in shown), None)
        if here is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != here:
            self.setCurrentIndex(self.model().index(here, 0))
        self.setVisible(bool(shown))
        if len(self._states) == 1 and shown:
            self.setFixedHeight(sum(self.sizeHintForRow(row) + 2 * self.spacing() for row in shown) + _MARGIN)

    def shown_jobs(self) -> list[int]:
        """Returns the jobs of this list, from above."""
        indexes = [self.model().index(row, 0) for row in range(self.model().rowCount()) if not self.isRowHidden(row)]
        return [self._job(index).id for index in indexes]

    def current_job(self) -> int | None:
        index = self.currentIndex()
        return self._job(index).id if index.isValid() else None

    def cross(self, id: int) -> QPoint:
        """Returns where the cross of a job is, in the viewport."""
        row = next(row for row in range(self.model().rowCount()) if self._job(self.model().index(row, 0)).id == id)
        return self.delegate.cross(self.visualRect(self.model().index(row, 0))).center()

    @staticmethod
    def _job(index: QModelIndex | QPersistentModelIndex) -> Job:
        job: Job = index.data(JOB)
        return job

    # The mouse

    def _cross_at(self, at: QPoint) -> int | None:
        """Returns the job whose cross is here."""
        index = self.indexAt(at)
        if not index.isValid() or not self.delegate.cross(self.visualRect(index)).contains(at):
            return None
        return self._job(index).id

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = (
            self._cross_at(event.position().toPoint()) if event.button() == Qt.MouseButton.LeftButton else None
        )
        if self._pressed is None:
            super().mousePressEvent(event)
            if self.indexAt(event.position().toPoint()).isValid():
                self.chose.emit(self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            super().mouseReleaseEvent(event)
        elif self._cross_at(event.position().toPoint()) == pressed:
            self.crossed.emit(pressed)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            super().mouseMoveEvent(event)
        self._hover(self._cross_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, id: int | None) -> None:
        if id != self.delegate.hovered:
            self.delegate.hovered = id
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._cross_at(event.pos()) is not None:
            ended = self._job(self.indexAt(event.pos())).state in ENDED
            text = self.tr("Forget this job; its pictures stay") if ended else self.tr("Cancel this job (Del)")
            show_tooltip(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)

    # The keyboard

    def event(self, event: QEvent) -> bool:
        """Esc takes back the choice before it means anything else."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
            and self.currentIndex().isValid()
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.currentIndex().isValid():
            self.arrange(None)
            self.chose.emit(self)
            return
        if event.key() in _ACTING:
            event.accept()
            self.pressed_key.emit(event)
            if event.isAccepted():
                return
        super().keyPressEvent(event)
        if self.currentIndex().isValid():
            self.chose.emit(self)
