"""Copies of pictures for others, and whether files and rows agree."""

from __future__ import annotations

import json
import zipfile

import pytest
from click.testing import CliRunner

from sdedge.commands.gallery import gallery as gallery_command
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images import metadata
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_export import Export, export
from sdedge.library.store import open_store
from tests.library.test_gallery import draw


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    with open_store() as store:
        yield Gallery(store)


def run(*arguments):
    return CliRunner().invoke(gallery_command, arguments)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_every_format_keeps_the_settings_and_none_is_left_when_they_are_not_wanted(gallery, tmp_path, format):
    entry = draw(gallery, tmp_path / "out", "a red house", seed=7)
    (copy,) = export([entry], Export(tmp_path / "copies", format))
    recorded = metadata.read(copy.path)
    assert recorded.fields["prompt"] == "a red house" and recorded.fields["seed"] == 7
    assert (copy.path.read_bytes() == entry.path.read_bytes()) == (format == "png")
    (bare,) = export([entry], Export(tmp_path / "copies", format, private=True))
    assert metadata.read(bare.path).source == "" and "7" not in bare.path.stem.split("-")[-1]


def test_a_zip_file_has_every_picture_once_and_is_never_overwritten(gallery, tmp_path):
    entries = [draw(gallery, tmp_path / folder, seed=1) for folder in ("a", "b")]
    (tmp_path / "x.zip").write_bytes(b"mine")
    lost = draw(gallery, tmp_path / "a", seed=3)
    lost.path.unlink()
    copies = [*export([*entries, lost], Export(tmp_path / "x.zip"))]
    assert [copy.name for copy in copies] == ["1.png", "1-2.png", ""] and "Cannot read" in copies[2].fault
    assert (tmp_path / "x.zip").read_bytes() == b"mine"
    with zipfile.ZipFile(tmp_path / "x-2.zip") as archive:
        assert archive.namelist() == ["1.png", "1-2.png"] and archive.testzip() is None
        assert archive.read("1-2.png") == entries[1].path.read_bytes()
    cut = export(entries, Export(tmp_path / "cut.zip"))
    next(cut)
    cut.close()
    assert not [path for path in tmp_path.iterdir() if "cut" in path.name]


def test_an_unknown_format_is_told(gallery, tmp_path):
    with pytest.raises(InvalidRequest, match="gif"):
        export([], Export(tmp_path, "gif"))


def test_the_command_takes_ranges_and_goes_on_after_what_cannot_be_read(gallery, tmp_path):
    for seed in range(1, 5):
        draw(gallery, tmp_path / "out", seed=seed)
    (tmp_path / "out" / "2.png").unlink()
    result = run("export", "--id", "1-2,4", "-o", str(tmp_path / "c"), "--format", "jpeg", "--events")
    assert isinstance(result.exception, SdedgeError) and "1 of 3" in str(result.exception)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[-1]["event"] == "Exported" and events[-1]["pictures"] == 2 and events[0]["event"] == "Progress"
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["1.jpg", "4.jpg"]
    result = run("export", "--id", "3-6", "-o", str(tmp_path / "d"))
    assert "2 of 4" in str(result.exception) and "no picture 5" in str(result.exception)
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["3.png", "4.png"]
    result = run("export", "--id", "99", "-o", str(tmp_path / "none.zip"), "--events")
    assert "1 of 1" in str(result.exception) and not (tmp_path / "none.zip").exists()
    assert run("export", "nothing", "-o", str(tmp_path / "none.zip")).exit_code == 0
    assert not (tmp_path / "none.zip").exists()
    for wrong in ("x", "3-1", "1-", "1-99999999", ""):
        assert run("export", "--id", wrong, "-o", str(tmp_path / "c")).exit_code == 2


def test_verify_tells_where_a_row_and_its_file_disagree_and_rescan_what_it_did(gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out", seed=5)
    assert [*gallery.verify()] == []
    gallery.update(entry.id, {"seed": "6", "prompt": "other"})
    ((_, fault),) = gallery.verify()
    assert "another prompt and seed" in fault and str(entry.path) in fault
    (last,) = [json.loads(line) for line in run("verify", "--events").stdout.splitlines() if "Verified" in line]
    assert last["faults"] == [fault]
    entry.path.unlink()
    (last,) = [json.loads(line) for line in run("rescan", "--events").stdout.splitlines() if "Rescanned" in line]
    assert last["missing"] == 1
