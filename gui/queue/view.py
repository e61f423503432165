"""The queue panel: what is drawn now and next, with everything that can be done about it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel
from gui.look.theme import GAP, plain_button, set_kind
from gui.queue.board import SHOWN, JobBoard
from gui.queue.job_list import JobList
from gui.queue.model import JOB, MOVABLE, QueueModel
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import Fold, stack
from sdedge.events import Cancelled, Event
from sdedge.library.job_states import ENDED, OPEN, JobState, Wish
from sdedge.library.jobs import Job

RUNNING = (JobState.RUNNING,)
NEXT = (JobState.WAITING, JobState.PAUSED, JobState.FAILED, JobState.INTERRUPTED)
FINISHED = (JobState.DONE, JobState.CANCELLED)
"""The states of the three lists: the running job never scrolls away, and finished ones are folded."""


class QueueView(QWidget):
    """Lists with a heading; each row has a cross, a context menu and keys."""

    def __init__(self, studio: Studio, board: JobBoard) -> None:
        super().__init__()
        self._studio, self._board = studio, board
        self._chosen: int | None = None
        self.model = QueueModel(board)
        self.running = JobList(self.model, studio.theme, RUNNING, self.tr("Drawn now"))
        self.list = JobList(self.model, studio.theme, NEXT, self.tr("Queue"))
        self.finished = JobList(self.model, studio.theme, FINISHED, self.tr("Finished jobs"))
        self.lists = (self.running, self.list, self.finished)
        self.fold = Fold(studio.theme, self.tr("Finished"), stack(self.finished))
        self._paused = FaultLabel()
        self._go_on = plain_button(self.tr("Go on with the queue"), partial(board.pause, False))
        self._empty = PlainLabel(self.tr("Nothing waits. Each press of Generate lines up here."))
        self._empty.setWordWrap(True)
        set_kind(self._empty, "caption")
        self._lay_out()
        for jobs in self.lists:
            jobs.customContextMenuRequested.connect(partial(self._show_menu, jobs))
            jobs.crossed.connect(self.end)
            jobs.pressed_key.connect(self._act_on_key)
            jobs.chose.connect(self._choose_in)
        board.changed.connect(self._show_state)
        board.ended.connect(self._offer_the_rest)
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
        for widget in (self._paused, self._go_on, self._empty, self.running):
            column.addWidget(widget)
        column.addWidget(self.list, 3)
        column.addWidget(self.fold, 2)
        column.addStretch(0)
        self.fold.toggled.connect(lambda on: column.setStretchFactor(self.fold, 2 if on else 0))
        column.setStretchFactor(self.fold, 0)

    def _show_state(self) -> None:
        reason, action = self._board.paused, self._studio.actions["pause-queue"]
        stored = self._board.board.paused or ""
        is_said = any(job.reason and job.reason in stored for job in self._board.jobs)  # at the job itself
        paused = " ".join((self.tr("Paused."), "" if is_said else reason)) if reason is not None else ""
        self._paused.say(paused or self._board.resting or "", "caution")
        self._go_on.setVisible(reason is not None)
        action.setChecked(reason is not None)
        action.setIcon(self._studio.theme.icon("play" if reason is not None else "pause"))
        self._empty.setVisible(not any(job.state in (*RUNNING, *NEXT) for job in self._board.jobs))
        for jobs in self.lists:
            jobs.arrange(self._chosen)
        finished = sum(job.state in FINISHED for job in self._board.jobs)
        self.fold.setVisible(finished > 0)
        count = f"{finished}+" if finished >= SHOWN else str(finished)
        self.fold.button.setText(self.tr("Finished ({0})").format(count))

    @property
    def paused_text(self) -> str:
        """What it says of why nothing is drawn, or slowly."""
        return self._paused.text()

    # The chosen job

    def chosen(self) -> Job | None:
        return self._board.find(self._chosen) if self._chosen is not None else None

    def choose(self, id: int) -> None:
        """Of the three lists the one that has it shows it as chosen."""
        self._chosen = id
        for jobs in self.lists:
            jobs.arrange(id)

    def _choose_in(self, chosen: JobList) -> None:
        self._chosen = chosen.current_job()
        for jobs in self.lists:
            if jobs is not chosen:
                jobs.arrange(None)

    # What can be done

    def end(self, id: int) -> None:
        """Does what the cross of a row does: cancels what is not over, forgets what is."""
        job = self._board.find(id)
        if job is None:
            return
        if job.state in ENDED:
            self._board.forget(id)
            return
        self._board.cancel(id)
        if job.state in MOVABLE:
            self._studio.offer_undo(self.tr("A job that waited was cancelled."), partial(self._board.take_back, id))

    def _offer_the_rest(self, id: int, event: Event) -> None:
        """A job of many that was cancelled while it was drawn can be taken up again."""
        job = self._board.find(id)
        if isinstance(event, Cancelled) and job is not None and event.count < job.count > 1:
            text = self.tr("Cancelled: {0} of {1} pictures were drawn.").format(event.count, job.count)
            self._studio.offer_undo(text, partial(self._board.take_back, id))

    def menu(self, job: Job) -> QMenu:
        """Returns what can be done about a job in its state."""
        menu, board, id = QMenu(self), self._board, job.id
        if job.state == JobState.RUNNING:
            menu.addAction(self.tr("Cancel now"), lambda: board.cancel(id, Wish.NOW))
            menu.addAction(self.tr("End after this picture"), lambda: board.cancel(id, Wish.PICTURE))
            menu.addAction(self.tr("End the engine at once"), lambda: board.cancel(id, Wish.KILL))
            menu.addAction(self.tr("Hold"), lambda: board.pause_job(id))
        elif job.state in MOVABLE:
            menu.addAction(self.tr("Draw earlier"), lambda: self.model.move_by(id, -1))
            menu.addAction(self.tr("Draw later"), lambda: self.model.move_by(id, 1))
            if job.state == JobState.WAITING:
                menu.addAction(self.tr("Hold"), lambda: board.pause_job(id))
            else:
                menu.addAction(self.tr("Go on"), lambda: board.resume(id))
            menu.addAction(self.tr("Cancel"), partial(self.end, id))
        elif job.saved < job.count:
            menu.addAction(self.tr("Try again"), lambda: board.resume(id))
        menu.addSeparator()
        menu.addAction(self.tr("Draw the same again"), lambda: board.duplicate(id))
        menu.addAction(self.tr("Use its settings"), lambda: self._studio.use_request(job.request))
        if job.state not in OPEN:
            menu.addSeparator()
            menu.addAction(self.tr("Forget it"), partial(self.end, id))
        return menu

    def _act_on_key(self, event: QKeyEvent) -> None:
        """Delete does what the cross does, Alt+Up and Alt+Down move."""
        job = self.chosen()
        if job is None:
            event.ignore()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.end(job.id)
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.model.move_by(job.id, -1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            event.ignore()

    def _show_menu(self, shown: JobList, at: QPoint) -> None:
        index = shown.indexAt(at) if shown.indexAt(at).isValid() else shown.currentIndex()
        if (job := index.data(JOB)) is not None:
            menu = self.menu(job)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(shown.viewport().mapToGlobal(at))
