"""Grids that are drawn by the queue, a job for each cell: when the last one is over, their pictures make one labelled sheet."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from gui.create.canvas_panel import CanvasPanel
from gui.shell.background import in_words
from gui.shell.pictures import finished
from gui.shell.studio import Studio
from sdedge.events import ImageDone
from sdedge.images.output import Output
from sdedge.library.jobs import Job

if TYPE_CHECKING:
    from sdedge.batch import Grid


@dataclass
class Sheet:
    """A grid whose cells are drawn: its jobs in reading order, and the files of those that are."""

    grid: Grid
    output: Output
    jobs: list[int] = field(default_factory=list)
    paths: dict[int, str] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Whether nothing further is drawn of it."""
        return len(self.jobs) == len(self.grid.requests) and self.over >= set(self.jobs)


class GridSheets(QObject):
    """`made` carries the path of a finished sheet. Sheets of cells that are drawn after the window was closed are not made."""

    made = Signal(str)

    def __init__(self, studio: Studio, panel: CanvasPanel) -> None:
        super().__init__(panel)
        self._studio, self._panel = studio, panel
        self.made.connect(self._say)
        self._sheets: list[Sheet] = []
        studio.board.drawn.connect(self._take_picture)
        studio.board.ended.connect(lambda job, event: self._end(job))

    def draw(self, grid: Grid, output: Output) -> None:
        """Lines up a job for each cell."""
        sheet = Sheet(grid, output)
        self._sheets.append(sheet)
        for request in grid.requests:
            self._studio.bridge.add(request, output, 1, then=lambda job: self._line_up(sheet, job), failed=self._fail)

    def _line_up(self, sheet: Sheet, job: Job) -> None:
        sheet.jobs.append(job.id)

    def _fail(self, error: Exception) -> None:
        self._studio.say(in_words(error), "warning")

    def _take_picture(self, job: int, event: ImageDone) -> None:
        for sheet in self._sheets:
            if job in sheet.jobs:
                sheet.paths[job] = event.path

    def _end(self, job: int) -> None:
        for sheet in [each for each in self._sheets if job in each.jobs]:
            sheet.over.add(job)
            if sheet.is_over:
                self._sheets.remove(sheet)
                self._make(sheet)

    def _say(self, path: str) -> None:
        text = self.tr("The grid is saved as {0}.").format(Path(path).name)
        show = partial(self._studio.bridge.background.run, lambda: finished(path), self._show, self._fail, self)
        self._studio.say(text, "good", self.tr("Show it"), show)

    def _show(self, image: QImage) -> None:
        if not self._panel.is_edited:
            self._panel.canvas.show_picture(image)

    def _make(self, sheet: Sheet) -> None:
        if not sheet.paths:
            return
        background = self._studio.bridge.background
        background.run(lambda: str(write_sheet(sheet)), self.made.emit, self._fail, self)


def write_sheet(sheet: Sheet) -> Path:
    """Writes the labelled sheet of a grid, a cell that was not drawn being empty. Raises OutputError, OSError."""
    import numpy as np
    from PIL import Image

    from sdedge.files import open_regular
    from sdedge.images import sheet as sheets

    pictures: dict[int, np.ndarray] = {}
    for job, path in sheet.paths.items():
        with open_regular(path) as file:
            pictures[job] = np.asarray(Image.open(file).convert("RGB"))
    empty = np.full_like(next(iter(pictures.values())), 255)
    cells = [pictures.get(job, empty) for job in sheet.jobs]
    return sheet.output.write_sheet(sheets.sheet(sheet.grid, cells), sheet.grid.requests[0], alone=False)
