"""The queue panel: what is drawn now and next, with everything that can be done about it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPainterPath
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.look.plain import PlainLabel
from gui.look.theme import CAPTION, GAP, HALF, RADIUS, Theme, plain_button, set_kind
from gui.queue.board import JobBoard
from gui.queue.model import JOB, LINE, SHARE, QueueModel
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from sdedge.library.jobs import Job

_REASON_LINES = 4  # of a failure, in the list; all of it is in the tooltip


class QueueView(QWidget):
    """A list with a heading; a context menu and keys act on the chosen job."""

    def __init__(self, studio: Studio, board: JobBoard) -> None:
        super().__init__()
        self._studio, self._board = studio, board
        self.model = QueueModel(board)
        self.list = _JobList(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(_JobDelegate(studio.theme, self.list))
        self.list.customContextMenuRequested.connect(self._show_menu)
        self._paused = FaultLabel()
        self._go_on = plain_button(self.tr("Go on with the queue"), partial(board.pause, False))
        self._empty = PlainLabel(self.tr("Nothing waits. Each press of Generate lines up here."))
        self._empty.setWordWrap(True)
        set_kind(self._empty, "caption")
        self._lay_out()
        board.changed.connect(self._show_state)
        self.model.modelAboutToBeReset.connect(self._keep_chosen)
        self.model.modelReset.connect(self._choose_again)
        self._chosen: int | None = None
        self._show_state()

    def _lay_out(self) -> None:
        title = PlainLabel(self.tr("Queue"))
        set_kind(title, "title")
        title.setBuddy(self.list)
        head = QHBoxLayout()
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self._studio.actions.button("pause-queue"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(head)
        column.addWidget(self._paused)
        column.addWidget(self._go_on)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        column.addStretch(0)

    def _show_state(self) -> None:
        reason, action = self._board.paused, self._studio.actions["pause-queue"]
        told = any(job.reason and job.reason in (reason or "") for job in self._board.jobs)  # at the job itself
        self._paused.say(
            " ".join((self.tr("Paused."), "" if told else reason)) if reason is not None else "", "caution"
        )
        self._go_on.setVisible(reason is not None)
        action.setChecked(reason is not None)
        action.setIcon(self._studio.theme.icon("play" if reason is not None else "pause"))
        self._empty.setVisible(not self._board.jobs)
        self.list.setVisible(bool(self._board.jobs))

    # The chosen job

    def chosen(self) -> Job | None:
        return self.list.currentIndex().data(JOB)

    def choose(self, id: int) -> None:
        self.list.setCurrentIndex(self.model.index(max(0, self.model.row_of(id))))

    def _keep_chosen(self) -> None:
        job = self.chosen()
        self._chosen = job.id if job else None

    def _choose_again(self) -> None:
        if self._chosen is not None and self.model.row_of(self._chosen) >= 0:
            self.choose(self._chosen)

    def menu(self, job: Job) -> QMenu:
        """What can be done about a job in its state."""
        menu, board, id = QMenu(self), self._board, job.id
        if job.state == "running":
            menu.addAction(self.tr("Cancel now"), lambda: board.cancel(id, "now"))
            menu.addAction(self.tr("Cancel after this picture"), lambda: board.cancel(id, "picture"))
            menu.addAction(self.tr("End the engine at once"), lambda: board.cancel(id, "kill"))
            menu.addAction(self.tr("Put off"), lambda: board.pause_job(id))
        elif job.state in ("waiting", "paused"):
            menu.addAction(self.tr("Draw earlier"), lambda: self.model.move_by(id, -1))
            menu.addAction(self.tr("Draw later"), lambda: self.model.move_by(id, 1))
            if job.state == "waiting":
                menu.addAction(self.tr("Put off"), lambda: board.pause_job(id))
            else:
                menu.addAction(self.tr("Go on"), lambda: board.resume(id))
            menu.addAction(self.tr("Cancel"), lambda: board.cancel(id))
        elif job.saved < job.count:
            menu.addAction(self.tr("Try again"), lambda: board.resume(id))
        menu.addSeparator()
        menu.addAction(self.tr("Draw the same again"), lambda: board.duplicate(id))
        menu.addAction(self.tr("Use its settings"), lambda: self._studio.use_request(job.request))
        return menu

    def act_on_key(self, event: QKeyEvent) -> bool:
        """Delete cancels, Alt+Up and Alt+Down move."""
        job = self.chosen()
        if job is None:
            return False
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._board.cancel(job.id)
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.model.move_by(job.id, -1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            return False
        return True

    def _show_menu(self, at: QPoint) -> None:
        index = self.list.indexAt(at) if self.list.indexAt(at).isValid() else self.list.currentIndex()
        if (job := index.data(JOB)) is not None:
            menu = self.menu(job)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.list.viewport().mapToGlobal(at))


class _JobList(QListView):
    def __init__(self, owner: QueueView) -> None:
        super().__init__()
        self._owner = owner
        self.setAccessibleName(self.tr("Queue"))
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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._owner.act_on_key(event):
            super().keyPressEvent(event)


class _JobDelegate(QStyledItemDelegate):
    """Prompt, a line of words, and a bar while it is drawn."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        width = option.widget.viewport().width() - 4  # type: ignore[attr-defined]
        job: Job = index.data(JOB)
        small = QFontMetrics(_small(option))
        lines = self._words(small, index, width - 2 * GAP, job)[1]
        bar = GAP if job.state == "running" else 0
        return QSize(width, option.fontMetrics.height() + lines + bar + 2 * GAP)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        job: Job = index.data(JOB)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.fillPath(shape, self._theme.color("canvas" if job.state == "running" else "panel"))
        painter.setPen(self._theme.color("accent" if chosen else "line"))
        painter.drawPath(shape)
        inside = box.adjusted(GAP, GAP, -GAP, -GAP)
        metrics = option.fontMetrics
        painter.setPen(self._theme.color("text"))
        title = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, title)
        painter.setFont(_small(option))
        text, height = self._words(painter.fontMetrics(), index, inside.width(), job)
        below = QRect(inside.left(), inside.top() + metrics.height(), inside.width(), height)
        painter.setPen(self._theme.color("bad" if job.state == "failed" else "muted"))
        painter.drawText(below, Qt.TextFlag.TextWordWrap, text)
        self._bar(painter, inside, index.data(SHARE) if job.state == "running" else -1)
        painter.restore()

    def _bar(self, painter: QPainter, inside: QRect, share: float | None) -> None:
        if share == -1:
            return
        place = QRectF(inside.left(), inside.bottom() - 3, inside.width(), HALF)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("line"))
        painter.drawRoundedRect(place, 2, 2)
        if share:
            painter.setBrush(self._theme.color("accent"))
            painter.drawRoundedRect(QRectF(place.left(), place.top(), place.width() * share, place.height()), 2, 2)

    def _words(
        self, metrics: QFontMetrics, index: QModelIndex | QPersistentModelIndex, width: int, job: Job
    ) -> tuple[str, int]:
        """The line and its height; failures take several lines, everything else one."""
        text = index.data(LINE)
        if job.state not in ("failed", "interrupted"):
            return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width), metrics.height()
        box = metrics.boundingRect(QRect(0, 0, width, 10_000), Qt.TextFlag.TextWordWrap, text)
        return text, min(box.height(), _REASON_LINES * metrics.lineSpacing())


def _small(option: QStyleOptionViewItem) -> QFont:
    font = QFont(option.font)
    font.setPixelSize(CAPTION)
    return font
