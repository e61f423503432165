"""Where large temporary files go: to a disk, also where the system's temporary folder lies in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sdedge import places

MOUNTS = """22 27 0:21 / /proc rw,relatime - proc proc rw
27 0 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 27 0:30 / /tmp rw,nosuid shared:2 - tmpfs tmpfs rw,size=8g
31 30 0:31 / /tmp/on\\040a\\040disk rw - xfs /dev/sdb rw
32 27 0:32 / /data rw - tmpfs tmpfs rw
33 27 8:1 / /data rw - ext4 /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/tmp", True),
        ("/tmp/a/b", True),
        ("/tmpx", False),
        ("/tmp/on a disk/x", False),
        ("/data", False),
        ("/home", False),
    ],
)
def test_the_mount_that_a_folder_is_on_says_whether_its_files_take_memory(tmp_path, folder, expected):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert places.is_in_memory(Path(folder), tmp_path / "mounts") is expected
    assert not places.is_in_memory(Path(folder), tmp_path / "none")


def test_large_temporary_files_go_to_a_disk_unless_somebody_says_where(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "ram"))
    assert places.scratch_folder() == tmp_path / "ram", "a disk as any other"
    monkeypatch.setattr(places, "is_in_memory", lambda folder: folder == tmp_path / "ram")
    assert places.scratch_folder() == tmp_path / "home" / "cache" and (tmp_path / "home" / "cache").is_dir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "ram"))
    assert places.scratch_folder() == tmp_path / "ram"
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(places, "is_in_memory", lambda folder: True)
    assert places.scratch_folder() == tmp_path / "ram", "there is no disk"
