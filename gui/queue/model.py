"""The queue as a list for Qt: words and progress per job, reordered by dragging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt

from gui.languages.texts import for_others
from gui.look.plain import plain_tooltip
from gui.queue.board import JobBoard
from gui.queue.progress import PROVING, PictureProgress, spoken
from gui.shell.advice import for_the_window
from sdedge.library.job_states import JobState, Wish
from sdedge.library.jobs import Job

JOB, FRACTION, LINE = (Qt.ItemDataRole.UserRole + i for i in range(3))
_MIME = "application/x-sdedge-job"
MOVABLE = (JobState.WAITING, JobState.PAUSED)
Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()


class QueueModel(QAbstractListModel):
    """Rows are the board's jobs. JOB is the row's Job, FRACTION 0 to 1 or None, LINE what it is doing in words."""

    def __init__(self, board: JobBoard) -> None:
        super().__init__(board)
        self._board = board
        self._jobs: tuple[Job, ...] = ()
        board.changed.connect(self._refresh)
        board.progressed.connect(self._touch)

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._jobs):
            return None
        job = self._jobs[index.row()]
        progress = self._board.progress(job.id)
        if role == JOB:
            return job
        if role == FRACTION:
            return progress.fraction if progress and job.state == JobState.RUNNING else None
        if role == LINE:
            return self.line(job, progress)
        if role == Qt.ItemDataRole.DisplayRole:
            return " ".join(job.request.prompt.split()) or self.tr("(no prompt)")
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            text = f"{job.request.prompt}\n{self.line(job, progress)}"
            return plain_tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        if not index.isValid():
            return flag.ItemIsDropEnabled
        movable = self._jobs[index.row()].state in MOVABLE
        return flag.ItemIsSelectable | flag.ItemIsEnabled | (flag.ItemIsDragEnabled if movable else flag.NoItemFlags)

    def row_of(self, id: int) -> int:
        """Returns where a job is; -1 when it is not."""
        return next((row for row, job in enumerate(self._jobs) if job.id == id), -1)

    # Words

    def line(self, job: Job, progress: PictureProgress | None) -> str:
        """Returns what a job is doing, or why it is not."""
        pictures = self.tr("{0} of {1} pictures").format(job.saved, job.count) if job.count > 1 else ""
        if job.state == JobState.RUNNING:
            parts = [self.tr("{0} of {1}").format(job.saved + 1, job.count) if job.count > 1 else ""]
            parts.append(self._doing(job, progress))
        elif job.state == JobState.DONE:
            parts = [self.tr("done"), self.tr("%n pictures", "", job.count) if job.count > 1 else ""]
        elif job.state in (JobState.FAILED, JobState.INTERRUPTED):
            said = for_the_window(job.reason)
            first = for_others("failed") if job.state == JobState.FAILED and said else ""
            parts = [first, said or self.tr("failed"), pictures]
        else:
            states = {
                JobState.WAITING: self.tr("waiting"),
                JobState.PAUSED: self.tr("on hold"),
                JobState.CANCELLED: self.tr("cancelled"),
            }
            several = self.tr("%n pictures", "", job.count) if job.count > 1 else ""
            parts = [states[JobState(job.state)], pictures if job.saved else several]
        return " · ".join(part for part in parts if part)

    def _doing(self, job: Job, progress: PictureProgress | None) -> str:
        if job.wish == Wish.PICTURE:
            return self.tr("ends after this picture")
        if job.wish in (Wish.NOW, Wish.KILL):
            return self.tr("ending")
        if progress is None or not progress.total:
            return self.tr("starting")
        if progress.phase == PROVING:
            return self.tr("drawn, the engine is checked")
        parts = [self.tr("step {0}/{1}").format(progress.index, progress.total)]
        if progress.passes > 1:
            parts.append(self.tr("pass {0}/{1}").format(progress.pass_number, progress.passes))
        if (left := progress.remaining) is not None:
            parts.append(self.tr("about {0} left").format(spoken(left)))
        return " · ".join(parts)

    # Dragging

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, str(self._jobs[indexes[0].row()].id).encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        if not data.hasFormat(_MIME):
            return False
        row = parent.row() if row < 0 and parent.isValid() else len(self._jobs) if row < 0 else row
        self.put_before(int(bytes(data.data(_MIME).data())), row)
        return False  # the rows move when the queue says so

    def put_before(self, id: int, row: int) -> None:
        """Draws a waiting job before the one in this row, or last of the waiting."""
        later = [job.id for job in self._jobs[row:] if job.state in MOVABLE and job.id != id]
        self._board.move(id, later[0] if later else None)

    def move_by(self, id: int, places: int) -> None:
        """Moves one place up (-1) or down (1), for those who use keys."""
        row = self.row_of(id)
        self.put_before(id, max(0, row - 1) if places < 0 else row + 2)

    # Following the board

    def _refresh(self) -> None:
        jobs = self._board.jobs
        if [job.id for job in jobs] == [job.id for job in self._jobs]:
            self._jobs = jobs
            self.dataChanged.emit(self.index(0), self.index(max(0, len(jobs) - 1)))
            return
        self.beginResetModel()
        self._jobs = jobs
        self.endResetModel()

    def _touch(self, id: int) -> None:
        if (row := self.row_of(id)) >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))
