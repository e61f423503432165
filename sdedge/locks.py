"""A lock held by one process, given back by the system however that process ends. No torch."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

from sdedge.errors import OutputError
from sdedge.liveness import is_running

_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_LOOKS, _MOMENT = 2, 0.02  # how often a lock that is held is asked for again, and after how many seconds
_HALF_WRITTEN = 10.0  # seconds after which a file without a process id has nobody
_WINDOWS_BYTE = 1 << 30  # beyond the text, so that the process id stays readable


class ProcessLock:
    """A file that at most one process holds; it tells which.

    Where the file system knows no locks, a second file `NAME.pid` holds it by being there, while the process named in it runs.
    """

    def __init__(self, path: Path, remedy: str = "check sdedge's data folder") -> None:
        """`remedy` is what to do where the file cannot be written."""
        self.path = path
        self._remedy = remedy
        self._descriptor: int | None = None
        self._marker = path.with_name(path.name + ".pid")
        self._marked = False

    def acquire(self) -> bool:
        """Takes it; False when another process (or another ProcessLock here) has it. Raises OutputError."""
        taken = self._take()
        for _ in range(_LOOKS):
            if not taken and not self._marker.exists():  # one that only asks for the holder has it for a moment
                time.sleep(_MOMENT)
                taken = self._take()
        return taken

    def _take(self) -> bool:
        """Takes it, or sees at once that another has it. Raises OutputError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritten(self.path, error) from error
        locked = False
        try:
            taken = _lock(descriptor)
            if taken is None:
                taken = self._marked = self._mark()
            locked = taken and self._is_at_path(descriptor)
        finally:
            if not locked:
                os.close(descriptor)
        if locked:
            self._descriptor = descriptor
            with suppress(OSError):  # a full disk: it is held all the same, and only does not say by whom
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
        return locked

    def release(self) -> None:
        """Gives it back; nothing happens when it is not held."""
        if self._marked:
            with suppress(OSError):
                self._marker.unlink()
            self._marked = False
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Gives it back and takes its file away; a process that has opened that already makes another."""
        with suppress(OSError):
            self.path.unlink()
        self.release()
        if os.name == "nt":  # where an open file stays
            with suppress(OSError):
                self.path.unlink()

    def _is_at_path(self, descriptor: int) -> bool:
        """Returns whether the file that is open is the one that others will open, and was not removed meanwhile."""
        with suppress(FileNotFoundError):
            return os.name == "nt" or os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        return False

    def holder(self) -> int | None:
        """Returns the process that holds it now, or None when it is free."""
        if self._descriptor is None and self._take():
            self.release()
            return None
        try:
            return int(self.path.read_text())
        except (OSError, ValueError):
            return None

    def _mark(self) -> bool:
        """Holds the second file, taking it from a process that has ended."""
        for _ in range(2):
            try:
                descriptor = os.open(self._marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                if not self._forget_dead():
                    return False
                continue
            except OSError as error:
                raise self._unwritten(self._marker, error) from error
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(str(os.getpid()))
            except OSError as error:  # without the process in it, others would take it for a killed one's
                self._marker.unlink(missing_ok=True)
                raise self._unwritten(self._marker, error) from error
            return True
        return False

    def _unwritten(self, path: Path, error: OSError) -> OutputError:
        return OutputError(f"Cannot write {path}: {error.strerror or error}; {self._remedy}.")

    def _forget_dead(self) -> bool:
        """Removes the second file if its process has ended; False while that runs, or where another process was faster."""
        try:
            text = self._marker.read_text("ascii", "replace").strip()
            if not text.isdecimal() or len(text) > 10:  # being written, or killed before it was
                dead = time.time() - self._marker.stat().st_mtime > _HALF_WRITTEN
            else:
                dead = not is_running(int(text))
            if not dead:
                return False
            aside = self._marker.with_name(f"{self._marker.name}.{os.getpid()}")
            os.rename(self._marker, aside)  # one process gets it
            taken = aside.read_text("ascii", "replace").strip()
            if taken != text:  # another has marked it meanwhile: it gets its file back
                os.rename(aside, self._marker)
                return False
            aside.unlink()
        except OSError:
            return False
        return True


def _lock(descriptor: int) -> bool | None:
    """Locks it, and returns whether that went; None where the system or the file system knows no locks."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, AttributeError):
        return None
    except OSError as error:
        return False if error.errno in _HELD else None
    return True
