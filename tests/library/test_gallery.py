"""The gallery: search, marks, and rows that follow the files whatever happens to either."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdedge.commands.gallery import gallery as gallery_command
from sdedge.commands.opened_gallery import entry_of
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images import metadata
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery, Search, match_expression
from sdedge.library.gallery_scan import adopt_unannounced, rescan
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, open_store
from sdedge.process.worker import RecordedOutput
from sdedge.request import Request, Resolved


@pytest.fixture
def gallery(tmp_path):
    store = open_store(tmp_path / "data")
    yield Gallery(store)
    store.close()


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def request_of(prompt: str, seed: int, **fields) -> Resolved:
    return Resolved(**{"prompt": prompt, "seed": seed, "width": 96, "height": 64, "model": "pocket", **fields})


def draw(gallery, folder: Path, prompt="a red house", seed=1, private=False, facts=None, **fields):
    """Save a picture as the worker does; returns its entry."""
    request, output = request_of(prompt, seed, **fields), Output(folder, private=private)
    path = folder / f"{seed}.png"
    row = gallery.begin(path, request, facts or {"model_name": "pocket"}, None, None)
    output.write_to(path, pixels(seed), request, facts or {"model_name": "pocket"})
    gallery.complete(row)
    return gallery.get(row)


def seeds_of(gallery, **search):
    return sorted(entry.seed for entry in gallery.search(Search(**search)))


def test_a_saved_picture_is_found_with_everything_that_made_it(gallery, tmp_path):
    facts = {"model_name": "dream", "model_hash": "0123456789abcdef"}
    entry = draw(gallery, tmp_path / "out", "ein rotes Haus, 雪", seed=2**64 - 1, sampler="euler", facts=facts)
    again = gallery.find(entry.path)
    assert again == entry and vars(again.request) == vars(request_of("ein rotes Haus, 雪", 2**64 - 1, sampler="euler"))
    assert (again.width, again.height, again.model, again.model_hash) == (96, 64, "dream", "0123456789abcdef")
    assert again.facts == facts and not again.missing


def test_words_are_found_by_their_beginning_and_phrases_as_they_are(gallery, tmp_path):
    for seed, prompt in enumerate(
        ("a red house at night", "a house, red roof", "a blue houseboat", "the reddest barn")
    ):
        draw(gallery, tmp_path / "out", prompt, seed)
    assert seeds_of(gallery, text="hous") == [0, 1, 2]
    assert seeds_of(gallery, text="red house") == [0, 1]
    assert seeds_of(gallery, text='"red house"') == [0]
    assert seeds_of(gallery, text="hous -boat -night") == [1, 2]
    assert seeds_of(gallery, text="RED") == [0, 1, 3]
    assert seeds_of(gallery, text="?!") == []


def test_filters_narrow_a_search(gallery, tmp_path):
    draw(gallery, tmp_path / "out", seed=1, sampler="euler", facts={"model_name": "a", "model_hash": "aabbccddee11"})
    draw(gallery, tmp_path / "out", seed=2, sampler="heun", facts={"model_name": "b"})
    draw(gallery, tmp_path / "out", "a blue boat", seed=3, sampler="euler", facts={"model_name": "b"})
    dates = {entry.seed: entry.created for entry in gallery.search()}
    assert seeds_of(gallery, model="b") == [2, 3] and seeds_of(gallery, model="aabbccddee") == [1]
    assert seeds_of(gallery, sampler="euler") == [1, 3] and seeds_of(gallery, sampler="euler", text="blue") == [3]
    assert seeds_of(gallery, width=96, height=64) == [1, 2, 3] and seeds_of(gallery, width=64) == []
    assert seeds_of(gallery, since=dates[2]) == [2, 3] and seeds_of(gallery, until=dates[2]) == [1]
    assert gallery.count(Search(sampler="euler")) == 2


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=30) | st.text(alphabet='"-*^:(){}+ abAND NOT', max_size=20))
def test_nothing_that_is_typed_is_a_syntax_error(text):
    import sqlite3

    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE t USING fts5 (prompt)")
    database.execute("SELECT * FROM t WHERE t MATCH ?", (match_expression(text) or '""',)).fetchall()
    database.close()


def test_pages_follow_each_other_without_gaps_or_repeats(gallery, tmp_path):
    for seed in range(7):
        draw(gallery, tmp_path / "out", seed=seed)
    gallery.database.execute("UPDATE images SET created = 1.5 WHERE id < 5")  # equal times are told apart
    pages, after = [], None
    while page := gallery.search(limit=3, after=after):
        pages.append([entry.id for entry in page])
        after = page[-1]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert (
        sorted(id for page in pages for id in page)
        == [entry.id for entry in reversed(gallery.search())]
        == list(range(1, 8))
    )


def test_thumbnails_are_made_once_and_kept_by_content(gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out")
    path = gallery.thumbnail(entry)
    with Image.open(path) as image:
        assert image.format == "JPEG" and image.size == (96, 64)
    written = path.stat().st_mtime_ns
    entry.path.unlink()
    assert gallery.thumbnail(entry) == path and path.stat().st_mtime_ns == written
    with pytest.raises(SdedgeError, match="there is no picture"):
        gallery.thumbnail(replace(entry, content="0" * 64))


def test_deleting_goes_to_the_trash_and_nowhere_else(gallery, tmp_path, monkeypatch):
    import send2trash

    entry = draw(gallery, tmp_path / "out")
    thumbnail = gallery.thumbnail(entry)

    def no_trash(path):
        raise OSError("no trash on this drive")

    monkeypatch.setattr(send2trash, "send2trash", no_trash)
    with pytest.raises(SdedgeError, match="no trash on this drive"):
        gallery.trash(entry.id)
    with monkeypatch.context() as without, pytest.raises(SdedgeError, match="delete it yourself"):
        without.setitem(sys.modules, "send2trash", None)  # on a Mac the import alone may fail
        gallery.trash(entry.id)
    assert entry.path.exists() and gallery.get(entry.id) == entry

    bin = tmp_path / "bin"
    bin.mkdir()
    monkeypatch.setattr(send2trash, "send2trash", lambda path: shutil.move(path, bin))
    gallery.trash(entry.id)
    assert [file.name for file in bin.iterdir()] == [entry.path.name] and not thumbnail.exists()
    with pytest.raises(SdedgeError, match="no picture"):
        gallery.get(entry.id)


# A process that ends in the middle of saving


def test_a_picture_whose_row_was_begun_is_kept_if_it_is_whole_and_dropped_if_not(gallery, tmp_path):
    saved, absent = tmp_path / "out" / "whole.png", tmp_path / "out" / "absent[1].png"
    request = request_of("a red house", 1)
    gallery.begin(saved, request, {}, 1, 0)
    Output(saved.parent).write_to(saved, pixels(1), request, {})
    gallery.begin(absent, request, {}, 1, 1)
    (absent.parent / f".{absent.name}.x7.part").write_bytes(b"half a picture")
    assert gallery.search() == []
    assert gallery.settle() == 1 and gallery.settle() == 0
    assert [entry.path for entry in gallery.search()] == [saved]
    assert os.listdir(saved.parent) == ["whole.png"]


@pytest.mark.parametrize(("minutes", "is_left"), [(0, True), (11, False)])
def test_what_another_process_writes_for_no_job_is_left_to_it_for_ten_minutes(gallery, tmp_path, minutes, is_left):
    path = tmp_path / "out" / "a.png"
    row = gallery.begin(path, request_of("a red house", 1), {})
    gallery.update(row, {"created": time.time() - 60 * minutes})
    path.parent.mkdir()
    part = path.with_name(f".{path.name}.x7.part")
    part.write_bytes(b"half a picture")
    gallery.settle()
    assert (part.exists(), gallery.row_of(path) is not None) == (is_left, is_left)


def test_a_picture_whose_row_was_taken_for_abandoned_has_it_again(gallery, tmp_path):
    output = RecordedOutput(tmp_path / "out", gallery=gallery)
    request, row_of_begin = request_of("a red house", 1), gallery.begin

    def begin_and_be_abandoned(*values):
        gallery.begin = row_of_begin
        row = row_of_begin(*values)
        gallery.abandon(row)
        return row

    gallery.begin = begin_and_be_abandoned
    path = output.write(pixels(1), request, {}, 1)
    assert [(entry.path, entry.seed, entry.prompt) for entry in gallery.search()] == [(path, 1, "a red house")]


def test_a_picture_saved_while_the_database_was_locked_is_adopted_by_its_job(gallery, tmp_path):
    queue, output = Queue(gallery.store), Output(tmp_path / "out")
    queue.add(request_of("a red house", 5), output, count=3)
    job = queue.claim()
    for seed in (4, 6, 8):  # not ours, the second picture, not ours
        request = request_of("a red house", seed)
        output.write(pixels(seed), request, {}, 1)
    assert adopt_unannounced(gallery, job) == 1 and adopt_unannounced(gallery, job) == 0
    assert [(entry.seed, entry.job, entry.number) for entry in gallery.search()] == [(6, job.id, 1)]


@pytest.mark.parametrize(
    ("asked", "facts", "is_of_the_job"),
    [
        ({"prompt": "a red house"}, {}, True),
        ({"prompt": "a blue boat"}, {}, False),
        ({"prompt": "a red house", "steps": 9}, {}, False),
        ({"prompt": "a {red|blue} house"}, {"template": "a {red|blue} house", "choices": [["red", "red"]]}, True),
        ({"prompt": "a {red|old} house"}, {"template": "a {red|blue} house", "choices": [["red", "red"]]}, False),
    ],
)
def test_a_crashed_job_adopts_only_what_was_drawn_as_it_asks(gallery, tmp_path, asked, facts, is_of_the_job):
    output = Output(tmp_path / "out")
    output.write(pixels(1), request_of("a red house", 1), facts, 1)
    queue = Queue(gallery.store)
    queue.add(Request(seed=1, **asked), output)
    assert adopt_unannounced(gallery, queue.claim()) == int(is_of_the_job)


# Files are the truth


def test_rescan_adopts_pictures_made_by_other_programs(gallery, tmp_path):
    from PIL import PngImagePlugin

    folder = tmp_path / "others" / "deep"
    folder.mkdir(parents=True)
    text = (
        "a castle\nNegative prompt: fog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 64x64, Model: dream"
    )
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text)
    Image.fromarray(pixels(1)).save(folder / "a.png", pnginfo=info)
    Image.fromarray(pixels(2)).save(folder / "plain.JPG")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (folder / ".hidden.png").write_bytes(b"x")
    scan = rescan(gallery, tmp_path / "others")
    assert (scan.added, len(scan.unreadable)) == (2, 1) and "broken.png" in scan.unreadable[0]
    (castle,) = gallery.search(Search(text="castle"))
    assert (castle.seed, castle.sampler, castle.negative, castle.source) == (42, "euler_a", "fog", "A1111")
    assert rescan(gallery, tmp_path / "others").added == 0 and gallery.count() == 2


def test_a_moved_picture_keeps_its_marks_and_a_vanished_one_comes_back(gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out", private=True)
    gallery.set_favourite(entry.id)
    gallery.set_tags(entry.id, ["best", " ", "best"])
    moved = tmp_path / "out" / "sub" / "new name.png"
    moved.parent.mkdir()
    entry.path.rename(moved)
    assert rescan(gallery).moved == 1
    again = gallery.find(moved)
    assert again.favourite and gallery.tags(again.id) == ["best"] and again.prompt == "a red house"
    moved.rename(tmp_path / "elsewhere.png")
    assert rescan(gallery).missing == 1 and gallery.search() == []
    assert [entry.id for entry in gallery.search(Search(missing=True))] == [entry.id]
    (tmp_path / "elsewhere.png").rename(moved)
    rescan(gallery)
    assert [entry.id for entry in gallery.search(Search(favourite=True, tag="best"))] == [entry.id]


def test_a_picture_stripped_by_another_program_keeps_what_is_known(gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out")
    with Image.open(entry.path) as image:
        Image.fromarray(np.asarray(image)).save(entry.path)
    assert rescan(gallery).changed == 1
    again = gallery.get(entry.id)
    assert again.request == entry.request and again.content != entry.content and again.created == entry.created


def test_one_file_reached_by_two_paths_is_one_row(gallery, tmp_path):
    draw(gallery, tmp_path / "out")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    rescan(gallery, tmp_path / "link")
    (tmp_path / "out" / "hard.png").hardlink_to(tmp_path / "out" / "1.png")
    rescan(gallery)
    assert gallery.count() == 1


def test_verify_names_missing_damaged_and_changed_pictures(gallery, tmp_path):
    entries = [draw(gallery, tmp_path / "out", seed=seed) for seed in range(4)]
    entries[1].path.unlink()
    entries[2].path.write_bytes(entries[2].path.read_bytes()[:900])
    Image.fromarray(pixels(9)).save(entries[3].path)
    faults = {entry.seed: fault for entry, fault in gallery.verify()}
    assert (
        "No such file" in faults[1]
        and "damaged" in faults[2]
        and "changed by another" in faults[3]
        and len(faults) == 3
    )


def test_a_damaged_database_is_rebuilt_from_the_files_with_its_marks(gallery, tmp_path):
    entries = [draw(gallery, tmp_path / "out", f"picture {seed}", seed) for seed in range(3)]
    rescan(gallery, tmp_path)
    gallery.set_favourite(entries[0].id)
    gallery.set_favourite(entries[1].id)
    gallery.set_favourite(entries[1].id, False)
    gallery.set_tags(entries[2].id, ["sea", "night"])
    gallery.store.close()
    path = gallery.store.folder / DATABASE
    path.write_bytes(os.urandom(path.stat().st_size))
    with open_store(gallery.store.folder) as store:
        again = Gallery(store)
        assert again.needs_rescan and "is kept as" in store.notes[0] and again.count() == 0
        assert rescan(again).added == 3 and not again.needs_rescan
        assert seeds_of(again, favourite=True) == [0] and seeds_of(again, tag="night") == [2]
        before = {entry.seed: (entry.path, entry.request, entry.content) for entry in entries}
        assert {entry.seed: (entry.path, entry.request, entry.content) for entry in again.search()} == before


# The command


@pytest.fixture
def command(gallery, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(gallery.store.folder))

    def run(*arguments):
        result = CliRunner().invoke(gallery_command, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_the_command_searches_marks_and_shows(command, gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out")
    draw(gallery, tmp_path / "out", "a boat", seed=2)
    command("show", str(entry.path), "--favourite", "--tag", "x")
    answer = json.loads(command("search", "house", "--favourite", "--tag", "x", "--size", "96x64", "--json"))
    assert answer["count"] == 1 and answer["pictures"][0]["request"]["seed"] == 1
    assert json.loads(command("show", str(entry.id), "--json"))["tags"] == ["x"]


def test_a_picture_that_is_called_by_no_decimal_number_is_a_path(gallery):
    with pytest.raises(InvalidRequest, match="is not in the gallery"):
        entry_of(gallery, "²")


def test_export_copies_and_can_leave_the_settings_out(command, gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out")
    first = command("export", "house", "-o", str(tmp_path / "copy")).strip()
    assert Path(first).read_bytes() == entry.path.read_bytes()
    second = command("export", "--id", str(entry.id), "-o", str(tmp_path / "copy"), "--no-metadata").strip()
    assert second != first and metadata.read(second).source == ""
    with Image.open(second) as image:
        assert (np.asarray(image) == pixels(1)).all()


def test_verify_fails_when_a_picture_is_damaged(command, gallery, tmp_path):
    entry = draw(gallery, tmp_path / "out")
    command("verify")
    entry.path.write_bytes(b"x")
    result = CliRunner().invoke(gallery_command, ["verify"])
    assert isinstance(result.exception, SdedgeError) and "damaged" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are Unicode")
def test_one_odd_picture_does_not_stop_the_adoption_of_a_folder(gallery, tmp_path):
    folder = tmp_path / "found"
    folder.mkdir()
    for number, text in enumerate(('{"positive_prompt": "half \\ud83d", "model": "\\udc00", "seed": 7}', "{}")):
        info = PngInfo()
        info.add_itxt("invokeai_metadata", text)
        Image.new("RGB", (64, 64), (number, 0, 0)).save(folder / f"{number}.png", pnginfo=info)
    (folder / "damaged.png").write_bytes(b"\x89PNG")
    os.mkfifo(folder / "fifo.png")
    odd = os.fsencode(folder) + b"/caf\xe9.png"
    shutil.copyfile(folder / "1.png", odd)
    scan = rescan(gallery, folder)
    assert scan.added == 2 and len(scan.unreadable) == 3 and any("not in UTF-8" in line for line in scan.unreadable)
    (entry,) = gallery.search(Search(text="half"))
    assert json.loads(entry.request_json)["prompt"] == "half \ufffd"
