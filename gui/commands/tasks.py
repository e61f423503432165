"""Commands that wait for each other: imports, checks and conversions, one at a time, each with its progress and end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.commands.command import Command

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"


@dataclass
class Task:
    """One command. `fraction` is None while nobody knows how far it is; `message` says why it failed, or what came out."""

    id: int
    title: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What its environment has more than ours."""
    state: str = WAITING
    phase: str = ""
    fraction: float | None = None
    done: int = 0
    """Of what its progress counts, such as bytes."""
    message: str = ""
    began: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    """Everything it said but its progress."""

    @property
    def over(self) -> bool:
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began if self.began else 0.0


class Tasks(QObject):
    """Add commands; they run in their order."""

    changed = Signal()
    finished = Signal(object)
    """A task that is over, however."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.all: list[Task] = []
        self._numbers = 0
        self._command: Command | None = None
        self._running: Task | None = None

    def add(
        self, title: str, arguments: Sequence[str], first: bool = False, variables: Mapping[str, str] | None = None
    ) -> Task:
        """Run `sdedge` with these arguments when those before are over, or `first` of all that wait."""
        self._numbers += 1
        task = Task(self._numbers, title, tuple(arguments), variables or {})
        self.all.insert(0 if first else len(self.all), task)
        self._next()
        self.changed.emit()
        return task

    def cancel(self, task: Task) -> None:
        """End it if it runs, forget it if it waits."""
        if task is self._running and self._command is not None:
            self._command.cancel()
            task.phase = self.tr("Cancelling")
        elif task.state == WAITING:
            self.all.remove(task)
        self.changed.emit()

    def dismiss(self, task: Task) -> None:
        """Forget one that is over."""
        if task.over and task in self.all:
            self.all.remove(task)
            self.changed.emit()

    @property
    def busy(self) -> bool:
        return self._running is not None

    def close(self) -> None:
        """End what runs, and wait for it."""
        self.all = [task for task in self.all if task.over]
        if self._command is not None:
            self._command.close()
            self._command = self._running = None

    def _next(self) -> None:
        task = next((task for task in self.all if task.state == WAITING), None)
        if self._running is not None or task is None:
            return
        task.state, task.began = RUNNING, time.monotonic()
        self._running = task
        command = self._command = Command(task.arguments, self, task.variables)
        command.said.connect(lambda event: self._hear(task, event))
        command.ended.connect(lambda failure: self._end(task, command, failure))
        command.start()

    def _hear(self, task: Task, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "Progress":
            done, total = event.get("done", 0), event.get("total", 0)
            task.phase, task.fraction = str(event.get("phase", "")), done / total if total else None
            task.done = done
        else:
            task.events.append(event)
            if kind == "Loading":
                task.phase, task.fraction = str(event.get("phase", "")), None
        self.changed.emit()

    def _end(self, task: Task, command: Command, failure: str) -> None:
        task.state = CANCELLED if command.cancelled else FAILED if failure else DONE
        task.message, task.fraction = failure, None
        self._command = self._running = None
        command.deleteLater()
        self.finished.emit(task)  # what follows from it may come before what waits
        self._next()
        self.changed.emit()
