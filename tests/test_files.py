"""Files reach the disk itself, also where fsync stops at the drive's cache."""

from __future__ import annotations

import errno
from contextlib import closing
from types import SimpleNamespace

import pytest

from sdedge import files
from sdedge.library.database import open_database
from sdedge.library.schema import MIGRATIONS


@pytest.mark.parametrize("knows", [True, False])
def test_on_a_mac_a_file_goes_past_the_drives_cache(monkeypatch, tmp_path, knows):
    asked = []

    def fcntl(descriptor, command):
        asked.append(command)
        if not knows:
            raise OSError(errno.ENOTTY, "no such command")

    monkeypatch.setattr(files, "fcntl", SimpleNamespace(F_FULLFSYNC=51, fcntl=fcntl))
    with files.atomic_write(tmp_path / "a") as file:
        file.write(b"1")
    files.write_new([tmp_path / "b"], b"2")
    assert asked == [51] * 4  # each file and its folder
    with closing(
        open_database(tmp_path / "rows", MIGRATIONS)
    ) as database:  # rows outlive a power cut as their files do
        assert [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "fullfsync")] == [2, 1]
    assert (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes() == b"12"
