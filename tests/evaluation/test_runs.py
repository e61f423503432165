"""Runs on disk: what is there is not drawn again, a process that is killed loses one picture, other settings begin anew."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sdedge.engines.open import load_engine
from sdedge.errors import InvalidRequest, ModelError, SdedgeError
from sdedge.evaluation.ceiling import read_ceiling
from sdedge.evaluation.drawing import Evaluation, Judges, draw, settings_of
from sdedge.evaluation.measure import Job, Report, evaluate
from sdedge.evaluation.runs import Result, Run, differences, nearest_run
from sdedge.evaluation.world import World
from sdedge.events import Notice, Step
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.request import Request, Resolved


class Quick(World):
    """The world with a judge that looks at one pixel: what is drawn is not the subject here."""

    version = "quick"

    def read(self, image):
        return {"kind": "house" if image[0, 0, 0] % 2 else "boat"}


WORLD = Quick()
JUDGES = Judges(WORLD)


def evaluation(model: Path, **changes) -> Evaluation:
    settings = {"prompts": 2, "seeds": 2, **changes}
    return Evaluation(Request(model=str(model), steps=1, width=64, height=64), **settings)


@pytest.fixture(scope="module")
def pipeline(tiny_model) -> Pipeline:
    return Pipeline(load_engine("cpu", "float32"))


def run_of(folder: Path, wanted: Evaluation, pipeline: Pipeline) -> Run:
    return Run(folder, "tiny", settings_of(wanted, pipeline))


def finish(run: Run, wanted: Evaluation, pipeline: Pipeline, stop: int | None = None) -> list[Result]:
    results = []
    with run.held():
        for event in draw(run, wanted, pipeline, JUDGES, wanted.cases(WORLD), "pictures"):
            if isinstance(event, Result):
                results.append(event)
                if len(results) == stop:
                    break
    return results


@pytest.fixture(scope="module")
def complete(tiny_model, tmp_path_factory, pipeline) -> Path:
    """The folder of a run of two prompts with two seeds each."""
    folder = tmp_path_factory.mktemp("complete")
    wanted = evaluation(tiny_model)
    finish(run_of(folder, wanted, pipeline), wanted, pipeline)
    return folder


@pytest.fixture
def run(complete, tiny_model, tmp_path, pipeline) -> Run:
    """A copy of that run."""
    shutil.copytree(complete, tmp_path / "copy")
    return run_of(tmp_path / "copy", evaluation(tiny_model), pipeline)


def drawn_when(run: Run) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (run.folder / "pictures").iterdir()}


def test_a_run_that_was_cut_off_goes_on_and_equals_an_unbroken_one(tiny_model, tmp_path, pipeline, run):
    wanted = evaluation(tiny_model)
    unbroken = finish(run, wanted, pipeline)
    broken = run_of(tmp_path, wanted, pipeline)
    finish(broken, wanted, pipeline, stop=3)
    before = drawn_when(broken)
    results = finish(broken, wanted, pipeline)
    after = drawn_when(broken)
    assert len(before) == 3 and len(after) == 4 and all(after[name] == before[name] for name in before)
    assert [r.key for r in results] == [r.key for r in unbroken] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    for mine, theirs in zip(results, unbroken, strict=True):
        assert mine.answers == theirs.answers
        assert np.array_equal(broken.pixels(mine), run.pixels(theirs))


def test_more_prompts_and_seeds_add_to_what_is_there(tiny_model, pipeline, run):
    before = drawn_when(run)
    more = evaluation(tiny_model, prompts=3, seeds=3, batch=2)
    assert run_of(run.folder.parent, more, pipeline).folder == run.folder
    assert len(finish(run, more, pipeline)) == 9
    after = drawn_when(run)
    assert len(after) == 9 and all(after[name] == before[name] for name in before)


@pytest.mark.parametrize("change", [{"steps": 2}, {"sampler": "euler"}, {"guidance": 2.0}, {"width": 128}])
def test_other_settings_are_another_run(tiny_model, tmp_path, pipeline, change):
    plain = evaluation(tiny_model)
    changed = replace(plain, request=plain.request.replace(**change))
    assert run_of(tmp_path, changed, pipeline).folder != run_of(tmp_path, plain, pipeline).folder


def test_a_lora_that_is_given_twice_is_another_run_than_once(tiny_model, tmp_path, pipeline):
    file = tmp_path / "a.safetensors"
    file.write_bytes(b"weights")
    pairs = (file, 0.5), (file, 0.5), (file, 1.0)
    runs = [
        run_of(tmp_path, evaluation(tiny_model, loras=loras), pipeline)
        for loras in ((), pairs[:1], pairs[:2], pairs[1:])
    ]
    assert len({run.folder for run in runs}) == 4
    assert [weight for _, weight in runs[3].settings["loras"]] == [0.5, 1.0]
    assert json.loads(json.dumps(runs[3].settings)) == runs[3].settings  # so that only what differs is said to


def test_what_differs_is_said_of_the_nearest_run(tmp_path):
    settings = {"name": "m", "request": {"steps": 8, "guidance": 4.0}}
    for steps, guidance in ((8, 4.0), (9, 5.0)):
        with Run(tmp_path, "m", {**settings, "request": {"steps": steps, "guidance": guidance}}).held():
            pass
    new = Run(tmp_path, "m", {**settings, "request": {"steps": 8, "guidance": 5.0}})
    assert nearest_run(tmp_path, new)[1] in (["guidance is 5.0, not 4.0"], ["steps is 8, not 9"])
    assert nearest_run(tmp_path / "nowhere", new) is None
    assert differences({"a": 1, "b": 2}, {"a": 1, "c": 3}) == ["b is None, not 2", "c is 3, not None"]


@pytest.mark.parametrize("damage", ["cut off", "no json", "of another kind", "prompt changed", "picture gone"])
def test_a_damaged_line_costs_its_own_picture_only(tiny_model, pipeline, run, damage):
    wanted = evaluation(tiny_model)
    file = run.folder / "results.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    spoilt = {"cut off": lines[3][:40], "no json": b"\xff\x00[[[\n", "of another kind": b'{"index": "x", "seed": 1}\n',
              "prompt changed": lines[3].replace(b'"prompt": "', b'"prompt": "not '), "picture gone": lines[3]}  # fmt: skip
    file.write_bytes(b"".join(lines[:3]) + spoilt[damage])
    if damage == "picture gone":
        run.picture_path(1, 2).unlink()
    assert len(run.results(wanted.cases(WORLD))) == 3
    assert len(finish(run, wanted, pipeline)) == 4
    assert len(run.results(wanted.cases(WORLD))) == 4


def test_another_judge_reads_the_pictures_that_are_there(tiny_model, pipeline, run):
    class Newer(Quick):
        version = "new"

        def read(self, image):
            return {"kind": "balloon"}

    wanted = evaluation(tiny_model)
    before = drawn_when(run)
    judges = Judges(Newer())
    events = draw(run, wanted, pipeline, judges, wanted.cases(WORLD), "pictures")
    results = [event for event in events if isinstance(event, Result)]
    assert {result.answers["geometric new"]["kind"] for result in results} == {"balloon"}
    assert drawn_when(run) == before


def test_two_processes_do_not_draw_one_run(tmp_path):
    run, same = (Run(tmp_path, "m", {"steps": 1}) for _ in range(2))
    with run.held(), pytest.raises(SdedgeError, match="Another process"), same.held():
        pass
    with same.held():
        pass


def test_a_lora_s_path_that_no_tag_holds_is_refused(tiny_model, tmp_path):
    odd = evaluation(tiny_model, loras=((tmp_path / "a:b.safetensors", 1.0),))
    with pytest.raises(InvalidRequest, match="rename"):
        odd.prompt(WORLD.case(0, 0))


def test_a_notice_of_every_request_is_said_once(tiny_model, tmp_path, pipeline):
    wanted = evaluation(tiny_model, seeds=1)
    wanted = replace(wanted, request=wanted.request.replace(negative="<lora:x"))
    run = run_of(tmp_path, wanted, pipeline)
    with run.held():
        events = list(draw(run, wanted, pipeline, JUDGES, wanted.cases(WORLD), "pictures"))
    said = [event.message for event in events if isinstance(event, Notice)]
    assert len(said) == 1 and "<lora:x" in said[0]


def test_seeds_go_on_after_the_last_one_as_drawing_does(tiny_model, tmp_path, pipeline):
    last = evaluation(tiny_model, prompts=1, first_seed=2**64 - 1)
    assert last.keys() == [(0, 2**64 - 1), (0, 0)]
    run = run_of(tmp_path, last, pipeline)
    assert [result.seed for result in finish(run, last, pipeline)] == [2**64 - 1, 0]
    before = drawn_when(run)
    assert len(finish(run, last, pipeline)) == 2 and drawn_when(run) == before


class Timed:
    """A pipeline of which every step takes a second for each picture and every decoding a quarter."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("sdedge.evaluation.drawing.time.perf_counter", lambda: self.now)

    def images(self, request, count, batch):
        for first in range(0, count, batch):
            size = min(batch, count - first)
            for index in range(2):
                self.now += size
                yield Step(index + 1, 2, first, size)
            for number in range(first, first + size):
                self.now += 0.5
                yield Step(1, 1, number, 1, pass_number=2, passes=2)
                self.now += 0.25
                yield Picture(np.zeros((8, 8, 3), np.uint8), Resolved("", seed=request.seed + number), number)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_a_batch_s_time_is_that_of_all_its_pictures(tmp_path, monkeypatch, batch):
    run, wanted = Run(tmp_path, "m", {}), Evaluation(Request(), prompts=1, seeds=5, batch=batch)
    assert [result.seconds for result in finish(run, wanted, Timed(monkeypatch))] == [2.75] * 5


class Shades(Quick):
    """The world in which a kind is a shade: what is lost on the way shows at once."""

    def facts(self, scene):
        return {"kind": scene.kind}

    def render(self, scene, size):
        return np.full((size, size, 3), 10 * self.values["kind"].index(scene.kind), np.uint8)

    def read(self, image):
        return {"kind": self.values["kind"][min(round(float(image.mean()) / 10), 23)]}


def test_reconstructions_that_fail_are_said_each_time_and_never_kept_in_part(tmp_path, monkeypatch):
    run, engine, encoded, failing = Run(tmp_path, "m", {}), SimpleNamespace(facts=SimpleNamespace(width=16)), [], [1]
    run.folder.mkdir()

    def reconstructed(engine, pictures):
        encoded.append(len(pictures))
        if len(encoded) in failing:
            raise ModelError("It has no encoder.")
        return pictures

    monkeypatch.setattr("sdedge.evaluation.ceiling.reconstructed", reconstructed)

    def read() -> tuple[list[str], dict[str, int]]:
        *events, verdicts = read_ceiling(run, engine, Judges(Shades()), 20)
        said = [event.message for event in events if isinstance(event, Notice)]
        return said, {name: len(group) for name, group in verdicts.items()}

    fault = ["No reconstructions are measured: It has no encoder."]
    assert read() == (fault, {"renders": 20, "reconstructions": 0}) and encoded == [8]
    failing[:] = [3]  # in the middle, as for want of memory
    assert read() == (fault, {"renders": 20, "reconstructions": 0}) and encoded == [8, 8, 8]
    assert read() == read() == ([], {"renders": 20, "reconstructions": 20}) and encoded == [8, 8, 8, 8, 8, 4]


@pytest.mark.slow
def test_a_report_holds_both_runs_and_their_difference(tiny_model, tmp_path):
    wanted = evaluation(tiny_model)
    changed = replace(wanted, request=wanted.request.replace(steps=2))
    jobs = [Job(each, Pipeline(load_engine("cpu", "float32"))) for each in (wanted, changed)]
    *events, report = evaluate(jobs[0], Judges(Shades()), tmp_path, jobs[1], ceiling=12)
    assert isinstance(report, Report) and report.figures.pictures == 4
    assert report.differences == ["steps is 1, not 2"]
    assert report.figures.nearness.pictures == 4 and report.figures.nearness.identical == 0
    assert report.figures.renders["mean"].obeyed["geometric"].value == 1
    assert report.figures.reconstructions["mean"].obeyed["geometric"].value < 1  # of random weights
    record = json.loads((report.drawn.run.folder / "report.json").read_text())
    assert record["figures"]["facts"]["kind"]["obeyed"]["geometric"]["pictures"] == 4
    said = [event.message for event in events if isinstance(event, Notice)]
    assert len(said) == 1 and said[0].startswith("There is no learned judge here, so one judge reads alone")
    again = list(evaluate(jobs[0], Judges(Shades()), tmp_path, ceiling=12))
    assert again[-1].figures.renders == report.figures.renders and again[-1].reference is None


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_command_goes_on_where_it_was(tiny_model, tmp_path):
    command = [sys.executable, "-c", "from sdedge.cli import main; main()", "evaluate", str(tiny_model), "--steps", "1",
               "--prompts", "6", "--seeds", "2", "--ceiling", "0", "--device", "cpu", "-o", str(tmp_path)]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 400
    while len(list(tmp_path.glob("*/pictures/*.png"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    (results,) = tmp_path.glob("*/results.jsonl")
    lines = results.read_bytes().count(b"\n")
    pictures = list(tmp_path.glob("*/pictures/*.png"))
    assert lines >= 3 and len(pictures) - lines <= 1
    before = {path.name: path.stat().st_mtime_ns for path in pictures}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=600)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/pictures/*.png")}
    assert len(after) == 12 and sum(after[name] == moment for name, moment in before.items()) >= lines
    assert (results.parent / "report.html").is_file()
