"""Painting a mask over the picture that the form starts from: what was painted is kept as a file, however painting ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QImage

from gui.create.canvas_panel import CanvasPanel
from gui.create.mask_layer import MaskLayer
from gui.shell.background import in_words
from gui.shell.pictures import Looked, finished, keep_private
from gui.shell.studio import Studio
from sdedge.errors import SdedgeError

FOLDER = "masks"


class MaskBrush(QObject):
    """`fault` says what kept a mask from being written."""

    def __init__(self, studio: Studio, panel: CanvasPanel, fault: Callable[[str], object]) -> None:
        super().__init__(panel)
        self._studio, self._panel, self._fault = studio, panel, fault
        self._path, self._image = "", QImage()
        """Of the picture that is painted over."""
        self._unwritten: tuple[str, MaskLayer] | None = None
        """A picture's path and its mask, which could not be written."""
        self._work: Callable[[], object] | None = None
        panel.mask_done.connect(self._keep)

    @property
    def is_waited_for(self) -> bool:
        """Returns whether something is to be done once the mask is written."""
        return self._work is not None

    def begin(self, source: Looked) -> None:
        """Lets a mask be painted over a picture, beginning with the form's; one that is painted over it goes on."""
        if self._panel.paints_mask and source.path == self._path:
            self._panel.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self._path, self._image = source.path, source.image
        self._show(self._take_unwritten() or self._read())

    def _read(self) -> QImage | None:
        """Returns the form's mask, if it has one."""
        if (path := self._studio.form.mask) is not None:
            with suppress(OSError):  # it is painted anew then
                return finished(path)
        return None

    def _show(self, mask: QImage | MaskLayer | None) -> None:
        self._panel.begin_mask(self._image, mask)
        self._panel.caption.say(Path(self._path).name)

    def _take_unwritten(self) -> MaskLayer | None:
        """Returns the mask of the picture that is painted over, where it could not be written before."""
        if self._unwritten is None or self._unwritten[0] != self._path:
            return None
        (_, layer), self._unwritten = self._unwritten, None
        return layer

    def ends_before(self, work: Callable[[], object]) -> bool:
        """Ends painting, and does `work` once the mask is written; returns whether one was painted, or is being written."""
        if self._panel.paints_mask:
            self._work = work
            self._panel.end_mask()
        return self.is_waited_for

    def follow(self, source: Looked | None) -> None:
        """Ends painting where the form starts from another picture by now; what was painted can be had back with its own."""
        if not self._panel.paints_mask or (source is not None and source.path == self._path):
            return
        path, layer = self._path, self._panel.take_mask()
        if layer is None:
            return

        def offer(mask: Path) -> None:
            text = self.tr("The mask that was painted went with its picture.")
            self._studio.offer_undo(text, lambda: self._studio.form.start_from(path, str(mask)))

        self._write(path, layer, offer)

    def close(self) -> None:
        """Writes what is painted, before the program ends."""
        layer = self._panel.take_mask() or self._take_unwritten()
        if layer is not None and self._studio.form.image == self._path:
            with suppress(OSError, SdedgeError):  # a full disk is no reason not to close
                self._studio.form.put(mask=str(keep_private(FOLDER, layer.png())))

    def _keep(self, layer: MaskLayer | None) -> None:
        """Writes what was painted, then goes on with what waited for it."""
        take = partial(self._take, self._path)
        if layer is None:
            take(None)
        else:
            self._write(self._path, layer, take)

    def _take(self, path: str, mask: Path | None) -> None:
        if self._studio.form.image == path:  # and not another picture since
            self._studio.form.put(mask=None if mask is None else str(mask))
        work, self._work = self._work, None
        if work is not None:
            work()

    def _write(self, path: str, layer: MaskLayer, take: Callable[[Path], None]) -> None:
        """Writes the mask of the picture at `path`. What cannot be written is painted on, at once or when next asked for."""

        def fail(error: Exception) -> None:
            self._work = None
            self._unwritten = path, layer
            if path == self._studio.form.image == self._path and not self._panel.is_edited:
                self._show(self._take_unwritten())
            self._fault(in_words(error))

        self._studio.bridge.background.run(lambda: keep_private(FOLDER, layer.png()), take, fail, self)
