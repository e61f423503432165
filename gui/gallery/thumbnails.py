"""Thumbnails made and read off the main thread, the ones asked for last first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPixmap

from gui.shell.background import Background, in_words
from sdedge.library.gallery import GalleryEntry
from sdedge.library.gallery_files import thumbnail

CACHED = 600  # pixmaps of at most 320 x 320: about 150 MB at worst
WAITING = 400  # more than a screen shows: who scrolls on no longer needs the oldest


class Thumbnails(QObject):
    """Ask for a pixmap while painting; paint it after `loaded`."""

    loaded = Signal(str)
    """The content of the picture whose thumbnail, or fault, is here now."""

    def __init__(self, store: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._pixmaps: OrderedDict[str, QPixmap] = OrderedDict()
        self._faults: dict[str, str] = {}
        self._waiting: OrderedDict[str, Path] = OrderedDict()
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        self._background = Background("thumbnails", 2, self)

    def pixmap(self, entry: GalleryEntry) -> QPixmap | None:
        """Returns the thumbnail if it is here; otherwise it comes soon, or `fault` tells why it never will."""
        pixmap = self._pixmaps.get(entry.content)
        if pixmap is not None:
            self._pixmaps.move_to_end(entry.content)
        elif entry.content not in self._faults:
            self._ask(entry)
        return pixmap

    def fault(self, entry: GalleryEntry) -> str:
        """Returns why there is no thumbnail, in words; empty as long as there may be one."""
        return self._faults.get(entry.content, "")

    def forget_faults(self) -> None:
        """Tries again: the files may be back."""
        self._faults.clear()

    def close(self) -> None:
        """Ends the threads."""
        self._background.close()

    def _ask(self, entry: GalleryEntry) -> None:
        with self._lock:
            if entry.content in self._waiting:
                self._waiting.move_to_end(entry.content)
            if entry.content in self._asked:
                return
            self._waiting[entry.content] = entry.path
            if len(self._waiting) > WAITING:
                self._asked.discard(self._waiting.popitem(last=False)[0])
        self._asked.add(entry.content)
        self._background.run(self._make_latest, self._take, owner=self)

    def _make_latest(self) -> tuple[str, QImage | None, str] | None:
        """Makes, on a thread of the background, whatever was asked for last."""
        with self._lock:
            if not self._waiting:
                return None
            content, path = self._waiting.popitem()
        try:
            image = QImage(str(thumbnail(self._store, path, content)))
        except Exception as error:  # said in the picture's place
            return content, None, in_words(error)
        return content, image, "" if not image.isNull() else f"The thumbnail of {path.name} is damaged."

    def _take(self, made: tuple[str, QImage | None, str] | None) -> None:
        if made is None:
            return
        content, image, fault = made
        self._asked.discard(content)
        if fault or image is None:
            self._faults[content] = fault
        else:
            self._pixmaps[content] = QPixmap.fromImage(image)
            while len(self._pixmaps) > CACHED:
                self._pixmaps.popitem(last=False)
        self.loaded.emit(content)
