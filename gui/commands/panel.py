"""Running commands as cards: what, how far, how long, how to stop it, and what came of it."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QGridLayout, QProgressBar, QToolButton, QVBoxLayout, QWidget

from gui.commands.tasks import CANCELLED, DONE, FAILED, RUNNING, Task, Tasks
from gui.look import motion
from gui.look.plain import PlainLabel
from gui.look.readable import percent
from gui.look.theme import GAP, HALF, PAD, Theme, set_kind, spaced_font
from gui.shell.actions import name_button

SHOWN = 4  # cards; the rest is counted


class TaskPanel(QWidget):
    """Follows a Tasks; hidden while there is nothing to tell."""

    def __init__(self, tasks: Tasks, theme: Theme) -> None:
        super().__init__()
        self._tasks, self._theme = tasks, theme
        self._cards: dict[int, _Card] = {}
        self._more = PlainLabel()
        set_kind(self._more, "caption")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP)
        self._column.addWidget(self._more)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._show)
        tasks.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        tasks = self._tasks.all
        # What failed stays in sight, then what runs, then what waits.
        order = sorted(tasks, key=lambda task: (task.state != RUNNING, task.state != FAILED, task.over, task.id))
        shown = order[:SHOWN]
        for id in set(self._cards) - {task.id for task in shown}:
            card = self._cards.pop(id)
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        for place, task in enumerate(shown):
            card = self._cards.get(task.id) or self._cards.setdefault(task.id, _Card(self._tasks, task, self._theme))
            if self._column.indexOf(card) != place:
                self._column.insertWidget(place, card)
            card.show_task()
        self._more.setText(self.tr("and %n more", "", len(tasks) - len(shown)))
        self._more.setVisible(len(tasks) > len(shown))
        self.setVisible(bool(tasks))
        if self._tasks.busy != self._clock.isActive():
            self._clock.start() if self._tasks.busy else self._clock.stop()


class _Card(QFrame):
    def __init__(self, tasks: Tasks, task: Task, theme: Theme) -> None:
        super().__init__()
        self._tasks, self._task = tasks, task
        set_kind(self, "card")
        self._title, self._state = PlainLabel(task.title), PlainLabel()
        set_kind(self._title, "strong")
        self._state.setFont(spaced_font(self._state.font()))
        self._state.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(task.title)
        self._close = QToolButton()
        self._close.setIcon(theme.icon("close"))
        set_kind(self._close, "quiet")
        self._close.clicked.connect(self._end)
        grid = QGridLayout(self)
        grid.setContentsMargins(PAD, GAP, GAP, GAP)
        grid.setSpacing(HALF)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._close, 0, 1, 2, 1)
        grid.addWidget(self._state, 1, 0)
        grid.addWidget(self._bar, 2, 0, 1, 2)
        grid.setColumnStretch(0, 1)

    def show_task(self) -> None:
        task = self._task
        self._bar.setVisible(task.state == RUNNING)
        motion.show_share(self._bar, task.fraction)
        self._state.setText(self._describe())
        set_kind(self._state, {FAILED: "fault", DONE: "good"}.get(task.state, "caption"))
        name_button(
            self._close, self.tr("Remove from this list") if task.over else self.tr("Cancel {0}").format(task.title)
        )

    def _describe(self) -> str:
        task = self._task
        if task.state == RUNNING:
            phase = task.phase or self.tr("Starting")
            done = f" · {percent(task.fraction)}" if task.fraction is not None else ""
            return f"{phase}{done} · {_clock(task.seconds)}"
        if task.state == DONE:
            return task.message or self.tr("Done")
        ends = {FAILED: task.message, CANCELLED: self.tr("Cancelled")}
        return ends.get(task.state, self.tr("Waiting"))

    def _end(self) -> None:
        if self._task.over:
            self._tasks.dismiss(self._task)
        else:
            self._tasks.cancel(self._task)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
