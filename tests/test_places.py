"""Where things are kept, also where nobody has a home, and where large temporary files go: to a disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sdedge import places
from sdedge.errors import OutputError
from sdedge.files import make_private_folder
from tests.process.desk import posix
from tests.test_cli import run

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


@posix
def test_a_user_without_a_home_is_told_where_to_keep_things(tmp_path, monkeypatch):
    """As in a container whose user has no entry in /etc/passwd, and no HOME."""
    import pwd

    def nobody(number):
        raise KeyError(number)

    for name in (
        "HOME",
        "SDEDGE_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "XDG_PICTURES_DIR",
        "HF_HOME",
        "HF_HUB_CACHE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for folder in (places.data_folder, places.cache_folder, places.pictures_folder):
        with pytest.raises(OutputError, match=r"no home folder.*set SDEDGE_HOME"):
            folder()
    assert places.scratch_folder().is_dir() and places.hub_cache() == Path("~/.cache/huggingface/hub")
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    make_private_folder(places.data_folder())
    assert places.cache_folder() == tmp_path / "data" / "cache"
    monkeypatch.setenv("SDEDGE_HOME", "~/data")
    with pytest.raises(OutputError, match="no home folder for ~/data"):
        places.data_folder()


def test_a_tilde_before_nobodys_name_is_part_of_a_files_name(tmp_path):
    for arguments in (
        ("upscale", "~nobody-has-this/a.png"),
        ("queue", "add", "x", "--image", "~nobody-has-this/a.png"),
    ):
        result = run(*arguments)
        assert result.returncode == 2 and "~nobody-has-this/a.png" in result.stderr and "Traceback" not in result.stderr


def test_every_path_that_a_person_typed_is_expanded_by_the_one_function():
    """`Path.expanduser` raises RuntimeError for `~nobody`."""
    root = Path(__file__).parents[1]
    sources = [path for room in ("sdedge", "gui", "converters") for path in (root / room).rglob("*.py")]
    assert len(sources) > 500
    assert not [path for path in sources if ".expanduser()" in path.read_text("utf-8")]
