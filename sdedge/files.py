"""Files: written so that a reader, a crash or a full disk never meets half of one; read so that no path hangs or leads astray."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sdedge.errors import ModelError, OutputError

_MAX_NAME = 255  # bytes of one part of a path, what common file systems take


class NotRegularFile(OSError):
    """A path that leads to a folder, a FIFO, a socket or a device where a file was expected."""


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Opens a regular file for reading, in binary. Never waits for a FIFO's writer and never reads a device.

    Raises NotRegularFile, whose `strerror` says what the path is, and OSError as `open` does.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a FIFO" if stat.S_ISFIFO(mode) else "a device or socket"
            raise NotRegularFile(errno.EINVAL, f"it is {kind}, not a file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def inside(folder: Path, name: str) -> Path:
    """Returns the path of `name`, which foreign data gave, inside `folder`; symbolic links are followed before it is judged.

    Raises ModelError for an absolute name, for `..` and links that lead out, and for names that no system takes.
    """
    try:
        if not name or any(len(part.encode()) > _MAX_NAME for part in name.split("/")):
            raise ValueError("empty or too long")
        path, root = (folder / name).resolve(), folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{folder} names {name[:80]!r}, which is no file name; take the model from a source you trust.") from error
    if path == root or not path.is_relative_to(root):
        raise ModelError(f"{folder} names {name[:80]!r}, which lies outside of it; take the model from a source you trust.")
    return path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes `path` on success: temporary file beside it, fsync, rename.

    On any error nothing is left behind and an existing `path` is unchanged.

    Raises OutputError when the folder cannot be written or the disk is full.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"Cannot write {target}: {reason}; choose another folder or free some space.") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def reserve(file: IO[bytes], start: int, size: int) -> None:
    """Give an open file `size` bytes of the disk from `start`, where the system can: growing it write by write takes many times
    as long on some. Raises OSError when the disk is full, before anything is written."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), start, size)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    # The rename itself is only durable once the folder is; Windows cannot open a folder and does not need it.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
