"""Grids that are drawn by the queue, a job for each cell: when the last one is over, their pictures make one labelled sheet."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from gui.create.presenter import CanvasPresenter
from gui.form.view import FormView
from gui.shell.background import in_words
from gui.shell.studio import Studio
from sdedge.errors import InvalidRequest, OutputError
from sdedge.library.gallery import Gallery
from sdedge.library.grids import GridQueue, WaitingGrid
from sdedge.library.jobs import Queue

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)


class GridSheets(QObject):
    """`made` carries the path of a finished sheet. What a sheet needs is kept with the queue, so that one whose last cell is
    drawn after the window was closed is made at the next start."""

    made = Signal(str)

    def __init__(self, studio: Studio, presenter: CanvasPresenter) -> None:
        super().__init__(presenter)
        self._studio, self._presenter = studio, presenter
        self._making: set[int] = set()
        self.made.connect(self._show)
        studio.bridge.ready.connect(self._look)
        studio.board.changed.connect(self._look)

    def draw_form(self, form: FormView) -> None:
        """Lines up a picture for each cell of the form's grid; what is wrong is said beside it."""
        settings = self._studio.settings
        try:
            base = self._studio.form.wanted().request
            grid = form.grid.cells(base if settings.safety else base.replace(safety=False))
            output = settings.output()
        except InvalidRequest as error:
            form.grid.say(in_words(error))
            return
        form.prompt.remember()
        self._presenter.follow()

        def add(queue: Queue, gallery: Gallery) -> None:
            GridQueue(queue).add(grid, output)
            queue.resume_after_failure()

        self._studio.bridge.change(add, None, self._fail)

    def _look(self) -> None:
        """Makes the sheets of grids of which nothing further is drawn."""
        self._studio.bridge.ask(lambda queue, gallery: GridQueue(queue).drawn(), self._make, lambda error: None, self)

    def _make(self, grids: list[WaitingGrid]) -> None:
        for grid in grids:
            if grid.id not in self._making:
                self._making.add(grid.id)
                write, take = partial(write_sheet, grid), partial(self._take, grid.id)
                self._studio.bridge.background.run(write, take, self._fail, self)

    def _take(self, id: int, path: Path | None) -> None:
        """Puts a sheet among the pictures; where there is none, its grid is over all the same."""

        def keep(queue: Queue, gallery: Gallery) -> None:
            GridQueue(queue).forget(id)
            if path is not None:
                gallery.ensure(path)

        def tell(_: None) -> None:
            if path is not None:
                self.made.emit(str(path))

        self._studio.bridge.change(keep, tell, self._fail, self)

    def _fail(self, error: Exception) -> None:
        """Says why a sheet is not written; that is tried again at the next start."""
        self._studio.say(in_words(error), "warning")

    def _show(self, path: str) -> None:
        """Shows a sheet in place of its last cell, or where something else is looked at offers to."""
        text = self.tr("The grid is saved as {0}.").format(Path(path).name)

        def tell(is_shown: bool) -> None:
            if is_shown and self._studio.settings.view == "create":
                self._studio.say_briefly(text)
            else:
                self._studio.say(text, "good", self.tr("Show it"), partial(self._show_asked, path))

        self._presenter.show_sheet(path, tell)

    def _show_asked(self, path: str) -> None:
        self._studio.show_view("create")
        self._presenter.show_sheet(path, lambda is_shown: None, is_asked=True)


def write_sheet(grid: WaitingGrid) -> Path | None:
    """Writes the labelled sheet of a grid, a cell that was not drawn, or whose file is gone, being empty; writes none where all
    are. Raises OutputError, also where the folder of the pictures is gone: its drive may come back.
    """
    import numpy as np

    from sdedge.images.sheet import sheet

    if not grid.output.folder.is_dir():
        raise OutputError(f"The folder {grid.output.folder} is not there; connect its drive and start the app again.")
    pictures = [None if path is None else _read(path) for path in grid.paths]
    first = next((each for each in pictures if each is not None), None)
    if first is None:
        return None
    empty = np.full_like(first, 255)
    cells = [empty if each is None else each for each in pictures]
    return grid.output.write_sheet(sheet(cells, grid.across, grid.down), grid.request, alone=False)


def _read(path: str) -> np.ndarray | None:
    """Returns the pixels of a cell; None where another program has moved or damaged its file."""
    import numpy as np
    from PIL import Image

    from sdedge.files import open_regular

    try:
        with open_regular(path) as file:
            return np.asarray(Image.open(file).convert("RGB"))
    except OSError as error:
        log.info("A grid's cell stays empty: %s", error)
        return None
