"""A Mac's drive for tests: names that differ in case or Unicode form are one name. Stands over the system calls that take paths.

Only Python's own calls are led there; where the folder lies on such a drive already, as on a Mac, nothing is replaced.
"""

from __future__ import annotations

import builtins
import io
import os
import unicodedata
from pathlib import Path

import pytest

ONE_PATH = (
    "stat", "lstat", "open", "mkdir", "rmdir", "unlink", "remove", "utime", "chmod", "access", "readlink", "listdir", "scandir",
    "statvfs",
)  # fmt: skip
TWO_PATHS = ("rename", "replace", "link", "symlink")


def is_lax(folder: Path) -> bool:
    """Whether a folder's drive takes another case for the same name."""
    (folder / "Case").touch()
    return (folder / "cASE").exists()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


class MacDrive:
    """The drive that `root` lies on; `decomposed` as HFS+ was and network drives are: names are kept in that form."""

    def __init__(self, root: Path, decomposed: bool) -> None:
        self._root, self._decomposed, self._listdir = os.fspath(root), decomposed, os.listdir

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Every call from now on. The system's exclusive rename, which takes bytes, is not there."""
        patch.setattr("sys.platform", "darwin")
        for name in ONE_PATH:
            patch.setattr(os, name, self._led(getattr(os, name), 1))
        for name in TWO_PATHS:
            patch.setattr(os, name, self._led(getattr(os, name), 2))
        led = self._led(io.open, 1)
        patch.setattr(io, "open", led)
        patch.setattr(builtins, "open", led)

    def _led(self, call, count):
        def called(*arguments, **named):
            paths = [self.at(path) for path in arguments[:count]]
            return call(*paths, *arguments[count:], **named)

        return called

    def at(self, path):
        """The path under which a name is kept: that of a file which is there, or of the one that will be made."""
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path).startswith(f"{self._root}{os.sep}"):
            return path
        stored = self._root
        for part in os.fspath(path)[len(self._root) + 1 :].split(os.sep):
            stored = f"{stored}{os.sep}{self._stored_name(stored, part)}" if part else stored
        return stored

    def _stored_name(self, folder: str, part: str) -> str:
        try:
            names = self._listdir(folder)
        except OSError:
            names = []
        new = unicodedata.normalize("NFD", part) if self._decomposed else part
        return part if part in names else next((name for name in names if _plain(name) == _plain(part)), new)


@pytest.fixture(params=[False, True], ids=["apfs", "decomposed"])
def drive(request, tmp_path, monkeypatch) -> Path:
    """A folder on a Mac's drive."""
    lax = is_lax(tmp_path)
    if not lax:
        MacDrive(tmp_path, request.param).install(monkeypatch)
    return tmp_path
