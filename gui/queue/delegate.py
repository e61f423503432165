"""How a job looks in the list: a grip to drag it by, prompt, a line of words, a bar while it is drawn, and a cross."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.look.theme import CAPTION, GAP, HALF, RADIUS, Theme
from gui.queue.model import FRACTION, JOB, LINE, MOVABLE
from sdedge.library.job_states import JobState
from sdedge.library.jobs import Job

REASON_LINES = 4  # of a failure, in the list; all of it is in the tooltip
CROSS, GRIP = 20, 12  # pixels, of the row's width


class JobDelegate(QStyledItemDelegate):
    """`hovered` is the job whose cross the mouse is on."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.hovered: int | None = None

    @staticmethod
    def cross(row: QRect) -> QRect:
        """Returns where the cross of the row at `row` is pressed."""
        return QRect(row.right() - GAP - CROSS, row.top() + 2, GAP + CROSS, CROSS + GAP)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        width: int = option.widget.viewport().width() - 4  # type: ignore[attr-defined]
        job: Job = index.data(JOB)
        small = QFontMetrics(_small(option))
        lines = self._line(small, index, _text(QRect(0, 0, width, 0), job).width(), job)[1]
        bar = GAP if job.state == JobState.RUNNING else 0
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
        painter.fillPath(shape, self._theme.color("canvas" if job.state == JobState.RUNNING else "panel"))
        painter.setPen(self._theme.color("accent" if chosen else "line"))
        painter.drawPath(shape)
        inside = _text(box, job)
        metrics = option.fontMetrics
        painter.setPen(self._theme.color("text"))
        title = metrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, title)
        painter.setFont(_small(option))
        text, height = self._line(painter.fontMetrics(), index, inside.width(), job)
        below = QRect(inside.left(), inside.top() + metrics.height(), inside.width(), height)
        painter.setPen(self._theme.color("bad" if job.state == JobState.FAILED else "muted"))
        painter.drawText(below, Qt.TextFlag.TextWordWrap, text)
        self._bar(painter, inside, index.data(FRACTION) if job.state == JobState.RUNNING else -1)
        self._handles(painter, box, job)
        painter.restore()

    def _handles(self, painter: QPainter, box: QRect, job: Job) -> None:
        """Paints the cross, and of a job that waits six dots to drag it by."""
        place = QRect(box.right() - GAP - CROSS + 4, box.top() + GAP, CROSS - 4, CROSS - 4)
        self._theme.icon("close", "text" if self.hovered == job.id else "muted").paint(painter, place)
        if job.state not in MOVABLE:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("muted"))
        middle = box.center().y()
        for x in (0, 5):
            for y in (-5, 0, 5):
                painter.drawEllipse(QRectF(box.left() + GAP + x, middle + y - 1, 2.5, 2.5))

    def _bar(self, painter: QPainter, inside: QRect, fraction: float | None) -> None:
        if fraction == -1:
            return
        place = QRectF(inside.left(), inside.bottom() - 3, inside.width(), HALF)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("line"))
        painter.drawRoundedRect(place, 2, 2)
        if fraction:
            painter.setBrush(self._theme.color("accent"))
            painter.drawRoundedRect(QRectF(place.left(), place.top(), place.width() * fraction, place.height()), 2, 2)

    def _line(
        self, metrics: QFontMetrics, index: QModelIndex | QPersistentModelIndex, width: int, job: Job
    ) -> tuple[str, int]:
        """Returns what the job is doing and its height in pixels; failures take several lines, everything else one."""
        text = index.data(LINE)
        if job.state not in (JobState.FAILED, JobState.INTERRUPTED):
            return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width), metrics.height()
        box = metrics.boundingRect(QRect(0, 0, width, 10_000), Qt.TextFlag.TextWordWrap, text)
        return text, min(box.height(), REASON_LINES * metrics.lineSpacing())


def _text(box: QRect, job: Job) -> QRect:
    """Returns where a row's words stand, between its grip and its cross."""
    return box.adjusted(GAP + (GRIP if job.state in MOVABLE else 0), GAP, -GAP - CROSS, -GAP)


def _small(option: QStyleOptionViewItem) -> QFont:
    font = QFont(option.font)
    font.setPixelSize(CAPTION)
    return font
