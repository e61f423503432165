"""What must be written to the database and then told, in order, however long the database has to be waited for."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from sdedge.errors import SdedgeError
from sdedge.events import Event, Notice
from sdedge.library.database import is_passing

log = logging.getLogger(__name__)

T = TypeVar("T")
Listener = Callable[[int | None, Event], None]
"""Called with a job's id (None: the queue as a whole) and what happened."""


class Outbox:
    """Actions that write or tell. One thread uses it. A lock of another program or a full disk only delays them."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._actions: deque[Callable[[], object]] = deque()
        self._waiting_announced = False

    def __bool__(self) -> bool:
        return bool(self._actions)

    def later(self, action: Callable[[], object]) -> None:
        """Does it after everything before it: at once when nothing waits."""
        self._actions.append(action)
        if len(self._actions) == 1:
            try:
                self.work_off()
            except sqlite3.Error as error:
                self.tell_waiting(error)

    def work_off(self) -> None:
        """Does what waits. Raises sqlite3.Error and keeps the rest when the database cannot be written."""
        while self._actions:
            try:
                self._actions[0]()
            except sqlite3.IntegrityError:
                log.exception("A row could not be written; a rescan finds the pictures.")
            except sqlite3.Error:
                raise
            except Exception:
                log.exception("A file could not be read.")
            self._actions.popleft()
        self._waiting_announced = False

    def clear(self) -> None:
        """Forgets what waits."""
        self._actions.clear()

    def tell(self, job: int | None, event: Event) -> None:
        """Calls the listener; its faults are its own."""
        try:
            self._listener(job, event)
        except Exception:
            log.exception("The listener failed.")

    def tell_waiting(self, error: Exception) -> None:
        """Says once that the database has to be waited for."""
        if not self._waiting_announced:
            self._waiting_announced = True
            self.tell(
                None,
                Notice(f"The gallery's database cannot be written now ({error.__cause__ or error}); waiting for it."),
            )


def patiently(action: Callable[[], T], patience: float = 60.0) -> T:
    """Does it, waiting up to `patience` seconds for other programs' locks. Raises SdedgeError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return action()
        except sqlite3.Error as error:
            if not is_passing(error) or time.monotonic() > deadline:
                if isinstance(error, SdedgeError):  # it says what to do
                    raise
                raise SdedgeError(f"The gallery's database cannot be used: {error}; close other programs.") from error
            time.sleep(0.1)
