"""Files: written so that a reader, a crash or a full disk never meets half of one; read so that no path hangs or leads astray."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import stat
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sdedge.errors import ModelError, OutputError

if os.name == "posix":
    import fcntl
else:
    fcntl = None  # type: ignore[assignment]

_MAX_NAME = 255  # bytes of one part of a path, what common file systems take


class NotRegularFile(OSError):
    """A path that leads to a folder, a FIFO, a socket or a device where a file was expected."""


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Opens a regular file for reading, in binary. Never waits for a FIFO's writer and never reads a device.

    Raises NotRegularFile, whose `strerror` says what the path is, and OSError as `open` does.
    """
    flags = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
    descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a FIFO" if stat.S_ISFIFO(mode) else "a device or socket"
            raise NotRegularFile(errno.EINVAL, f"it is {kind}, not a file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_at_most(path: str | os.PathLike[str], limit: int) -> bytes:
    """Returns the bytes of a regular file, and of a longer one the first `limit` and one more, by which a caller knows it.

    Raises OSError as `open_regular` does.
    """
    with open_regular(path) as file:
        return file.read(limit + 1)


def inside(folder: Path, name: str) -> Path:
    """Returns the path of `name`, which foreign data gave, inside `folder`; symbolic links are followed before it is judged.

    Raises ModelError for an absolute name, for `..` and links that lead out, and for names that no system takes.
    """
    try:
        if not name or any(len(part.encode()) > _MAX_NAME for part in name.split("/")):
            raise ValueError("empty or too long")
        path, root = (folder / name).resolve(), folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        reason = f"{folder} names {name[:80]!r}, which is no file name; take the model from a source you trust."
        raise ModelError(reason) from error
    if path == root or not path.is_relative_to(root):
        raise ModelError(
            f"{folder} names {name[:80]!r}, which lies outside of it; take the model from a source you trust."
        )
    return path


def canonical(path: Path) -> Path:
    """Returns a path with each part as its folder lists it, where the file system also takes another case or Unicode form.

    Drives of a Mac do, so that one file has many paths; symbolic links are left as they are. Parts that are not there, or lie
    in a folder that cannot be listed, stay as well.
    """
    listed = Path(path.anchor)
    for part in path.parts[1 if path.anchor else 0 :]:
        forms = {part.swapcase(), unicodedata.normalize("NFC", part), unicodedata.normalize("NFD", part)} - {part}
        if os.path.lexists(listed / part) and any(os.path.lexists(listed / form) for form in forms):
            with suppress(OSError):
                names = os.listdir(listed or ".")
                alike = (name for name in names if _folded(name) == _folded(part))
                part = part if part in names else next(alike, part)
        listed /= part
    return listed


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


@contextmanager
def atomic_write(path: str | os.PathLike[str], replace: bool = True, private: bool = False) -> Iterator[IO[bytes]]:
    """Yields a binary file that becomes `path` on success: temporary file beside it, fsync, rename.

    On any error nothing is left behind and an existing `path` is unchanged. A `private` one is its owner's alone at all times.

    Raises OutputError when the folder cannot be written or the disk is full, where `path` is a device, a FIFO or a socket, or,
    without `replace`, when it is taken.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        _refuse_device(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = _open_temporary(target, private)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            sync(file.fileno())
        if replace:
            os.replace(temporary, target)
        elif not rename_to_new(Path(temporary), target):
            raise OutputError(f"There is a file {target} already; choose another name.")
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        _discard(temporary)


def write_new(names: Iterable[Path], data: bytes, announce: Callable[[Path], None] = lambda path: None) -> Path:
    """Writes a file under the first of `names` that is free, never over another, however many processes write at once.

    `announce` is called with a name before anything of it is on the disk; again with the next one when another process was
    faster. The file is whole under its name, or not there. Raises OutputError as `atomic_write` does.
    """
    temporary: Path | None = None
    target = Path()
    try:
        for target in names:
            if os.path.lexists(target) and not _is_abandoned(target):
                continue
            announce(target)
            temporary = temporary or _written(target, data)
            if rename_to_new(temporary, target):
                temporary = None
                _sync_folder(target.parent)
                return target
        raise OutputError(f"Every name like {target} is taken; choose another folder or name.")
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        _discard(temporary)


def _cannot_write(target: Path, error: OSError) -> OutputError:
    reason = error.strerror or error
    return OutputError(f"Cannot write {target}: {reason}; choose another folder or free some space.")


def _refuse_device(target: Path) -> None:
    """Raises OSError for what is there and is neither file nor folder: a rename would put a file in the place of /dev/null."""
    with suppress(FileNotFoundError):
        mode = target.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "it is a device, a FIFO or a socket, and no file", str(target))


def _open_temporary(target: Path, private: bool = False) -> tuple[int, str]:
    """Returns the descriptor and the path of a new file beside `target`, with the permissions that the system gives new ones, or
    its owner's alone. The process's umask is never touched: it is one for all threads. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW"))
    while True:
        path = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
        with suppress(FileExistsError):
            return os.open(path, flags, 0o600 if private else 0o666), str(path)


def _discard(temporary: str | Path | None) -> None:
    """Removes a temporary file, if one was left, as far as the system lets it."""
    if temporary is not None:
        with suppress(OSError):
            os.unlink(temporary)


def _written(target: Path, data: bytes) -> Path:
    """Returns a temporary file beside `target` with these bytes, on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = _open_temporary(target)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return Path(temporary)


def rename_to_new(temporary: Path, target: Path) -> bool:
    """Renames, but never over a file that is there: False when the name is taken. Raises OSError.

    The system's own exclusive rename comes first, then a hard link; where a file system has neither, an empty file claims the
    name for the moment before the rename, and one that a kill left is taken back by `write_new`.
    """
    for way in (rename_exclusively, link_exclusively):
        try:
            way(temporary, target)
            return True
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    try:
        os.replace(temporary, target)
    except BaseException:
        os.unlink(target)
        raise
    return True


_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.EMLINK, errno.EXDEV}
_AT_FDCWD = -100
_RENAME_EXCLUSIVE = 1, 4  # RENAME_NOREPLACE of renameat2(2), RENAME_EXCL of renamex_np(2)
_RENAME_EXCHANGE = 2, 2  # RENAME_EXCHANGE, RENAME_SWAP
_ABANDONED = 600.0  # seconds after which an empty file that claims a name, or a temporary one, has nobody


def is_empty(folder: Path) -> bool:
    """Returns whether a folder holds nothing, or only what desktops leave in every one. Raises OSError."""
    return not any(name != DESKTOP and not name.startswith(APPLE_DOUBLE) for name in os.listdir(folder))


def remove_empty(folder: Path) -> None:
    """Removes a folder that `is_empty`. Raises OSError, also for one that is not."""
    for name in os.listdir(folder):
        if name == DESKTOP or name.startswith(APPLE_DOUBLE):
            os.unlink(folder / name)
    folder.rmdir()


DESKTOP, APPLE_DOUBLE = ".DS_Store", "._"
"""What Finder writes into folders it shows, and how files are called in which it keeps what other drives cannot."""


def replace_folder(made: Path, target: Path) -> None:
    """Puts a folder in the place of another one, or of none, and removes that; both are on one file system.

    At once where the system can exchange two names. Raises OSError, and then `target` is as it was.
    """
    try:
        _rename_by_system(made, target, _RENAME_EXCHANGE)
    except OSError as error:
        if error.errno not in {errno.ENOENT, *_UNSUPPORTED}:
            raise
        aside = made.with_name(f"{made.name}.before")
        there = target.exists()
        if there:
            os.rename(target, aside)
        try:
            os.rename(made, target)
        except BaseException:
            if there:
                os.rename(aside, target)
            raise
        made = aside
    shutil.rmtree(made, ignore_errors=True)


def rename_exclusively(temporary: Path, target: Path) -> None:
    """Renames without replacing, in one step. Raises FileExistsError, and OSError where the system cannot."""
    if os.name == "nt":
        os.rename(temporary, target)  # never replaces there
        return
    _rename_by_system(temporary, target, _RENAME_EXCLUSIVE)


def _rename_by_system(old_path: Path, target: Path, flags: tuple[int, int]) -> None:
    """Renames by renameat2(2) of Linux or renamex_np(2) of macOS, with the flag of each. Raises OSError, ENOSYS elsewhere."""
    library: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    old, new = os.fsencode(old_path), os.fsencode(target)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        failed = library.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, flags[0])
    elif sys.platform == "darwin" and hasattr(library, "renamex_np"):
        failed = library.renamex_np(old, new, flags[1])
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))


def link_exclusively(temporary: Path, target: Path) -> None:
    """Does the same by a hard link, for file systems that know those only."""
    if not hasattr(os, "link"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    os.link(temporary, target)
    os.unlink(temporary)


def _is_abandoned(target: Path) -> bool:
    """Removes an empty file that has claimed a name for long: whoever did was killed. Whether the name is free again."""
    try:
        status = os.lstat(target)
        if status.st_size or not stat.S_ISREG(status.st_mode) or time.time() - status.st_mtime < _ABANDONED:
            return False
        aside = Path(f"{target}.{os.getpid()}.part")
        os.rename(target, aside)  # only one process gets it
        if os.lstat(aside).st_size and not rename_to_new(aside, target):  # it was filled meanwhile
            return False
        with suppress(FileNotFoundError):
            os.unlink(aside)
        return not os.path.lexists(target)
    except OSError:
        return False


def sweep_parts(folder: Path) -> None:
    """Removes the temporary files in a folder that killed processes left: those of `atomic_write` and `write_new` that nobody
    has written to for ten minutes."""
    for path in folder.glob(".*.part"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _ABANDONED:
                path.unlink()


def make_private_folder(folder: Path) -> None:
    """Makes a folder that only its owner can enter; an existing one of ours is tightened. Raises OSError.

    Folders that others have a part in (the home folder, a root, one like /tmp) are used as they are.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name != "posix":
        return
    status = folder.stat()
    shared = status.st_mode & stat.S_ISVTX or folder.resolve() in (_home(), Path(folder.anchor or "/"))
    if status.st_mode & 0o077 and status.st_uid == os.geteuid() and not shared:
        with suppress(OSError):  # file systems without permissions
            folder.chmod(0o700)


def _home() -> Path | None:
    """Returns the user's home folder; None for a user of a container who has none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def make_private_file(path: Path) -> None:
    """Makes a file, empty, that only its owner can read; an existing one of ours is tightened and keeps its content."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    tighten(path)


def tighten(path: Path) -> None:
    """Takes a file's permissions from everybody but its owner. Raises FileNotFoundError."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        with suppress(OSError):  # another's file, or a file system without permissions
            path.chmod(0o600)


def reserve(file: IO[bytes], start: int, size: int) -> None:
    """Gives an open file `size` bytes of the disk from `start`, where the system can: growing it write by write takes many
    times as long on some. Raises OSError when the disk is full, before anything is written."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), start, size)


def sync(descriptor: int) -> None:
    """Has the system bring a file to the disk itself. On a Mac fsync(2) stops at the drive's cache, which a power cut empties."""
    os.fsync(descriptor)
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):  # file systems that do not know it
            fcntl.fcntl(descriptor, full)


def _sync_folder(folder: Path) -> None:
    # The rename itself is only durable once the folder is; Windows cannot open a folder and does not need it.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
