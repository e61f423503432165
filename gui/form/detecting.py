"""What a detector finds in a picture, before anything is drawn again: found by a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.commands.command import Command
from gui.look.readable import decimal
from sdedge.boxes import Boxes, grown, redrawn


@dataclass(frozen=True)
class Detection:
    """A thing in a picture: left, top, right and bottom in pixels, how sure the detector is (0 to 1), and what it is."""

    box: tuple[float, float, float, float]
    score: float
    name: str


@dataclass(frozen=True)
class Detections:
    """What was found, the surest first, and the seconds that it took from the start of the process."""

    all: tuple[Detection, ...]
    seconds: float

    def wanted(self, boxes: Boxes, size: tuple[int, int]) -> list[tuple[tuple[int, int, int, int], str]]:
        """Returns the boxes that a pass draws again in a picture of this size, each with its name and how sure it is."""
        numbers = redrawn([(each.name, each.box) for each in self.all], boxes)
        rows = [(grown(self.all[n].box, boxes, size), self.all[n]) for n in numbers]
        return [(box, f"{each.name} {decimal(each.score, 2)}") for box, each in rows if box is not None]


class Detecting(QObject):
    """`detected` carries Detections, `failed` says why there are none; one is looked for at a time."""

    detected = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._command: Command | None = None
        self._detections: list[Detection] = []
        self._began = 0.0

    def look(self, boxes: Boxes, picture: Path) -> None:
        """Begins to look for what the detector of `boxes` knows, in place of what is looked for now."""
        self.close()
        self._detections, self._began = [], time.monotonic()
        command = self._command = Command(detect_arguments(boxes, picture), self)
        command.said.connect(self._take)
        command.ended.connect(self._end)
        command.start()

    def close(self) -> None:
        """Ends the process that looks."""
        if self._command is not None:
            self._command.leave()
            self._command = None

    def _take(self, record: dict[str, Any]) -> None:
        if (detection := _detection(record)) is not None:
            self._detections.append(detection)

    def _end(self, failure: str) -> None:
        self.close()
        if failure:
            self.failed.emit(failure)
        else:
            self.detected.emit(Detections(tuple(self._detections), time.monotonic() - self._began))


def detect_arguments(boxes: Boxes, picture: Path) -> list[str]:
    """Returns the arguments of `sdedge` that say what a detector finds in a picture."""
    return ["detect", "--json", f"--confidence={boxes.confidence!r}", "--", boxes.model, str(picture)]


def _detection(record: dict[str, Any]) -> Detection | None:
    """Returns a line of `sdedge detect --json`, None for anything else that a process says."""
    box, score, name = (record.get(key) for key in ("box", "score", "name"))
    is_box = isinstance(box, Sequence) and len(box) == 4 and all(isinstance(side, int | float) for side in box)
    if not is_box or not isinstance(score, int | float) or not isinstance(name, str):
        return None
    left, top, right, bottom = map(float, box)  # type: ignore[arg-type]
    return Detection((left, top, right, bottom), float(score), name)
