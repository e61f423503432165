"""What can be taken back by Ctrl+Z wherever no text is being written, the latest first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

SECONDS = 10.0
"""For so long a picture waits before it moves to the trash, and a remark offers to undo."""
DEPTH = 50


@dataclass(frozen=True, eq=False)
class UndoStep:
    """One thing that was done; `work` takes it back, until `ends` (monotonic seconds) where it has an end."""

    text: str
    work: Callable[[], object]
    ends: float | None = None

    @property
    def is_over(self) -> bool:
        return self.ends is not None and time.monotonic() > self.ends


class UndoList(QObject):
    """One per window. A step is taken back once, by the remark's button or by Ctrl+Z."""

    changed = Signal()
    taken_back = Signal()
    """A step is about to be taken back; what offered that is over."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: list[UndoStep] = []

    def push(self, text: str, work: Callable[[], object], seconds: float | None = None) -> UndoStep:
        """Remembers what takes a thing back; after `seconds` it no longer can be."""
        step = UndoStep(text, work, None if seconds is None else time.monotonic() + seconds)
        self._steps = [*self._steps, step][-DEPTH:]
        self.changed.emit()
        return step

    def latest(self) -> UndoStep | None:
        """Returns what Ctrl+Z would take back."""
        self._steps = [step for step in self._steps if not step.is_over]
        return self._steps[-1] if self._steps else None

    def take_back(self, step: UndoStep | None = None) -> bool:
        """Takes back this step, or the latest; False when there is none any more."""
        step = step or self.latest()
        if step is None or step not in self._steps or step.is_over:
            return False
        self._steps.remove(step)
        self.taken_back.emit()
        step.work()
        self.changed.emit()
        return True
