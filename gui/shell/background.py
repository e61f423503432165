"""Work off the main thread: the one way in which anything here that may take longer than a frame is done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from gui.languages.texts import tr
from gui.shell.advice import error_in_words
from sdedge.errors import SdedgeError

log = logging.getLogger(__name__)

T = TypeVar("T")
Then = Callable[[Any], None]
Failed = Callable[[Exception], None]


class Background(QObject):
    """A few threads. Results come back on the main thread; an owner that is gone by then is not told."""

    unexpected = Signal(str)
    """A failure that nobody asked to hear of, in words."""
    _returned = Signal(object)

    def __init__(self, name: str, threads: int = 1, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._closed = False
        self._dispensable: set[Future[Any]] = set()
        """What is not over, and is forgotten where the program ends before it has begun."""
        self._returned.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        work: Callable[[], T],
        then: Callable[[T], None] | None = None,
        failed: Failed | None = None,
        owner: QObject | None = None,
        lasting: bool = False,
    ) -> Future[T] | None:
        """Does `work` (no widgets in it), then calls `then(result)` or `failed(error)` on the main thread.

        What is `lasting`, such as writing what a person wrote, is done also where the program ends before it has begun.
        """
        if self._closed:
            return None
        future = self._pool.submit(work)
        if not lasting:
            self._dispensable.add(future)
            future.add_done_callback(self._dispensable.discard)
        future.add_done_callback(lambda done: self._send_back(done, then, failed, owner))
        return future

    def close(self, finish: bool = False) -> None:
        """Forgets what has not begun, unless it is lasting or all is to `finish`, and waits for the rest. No result is delivered
        any more.
        """
        self._closed = True
        for future in () if finish else tuple(self._dispensable):
            future.cancel()
        self._pool.shutdown(wait=True)

    def _send_back(self, done: Future[Any], then: Then | None, failed: Failed | None, owner: QObject | None) -> None:
        if not self._closed and not done.cancelled():
            self._returned.emit((done, then, failed, owner))

    def _deliver(self, message: tuple[Future[Any], Then | None, Failed | None, QObject | None]) -> None:
        done, then, failed, owner = message
        if self._closed or (owner is not None and not isValid(owner)):
            return
        error = done.exception()
        if error is None:
            if then is not None:
                then(done.result())
        elif failed is not None and isinstance(error, Exception):
            failed(error)
        else:
            if not isinstance(error, SdedgeError):
                log.error("Work in the background failed.", exc_info=error)
            self.unexpected.emit(in_words(error))


class LatestRun:
    """Work of one kind for one owner, on threads that may end in another order: only what was asked for last is told."""

    def __init__(self, background: Background, owner: QObject) -> None:
        self._background, self._owner = background, owner
        self._asked = 0

    def run(self, work: Callable[[], T], then: Callable[[T], None], failed: Failed | None = None) -> None:
        """Does `work` as `Background.run` does; what was asked for before is not told any more."""
        self.forget()
        number = self._asked

        def take(result: T) -> None:
            if number == self._asked:
                then(result)

        def fail(error: Exception) -> None:
            if number == self._asked and failed is not None:
                failed(error)

        self._background.run(work, take, fail if failed is not None else None, self._owner)

    def forget(self) -> None:
        """Nothing that was asked for is told any more."""
        self._asked += 1


def in_words(error: BaseException) -> str:
    """Returns a sentence for people: our errors are one already."""
    if isinstance(error, SdedgeError):
        return error_in_words(error)
    if isinstance(error, OSError):
        return f"{error.filename or tr('A file')}: {error.strerror or error}."
    return tr("Something unexpected happened ({name}: {message}).").format(name=type(error).__name__, message=error)
