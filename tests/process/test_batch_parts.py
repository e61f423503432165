"""The parts of a batch: which pictures it has, what a worker makes of one, and what its record holds."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.commands.batch import batch
from sdedge.errors import InvalidRequest, OutputError, SdedgeError
from sdedge.images.metadata import read
from sdedge.images.output import Output
from sdedge.locks import ProcessLock
from sdedge.process import worker as engine_process
from sdedge.process.batch_record import NAME, open_record
from sdedge.process.batch_tasks import content_of, tasks_of
from sdedge.process.batch_worker import BatchWorker, Drawn, Undrawn, WorkerSettings
from sdedge.request import Request
from tests.fake_drawer import FakeDrawer, picture
from tests.process.desk import posix

FAKE = "tests.fake_drawer:FakeDrawer"
OUTPUT = Output(Path("out"))


def hashes(*requests, count=1, output=OUTPUT):
    return [task.hash for task in tasks_of(requests, count, output)]


def test_equal_requests_have_equal_hashes_and_are_drawn_once():
    house = Request("a house", model="fake", seed=3)
    assert hashes(house, house) == hashes(house)
    assert hashes(house, count=2) == hashes(house, house.replace(seed=4))
    assert len(set(hashes(house, house.replace(steps=7), house.replace(seed=4)))) == 3
    assert hashes(house, output=Output(Path("out"), "jpeg")) != hashes(house) == hashes(house, output=Output(Path("x")))


def test_a_request_without_a_seed_gets_one_out_of_itself():
    house, boat = Request("a house", model="fake"), Request("a boat", model="fake")
    seeds = [task.request.seed for task in tasks_of([house, house, boat], 1, OUTPUT)]
    assert len(set(seeds)) == 3, "asked for twice, it is two pictures"
    assert seeds == [task.request.seed for task in tasks_of([house, house, boat], 1, OUTPUT)]


def test_another_picture_or_model_under_the_same_name_is_another_task(tmp_path):
    photo, model = tmp_path / "photo.png", tmp_path / "model.safetensors"
    Image.new("RGB", (64, 64), "red").save(photo)
    model.write_bytes(b"weights")
    request = Request("a house", model=str(model), seed=3, image=str(photo))
    first = hashes(request)
    Image.new("RGB", (64, 64), "blue").save(photo)
    second = hashes(request)
    model.write_bytes(b"other weights")
    assert len({*first, *second, *hashes(request)}) == 3


def draw(request, **settings):
    (task,) = tasks_of([request], 1, OUTPUT)
    each = BatchWorker(WorkerSettings(FAKE, **settings))
    each.about()
    return each.draw(task, {digest: content_of(name) for name, digest in task.files.items()})


def test_a_worker_answers_with_the_file_and_the_paths_of_who_asked(tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "red").save(photo)
    answer = draw(Request("a house", model="fake", seed=3, image=str(photo)))
    assert isinstance(answer, Drawn)
    (tmp_path / "made.png").write_bytes(answer.data)
    assert read(tmp_path / "made.png").fields["image"] == str(photo)
    assert (Image.open(tmp_path / "made.png").getpixel((0, 0))) == tuple(picture(3)[0, 0])


class UnprovedDrawer(FakeDrawer):
    """Says of each picture that its engine was not proved."""

    def finished(self, request, index):
        picture = super().finished(request, index)
        return replace(picture, facts={**picture.facts, "canary": "not proved yet"})


def test_what_is_known_of_a_machine_stands_beside_the_file_and_not_in_it(monkeypatch):
    request = Request("a house", model="fake", seed=3)
    (task,) = tasks_of([request], 1, OUTPUT)
    answers = [BatchWorker(WorkerSettings(f"{name}")).draw(task, {}) for name in (FAKE, f"{__name__}:UnprovedDrawer")]
    assert answers[0].data == answers[1].data and [each.canary for each in answers] == ["", "not proved yet"]


def test_a_worker_says_what_went_wrong_and_lives():
    answer = draw(Request("a house fail=bug@1", model="fake", seed=3))
    assert isinstance(answer, Undrawn) and answer.kind == "bug"
    assert draw(Request("a house fail=memory@1", model="fake", seed=3)).kind == "memory"


def test_a_worker_refuses_to_draw_with_another_model(tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    (task,) = tasks_of([Request("a house", model=str(model), seed=3)], 1, OUTPUT)
    model.write_bytes(b"other weights")
    answer = BatchWorker(WorkerSettings(FAKE)).draw(task, {})
    assert answer.kind == "machine" and "another model" in answer.message
    model.unlink()
    assert "no model" in BatchWorker(WorkerSettings(FAKE)).draw(task, {}).message


def test_a_worker_computes_with_the_threads_of_the_batch_and_not_with_those_of_ray(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("SDEDGE_DTYPE", "float16")
    BatchWorker(WorkerSettings(FAKE, {"MKL_NUM_THREADS": "3"})).about()
    assert "OMP_NUM_THREADS" not in os.environ and "SDEDGE_DTYPE" not in os.environ
    assert os.environ["MKL_NUM_THREADS"] == "3"
    monkeypatch.delenv("MKL_NUM_THREADS")


@pytest.fixture
def fake_engine(monkeypatch):
    """The pipeline is one that draws noise and counts."""
    count = []

    class CountingDrawer(FakeDrawer):
        def __init__(self, ema=None):
            pass

        def images(self, *arguments, **keywords):
            count.append(arguments[0].seed)
            return super().images(*arguments, **keywords)

    monkeypatch.setattr(engine_process, "PipelineDrawer", CountingDrawer)
    for name in WorkerSettings.NAMES:  # a worker in this process sets them: put back afterwards
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return count


def sdedge(*arguments, expected=0):
    result = CliRunner().invoke(batch, [str(each) for each in arguments])
    assert (type(result.exception) in (type(None), SystemExit)) == (expected == 0), result.exception
    return result


def requests_file(folder, *lines):
    (folder / "fake").mkdir(exist_ok=True)
    (folder / "prompts.txt").write_text("\n".join(lines))
    return folder / "prompts.txt"


def test_the_command_draws_each_picture_once(tmp_path, fake_engine):
    file = requests_file(tmp_path, "a house", "a boat", "a tree")
    model, out = ("--model", tmp_path / "fake"), tmp_path / "out"
    paths = sdedge(file, *model, "--out", out).stdout.split()
    assert len(paths) == 3 == len(fake_engine) and all(Path(each).is_file() for each in paths)
    again = sdedge(file, *model, "--out", out)
    assert len(fake_engine) == 3 and "3 of 3 pictures are there already" in again.stderr
    Path(paths[1]).unlink()
    assert sdedge(file, *model, "--out", out).stdout.split() == [paths[1]]
    lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
    assert [line["number"] for line in lines] == [0, 1, 2] and [line["prompt"] for line in lines][1] == "a boat"
    (tmp_path / "prompts.txt").write_text("a cloud\na house\na boat\na tree")
    sdedge(file, *model, "--out", out)
    lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
    assert len(fake_engine) == 5 and [line["prompt"] for line in lines] == ["a cloud", "a house", "a boat", "a tree"]


def test_the_gallery_has_every_picture_of_a_batch(tmp_path, fake_engine):
    from sdedge.library.gallery import Gallery, Search
    from sdedge.library.store import open_store

    sdedge(
        requests_file(tmp_path, "a zeppelin", "a lighthouse"), "--model", tmp_path / "fake", "--out", tmp_path / "out"
    )
    with open_store() as store:
        assert Gallery(store).count(Search("zeppelin")) == 1


def test_the_command_goes_on_past_what_cannot_be_drawn(tmp_path, fake_engine):
    file = requests_file(tmp_path, "a house", "a boat fail=words@1", "a tree")
    result = sdedge(file, "--model", tmp_path / "fake", "--out", tmp_path / "out", expected=1)
    assert len(result.stdout.split()) == 2 and re.search("Picture 2 was not drawn: It cannot be done", result.stderr)
    assert "1 of 3 pictures were not drawn" in str(result.exception)
    file = requests_file(tmp_path, *(f"{name} fail=words@1" for name in ("a cat", "a dog", "a cow")))
    result = sdedge(file, "--model", tmp_path / "fake", "--out", tmp_path / "out", expected=1)
    assert (
        result.stderr.count("It cannot be done") == 2
        and "2 more were not drawn for this reason (picture 2, 3)" in result.stderr
    )
    with pytest.raises(SdedgeError, match="nonesuch"):
        raise sdedge(file, "--model", "nonesuch", "--out", tmp_path / "none", expected=2).exception
    assert not (tmp_path / "none").exists()


def test_what_a_crash_leaves_of_the_record_is_no_obstacle(tmp_path, fake_engine):
    file, out = requests_file(tmp_path, "a house", "a boat"), tmp_path / "out"
    first = sdedge(file, "--model", tmp_path / "fake", "--out", out).stdout.split()
    data = (out / NAME).read_bytes()
    for damage in (data[:-20], b"\xff\x00\n[]\n{}\n" + data[:50], data.replace(b'"file": "', b'"file": "../', 1)):
        (out / NAME).write_bytes(damage)
        sdedge(file, "--model", tmp_path / "fake", "--out", out)
        lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
        assert len(lines) == 2 and all((out / line["file"]).is_file() for line in lines)
    assert Path(first[0]).is_file()
    Path(first[0]).write_bytes(b"somebody else's")  # kept: it is drawn again under another name
    sdedge(file, "--model", tmp_path / "fake", "--out", out)
    assert Path(first[0]).read_bytes() == b"somebody else's"


@pytest.mark.parametrize("text", ['{"prompt": "a house", "seed": 3}\n', '"a house"\n"a boat"\n'])
def test_a_file_of_requests_that_has_the_records_name_is_refused_and_kept(tmp_path, fake_engine, text):
    requests_file(tmp_path)
    (tmp_path / NAME).write_text(text)
    for arguments in ((tmp_path / NAME, "--dry-run"), (requests_file(tmp_path, "a tree"),)):
        with pytest.raises(OutputError, match=r"batch\.jsonl is no record of a batch.*rename"):
            raise sdedge(*arguments, "--model", tmp_path / "fake", "--out", tmp_path, expected=1).exception
    assert (tmp_path / NAME).read_text() == text and not fake_engine


def test_a_line_behind_a_torn_one_is_read(tmp_path):
    (task,) = tasks_of([Request("a house", model="fake", seed=3)], 1, OUTPUT)
    (tmp_path / NAME).write_bytes(b'{"hash": "torn')
    (tmp_path / "house.png").write_bytes(b"pixels")
    with open_record(tmp_path) as record:
        answer = Drawn(b"pixels", task.request.to_json(), "{}", False, (), 0.1)
        record.announce(task, answer, tmp_path / "house.png", "here")
    with open_record(tmp_path) as record:
        assert record.file_of(task) == tmp_path / "house.png"


def test_two_batches_do_not_write_one_folder(tmp_path):
    with open_record(tmp_path), pytest.raises(SdedgeError, match="draws into"), open_record(tmp_path):
        pass
    with open_record(tmp_path):
        assert ProcessLock(tmp_path / ".batch.lock").holder() == os.getpid()


@posix
def test_a_batch_that_ends_takes_the_lock_of_a_folder_away_from_nobody(tmp_path):
    lock = tmp_path / ".batch.lock"
    with open_record(tmp_path):
        waiting = lock.open()  # as another batch has it that tries to lock it now
    with waiting, open_record(tmp_path):
        assert os.path.samestat(lock.stat(), os.fstat(waiting.fileno())), "both lock the same file"


def test_a_dry_run_lists_and_draws_nothing(tmp_path, fake_engine):
    file = requests_file(tmp_path, "a house", "a boat")
    lines = [
        json.loads(line)
        for line in sdedge(file, "--model", tmp_path / "fake", "--count", 2, "--dry-run").stdout.splitlines()
    ]
    assert len(lines) == 4 and not fake_engine and {line["file"] for line in lines} == {None}


def test_what_cannot_be_asked_for_is_said_in_a_sentence(tmp_path, monkeypatch):
    file = requests_file(tmp_path, "a house")
    with pytest.raises(InvalidRequest, match="add --ray auto"):
        raise CliRunner().invoke(batch, [str(file), "--workers", "2"]).exception
    with pytest.raises(InvalidRequest, match=r"no\.txt"):
        raise CliRunner().invoke(batch, [str(tmp_path / "no.txt")]).exception
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    failure = CliRunner().invoke(batch, [str(file), "--ray", "auto"]).exception
    assert isinstance(failure, SdedgeError) and re.search(r"needs Ray.*pip install '?sdedge\[ray\]", str(failure))
