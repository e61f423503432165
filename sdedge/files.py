"""Writing files so that a reader, a crash or a full disk never meets half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sdedge.errors import OutputError


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
