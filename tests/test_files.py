"""Files reach the disk itself, with the permissions of new ones, and never in the place of a device."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import closing
from types import SimpleNamespace

import pytest

from sdedge import files
from sdedge.errors import OutputError
from sdedge.library.database import open_database
from sdedge.library.schema import MIGRATIONS
from tests.process.desk import posix


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


@posix
def test_a_device_or_fifo_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    refused = pytest.raises(OutputError, match=r"fifo: it is a device, a FIFO or a socket.*choose")
    with refused, files.atomic_write(tmp_path / "fifo") as file:
        file.write(b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"] and (tmp_path / "fifo").is_fifo()


@posix
def test_files_have_the_permissions_of_new_ones_and_no_other_thread_meets_another_umask(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("it is one for all threads"))
            for name, is_private in (("a", False), ("b", True)):
                with files.atomic_write(tmp_path / name, private=is_private) as file:
                    file.write(b"1")
            files.write_new([tmp_path / "c"], b"2")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "abc"] == [0o640, 0o600, 0o640]
