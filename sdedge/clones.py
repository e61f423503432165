"""Copies of files and folders that take no room until they are written to, where the file system can (APFS, Btrfs, XFS).

Never hard links: writing to a copy must not reach the original.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.files import inside, open_regular

_FICLONE = 0x40049409  # ioctl_ficlone(2)
_MOST_FILES = 1000


def clone_folder(source: Path, target: Path) -> None:
    """Copies a folder of files and folders to `target`, which is not there yet.

    A link inside is followed where it stays inside, and the copy holds the file. Raises ModelError for one that leads out and for
    more than a thousand files, OSError where something is neither file nor folder, cannot be read, or the disk is full.
    """
    names = [path.relative_to(source).as_posix() for path in sorted(source.rglob("*")) if not _is_folder(path)]
    if len(names) > _MOST_FILES:
        raise ModelError(f"{source} holds {len(names)} files, which no package does; convert the model again.")
    target.mkdir()
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        clone_file(inside(source, name), target / name)


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def clone_file(source: Path, target: Path) -> bool:
    """Copies a regular file to `target`, which is not there yet; returns whether both share what is on the disk.

    Raises OSError.
    """
    with open_regular(source) as original:
        if _clone_by_path(source, target):
            target.chmod(target.stat().st_mode | stat.S_IWUSR)
            return True
        with open(target, "xb") as copy:
            if _clone_by_descriptor(original.fileno(), copy.fileno()):
                return True
            shutil.copyfileobj(original, copy, 4 << 20)
    return False


def _clone_by_path(source: Path, target: Path) -> bool:
    """Asks macOS for clonefile(2)."""
    library: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "darwin" else None
    if not hasattr(library, "clonefile"):
        return False
    return library.clonefile(os.fsencode(source), os.fsencode(target), 0) == 0


def _clone_by_descriptor(source: int, target: int) -> bool:
    """Asks Linux for FICLONE."""
    if sys.platform != "linux":
        return False
    import fcntl

    with suppress(OSError):  # other file systems, and copies from one to another
        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False
