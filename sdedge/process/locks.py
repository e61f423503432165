"""A lock held by one process, given back by the system however that process ends. No torch."""

from __future__ import annotations

import os
from pathlib import Path

from sdedge.errors import SdedgeError

_WINDOWS_BYTE = 1 << 30  # beyond the text, so that the process id stays readable


class ProcessLock:
    """A file that at most one process holds; it tells which."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take it; False when another process (or another ProcessLock here) has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            reason = error.strerror or error
            raise SdedgeError(f"Cannot write {self.path}: {reason}; check sdedge's data folder.") from error
        if not _lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return True

    def release(self) -> None:
        """Give it back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """The process that holds it now, or None when it is free."""
        if self._descriptor is None and self.acquire():
            self.release()
            return None
        try:
            return int(self.path.read_text())
        except (OSError, ValueError):
            return None


def _lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
