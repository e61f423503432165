"""Everything but the models goes into one file and comes back, and a file by others brings nothing but what it may."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from sdedge.errors import OutputError, SdedgeError
from sdedge.images.output import Output
from sdedge.library.backup import write_backup
from sdedge.library.backup_grids import add_grids
from sdedge.library.backup_reading import read_backup
from sdedge.library.boards import Boards
from sdedge.library.gallery import Gallery, Search
from sdedge.library.grids import GridQueue
from sdedge.library.job_states import JobState
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.request import Request
from tests.library.conftest import run
from tests.library.test_gallery import draw, pixels, request_of
from tests.library.test_grids import add as add_grid
from tests.library.test_grids import draw as draw_next

BEYOND = "pictures/../../beyond.png"


@pytest.fixture
def backup(tmp_path) -> Path:
    """A backup of three pictures in two folders of one name, one of them without settings in the file, a job and settings."""
    with open_store(tmp_path / "data") as store:
        gallery = Gallery(store)
        first, second = (
            draw(gallery, tmp_path / "a" / "out", "a red house"),
            draw(gallery, tmp_path / "b" / "out", "a boat"),
        )
        private = draw(gallery, tmp_path / "a" / "out", "a secret", seed=3, private=True)
        gallery.set_favourite(first.id)
        gallery.set_tags(private.id, ["mine", "雪"])
        Boards(gallery).add("Sea side", [first.id, second.id])
        Queue(store).add(Request(prompt="a tree", steps=3), Output(tmp_path / "a"), 4)
        (tmp_path / "data" / "settings.ini").write_text("[look]\ntheme=dark\nstate=@Variant(\\0)\n")
        (tmp_path / "data" / "wildcards" / "sky").mkdir(parents=True)
        (tmp_path / "data" / "wildcards" / "sky" / "cloud.txt").write_text("grey\n")
        written = write_backup(store, tmp_path / "all.zip")
    assert (written.pictures, written.jobs, written.files, written.left_out) == (3, 1, 2, ())
    return tmp_path / "all.zip"


def test_what_went_in_comes_back_and_only_once(backup, tmp_path):
    with open_store(tmp_path / "other") as store:
        came = read_backup(store, backup, tmp_path / "back")
        assert (came.pictures, came.here, came.jobs, came.files, came.left_out) == (3, 0, 1, 2, ())
        gallery = Gallery(store)
        by_prompt = {entry.request.prompt: entry for entry in gallery.search(Search())}
        house, boat, secret = (by_prompt[prompt] for prompt in ("a red house", "a boat", "a secret"))
        assert house.favourite and not boat.favourite and gallery.tags(secret.id) == ["mine", "雪"]
        assert Boards(gallery).counts() == {"Sea side": 2} and secret.seed == 3
        assert [entry.id for entry in gallery.search(Search(text="secret"))] == [secret.id]
        for entry in by_prompt.values():
            assert entry.path.is_relative_to(tmp_path / "back") and not gallery.thumbnail(entry).is_dir()
        original = open_store(tmp_path / "data")
        assert sorted(e.created for e in Gallery(original).search(Search())) == pytest.approx(
            sorted(e.created for e in by_prompt.values()), abs=5
        )
        original.close()
        (job,) = Queue(store).jobs()
        assert (job.state, job.request.prompt, job.count) == (JobState.PAUSED, "a tree", 4)
        assert job.output.folder == tmp_path / "back"  # a file says no path that is written to
        assert (tmp_path / "other" / "wildcards" / "sky" / "cloud.txt").read_text() == "grey\n"
        assert (
            tmp_path / "other" / "settings.ini"
        ).read_text() == "[look]\ntheme=dark\n"  # Qt makes objects of the rest
        again = read_backup(store, backup, tmp_path / "back")
        assert (again.pictures, again.here, again.jobs, again.files) == (0, 3, 0, 0)


@pytest.mark.slow
def test_what_is_here_stays(backup, tmp_path):
    with open_store(tmp_path / "other") as store:
        (tmp_path / "other" / "settings.ini").write_text("[look]\ntheme=light\n")
        (tmp_path / "back" / "out").mkdir(parents=True)
        (tmp_path / "back" / "out" / "1.png").write_bytes(b"another")
        read_backup(store, backup, tmp_path / "back")
    assert (tmp_path / "other" / "settings.ini").read_text() == "[look]\ntheme=light\n"
    assert (tmp_path / "back" / "out" / "1.png").read_bytes() == b"another"
    with open_store(tmp_path / "data") as store, pytest.raises(OutputError, match="there already"):
        write_backup(store, backup)


@pytest.mark.slow
def test_a_picture_that_is_gone_is_named_and_the_others_come_along(backup, tmp_path):
    (tmp_path / "b" / "out" / "1.png").unlink()
    with open_store(tmp_path / "data") as store:
        written = write_backup(store, tmp_path / "two.zip")
    assert written.pictures == 2 and "1.png" in written.left_out[0]


def _changed(backup: Path, change) -> Path:
    """A copy of a backup whose entries, (name, bytes), `change` gives anew."""
    target = backup.with_name("changed.zip")
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            for name, data in change(item.filename, old.read(item)):
                new.writestr(name, data)
    return target


def _renamed(name: str, data: bytes):
    """Files whose names lead out of where they belong."""
    if name.startswith("pictures/"):
        name = BEYOND if name.endswith("/3.png") else name
    elif name == "gallery.jsonl":
        lines = [json.loads(line) for line in data.splitlines()]
        data = b"".join(
            json.dumps(line | {"file": BEYOND if line["file"].endswith("/3.png") else line["file"]}).encode() + b"\n"
            for line in lines
        )
    yield name, data
    if name == "sdedge.json":
        for odd in ("data/../../out.txt", "data//settings.ini", "/data/settings.ini", "data/wildcards/../../x.txt",
                    "data/wildcards/a\\b.txt", "data/gallery.sqlite", "data/wildcards/c:x.txt"):  # fmt: skip
            yield odd, b"theirs"


def test_a_picture_that_goes_to_the_trash_meanwhile_costs_that_one_alone(tmp_path):
    with open_store(tmp_path / "data") as store:
        gallery = Gallery(store)
        first, last = (draw(gallery, tmp_path / "out", prompt, seed=seed) for seed, prompt in enumerate(("a", "b")))

        def progress(done, total):
            store.database.execute("DELETE FROM images WHERE id = ?", (first.id,))

        written = write_backup(store, tmp_path / "all.zip", progress)
    assert (written.pictures, written.left_out) == (1, ()) and last.id
    with open_store(tmp_path / "other") as store:
        assert read_backup(store, tmp_path / "all.zip", tmp_path / "back").pictures == 1


def test_names_lead_nowhere_else(backup, tmp_path):
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "other")}
    file = _changed(backup, _renamed)
    with open_store(tmp_path / "other") as store:
        read_backup(store, file, tmp_path / "back")
    inside = (tmp_path / "other", tmp_path / "back")
    new = {path for path in tmp_path.rglob("*") if not any(path.is_relative_to(folder) for folder in inside)}
    assert new - before == {file}
    assert b"theirs" not in b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != file
    )


def _other_picture(name: str, data: bytes):
    yield name, data[:-9] + b"x" if name.startswith("pictures/") else data


def _same_picture(name: str, data: bytes):
    yield name, data * 50 if name == "gallery.jsonl" else data


@pytest.mark.slow
def test_pictures_are_those_that_went_in_and_each_comes_once(backup, tmp_path):
    with open_store(tmp_path / "other") as store:
        came = read_backup(store, _changed(backup, _other_picture), tmp_path / "back")
        assert came.pictures == 0 and len(came.left_out) == 3 and "damaged in the backup" in came.left_out[0]
        assert read_backup(store, _changed(backup, _same_picture), tmp_path / "back").pictures == 3


def _odd_records(name: str, data: bytes):
    if name == "queue.jsonl":
        data = b'[]\nnonsense\n{"request": "{}", "count": -1}\n{"request": 5, "count": 1e999}\n{"count": null}\n' + data
    if name == "gallery.jsonl":
        odd = {"created": "noon", "favourite": "yes", "tags": {"a": 1}, "boards": [None, 3], "request": [], "facts": 7}
        data = (
            b"".join(json.dumps(json.loads(line) | odd).encode() + b"\n" for line in data.splitlines())
            + b'{"file": 3}\n'
        )
    yield name, data


@pytest.mark.slow
def test_odd_records_cost_no_more_than_themselves(backup, tmp_path):
    with open_store(tmp_path / "other") as store:
        came = read_backup(store, _changed(backup, _odd_records), tmp_path / "back")
    assert came.pictures == 3 and came.jobs == 1 and len(came.left_out) == 4, came.left_out


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "damaged"), (b"PK\3\4 no", "damaged"), (None, "Cannot read"), ({"x.txt": b"1"}, "not a backup"),
     ({"sdedge.json": b'{"backup": "1"}'}, "not a backup"), ({"sdedge.json": b'{"backup": 99}'}, "newer sdedge")],
)  # fmt: skip
def test_what_is_no_backup_is_refused_in_a_sentence(content, said, tmp_path):
    file = tmp_path / "x.zip"
    if isinstance(content, dict):
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    elif content is not None:
        file.write_bytes(content)
    with open_store(tmp_path / "other") as store, pytest.raises(SdedgeError, match=said):
        read_backup(store, file, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.slow
def test_a_compressed_file_is_none_of_ours(backup, tmp_path):
    file = tmp_path / "squeezed.zip"
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item.filename, old.read(item))
    with open_store(tmp_path / "other") as store, pytest.raises(SdedgeError, match="not a backup"):
        read_backup(store, file, tmp_path / "back")


@pytest.mark.slow
def test_a_file_that_was_cut_off_is_refused(backup, tmp_path):
    data = backup.read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) * 2 // 3])
    with open_store(tmp_path / "other") as store, pytest.raises(SdedgeError, match="damaged"):
        read_backup(store, tmp_path / "cut.zip", tmp_path / "back")


def test_the_command_writes_and_reads(backup, tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    assert run("backup", "write", tmp_path / "by command.zip").startswith("3 pictures, 1 waiting jobs and 2 files")
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "other"))
    said = json.loads(
        run("backup", "read", tmp_path / "by command.zip", "-o", tmp_path / "back", "--json").splitlines()[-1]
    )
    assert (said["event"], said["pictures"], said["jobs"]) == ("BackupRead", 3, 1)


@pytest.mark.slow
def test_a_grid_half_drawn_is_drawn_on_where_it_comes_back_and_becomes_its_sheet(tmp_path):
    with open_store(tmp_path / "data") as store:
        queue = Queue(store)
        jobs = add_grid(queue, "steps=1,2", "guidance=2,4")
        draw_next(queue)
        draw_next(queue)
        queue.cancel(jobs[2])
        add_grid(queue, "seed=5-6")  # drawn, and closed before its sheet was made
        queue.pause(jobs[3])
        draw_next(queue)
        draw_next(queue)
        write_backup(store, tmp_path / "all.zip")
    with open_store(tmp_path / "other") as store:
        came = read_backup(store, tmp_path / "all.zip", tmp_path / "back")
        queue, grids = Queue(store), GridQueue(Queue(store))
        assert (came.pictures, came.jobs, came.left_out) == (4, 1, ())
        (seeds,) = grids.drawn()
        assert seeds.across == ("seed: 5", "seed: 6") and all(map(is_below(tmp_path / "back"), seeds.paths))
        (job,) = queue.jobs()
        assert job.output.private and job.output.folder == tmp_path / "back"
        queue.resume(job.id)
        draw_next(queue)
        half = grids.drawn()[0]
        assert (half.across, half.down) == (("steps: 1", "steps: 2"), ("guidance: 2", "guidance: 4"))
        assert [path is not None for path in half.paths] == [True, True, False, True] and half.output.private
        assert [Gallery(store).find(half.paths[cell]).request.steps for cell in (0, 1, 3)] == [1, 2, 2]
        read_backup(store, tmp_path / "all.zip", tmp_path / "back")
        assert len(grids.waiting()) == 2


def test_an_interrupted_job_comes_back_to_be_resumed_and_a_finished_one_does_not(tmp_path):
    with open_store(tmp_path / "data") as store:
        queue = Queue(store)
        for state in (JobState.INTERRUPTED, JobState.DONE):
            job = queue.add(Request(prompt=state.name), Output(tmp_path / "out"))
            queue.finish(job.id, state)
        write_backup(store, tmp_path / "all.zip")
    with open_store(tmp_path / "other") as store:
        assert read_backup(store, tmp_path / "all.zip", tmp_path / "back").jobs == 1
        (job,) = Queue(store).jobs()
        assert (job.request.prompt, job.state) == ("INTERRUPTED", JobState.PAUSED)


def test_a_job_half_drawn_comes_back_with_the_pictures_it_lacks_and_only_once(tmp_path):
    with open_store(tmp_path / "data") as store:
        queue, gallery = Queue(store), Gallery(store)
        queue.add(Request(prompt="a house", seed=100), Output(tmp_path / "out"), 10)
        job = queue.claim()
        for number in range(3):
            gallery.complete(begun(gallery, job, number))
        queue.finish(job.id, JobState.WAITING)
        write_backup(store, tmp_path / "all.zip")
        gallery.complete(begun(gallery, job, 3))
        queue.note_saved(job.id)
        assert read_backup(store, tmp_path / "all.zip", tmp_path / "back").jobs == 0
    with open_store(tmp_path / "other") as store:
        assert read_backup(store, tmp_path / "all.zip", tmp_path / "back").jobs == 1
        (job,) = Queue(store).jobs()
        assert (job.request.seed, job.count) == (103, 7)
        assert read_backup(store, tmp_path / "all.zip", tmp_path / "back").jobs == 0


def begun(gallery, job, number):
    """The row of a picture of a job that is on disk."""
    request, path = request_of("a house", 100 + number), job.output.folder / f"{number}.png"
    row = gallery.begin(path, request, {}, job.id, number)
    job.output.write_to(path, pixels(number), request, {})
    return row


def is_below(folder: Path):
    return lambda path: Path(path).is_relative_to(folder)


@pytest.mark.parametrize(
    "record",
    [{}, {"cells": 3}, {"cells": [1]}, {"cells": [1, "x", [], True], "request": "{}", "across": [], "down": []}],
)
def test_a_grid_that_is_none_is_passed_over(record, tmp_path):
    with open_store(tmp_path / "data") as store:
        add_grids(Gallery(store), [record], Output(tmp_path), {1: 1}, set())
        assert not GridQueue(Queue(store)).waiting()
