"""Options of the command line: each does what its help says, in every command that has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.commands.generate import generate as command
from sdedge.commands.queue import add
from sdedge.commands.root import cli
from sdedge.library.jobs import Queue
from sdedge.library.models import Library
from sdedge.library.store import open_store
from sdedge.request import Request

from .test_cli import generate, run

SPOKEN = {
    "model": "another", "negative": "n", "vae": "v", "steps": 7, "guidance": 3.0, "sampler": "heun", "schedule": "karras",
    "preset": "a1111", "speed": "fast", "eta": None, "noise": "numpy", "size": "64x128", "seed": 9, "count": 2, "batch": 2,
    "clip_skip": 2, "guidance_rescale": 0.5, "image_guidance": 2.0,
    "guidance_interval": "1 2", "image": "i.png", "strength": 0.5, "mask": None,
    "mask_blur": 2.0, "masked_content": "fill", "mask_padding": 8, "variation_seed": 3, "variation_strength": 0.25,
    "sigmas": "3,2,1", "timesteps": "900,3", "options": "s_churn=3", "out": "elsewhere", "file_format": "webp",
    "template": "{seed}", "outpaint": None, "controls": None, "guides": "pag", "regions": "0,0,0.5,1:x", "windows": "128",
    "images": None, "passes": '{"enlarge":{"scale":2}}', "hires_size": "128x128", "hires_strength": 0.5, "hires_sampler": "heun",
    "hires_schedule": "karras", "detail": "face", "detail_confidence": 0.5, "detail_strength": 0.5, "detail_sampler": "heun",
    "detail_schedule": "karras",
}  # fmt: skip
"""A value of every option that takes one; None where it needs another beside it, which other tests give."""
BESIDE = {"hires_": ("--hires", "2"), "detail_": ("--detail", "face")}
"""What options mean nothing without, by how their names begin."""


def added(*args: object) -> dict:
    result = run("queue", "add", "a house", "--sampler", "euler", "--json", *args)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_every_option_of_queue_add_changes_the_job(tmp_path, monkeypatch):
    """None is accepted and ignored: those about the engine that draws are refused, as it is another process."""
    monkeypatch.chdir(tmp_path)
    for model in (
        "face",
        "5",
        "another",
        "v",
    ):  # files that `--detail`, `--hires-upscaler`, `--model` and `--vae` may name
        (tmp_path / model).touch()
    Image.new("RGB", (8, 8)).save(tmp_path / "i.png")

    def job(*args: object) -> tuple:
        id = added(*args)["id"]
        with open_store() as store:
            queued = Queue(store).get(id)
        return queued.request, queued.count, queued.batch, queued.output, queued.priority

    plain, messages = job(), []
    for option in add.params:
        if (
            option.name in ("prompt", "as_json", "same_seed", "from_file", "like", "styles")
            or SPOKEN.get(option.name, 1) is None
        ):
            continue  # those of files have tests of their own
        value = [] if option.is_flag or option.name == "safety" else str(SPOKEN.get(option.name, 5)).split(" ")
        messages.append(option.name)
        beside = next((options for start, options in BESIDE.items() if option.name.startswith(start)), ())
        assert job(*beside, option.opts[-1], *value) != (job(*beside) if beside else plain), option.name
    assert len(messages) > 30 and "memory" not in messages
    for about_now in ("--memory", "--device", "--dtype"):
        result = run("queue", "add", "a house", about_now, "nonsense")
        assert result.returncode == 2 and about_now in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [(("a house", "--device", "cpu"), "set SDEDGE_DEVICE for `sdedge queue run` instead"),
     (("a house", "--dtype=float32"), "set SDEDGE_DTYPE"),
     (("a house", "--devise", "cpu"), "There is no option --devise; see `sdedge queue add --help`"),
     (("--from-file", "two.txt", "-o", "a.png"), "a.png is the name of one file, and there are 2 jobs"),
     (("a house", "-o", "two"), "two is a file; name a folder"),
     (("a house", "--model", "nobody"), "There is no model named 'nobody'"),
     (("a house", "--vae", "nobody"), "There is no model named 'nobody'"),
     (("a <lora:nobody:1> house",), "There is no LoRA 'nobody'"), (("a house", "-i", "nobody.png"), "Cannot read nobody.png"),
     (("a house", "--detail", "nobody"), "There is no detector 'nobody'"),
     (("a house", "--hires", "2", "--hires-upscaler", "nobody"), "There is no upscaler 'nobody'")],
)  # fmt: skip
def test_what_the_queue_does_not_take_is_said_with_what_to_do(tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    for name in ("two.txt", "two"):
        (tmp_path / name).write_text("a house\na tree\n")
    result = run("queue", "add", *args)
    assert result.returncode == 2 and said in result.stderr
    assert "The queue is empty." in run("queue", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("queue", "move", "1", "--before", "2", "-p", "3"), "--before 2 and --priority 3"),
        (("doctor", "--report", "r.log", "--check", "--trust", "cpu float32"), "leave out --check and --trust"),
        (("doctor", "--trust", "cpu float32", "--json"), "leave out --json"),
        (("doctor", "--trust", "cpu float32", "--no-trust", "cpu float32"), "leave one of them out"),
        (("generate", "x", "--columns", "2", "--dry-run"), "add --grid"),
        (("generate", "x", "--same-seed", "--dry-run"), "add --from-file"),
        (("queue", "add", "x", "--same-seed"), "add --from-file"),
        (("batch", "x.txt", "--patience", "9", "--dry-run"), "add --ray"),
    ],
)
def test_options_that_would_do_nothing_or_contradict_are_refused(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.txt").write_text("a house")
    result = run(*arguments)
    assert result.returncode == 2 and said in result.stderr, result.stderr
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["x.txt"]


@pytest.mark.parametrize(("failed", "status"), [(0, 0), (1, 1), (2, 1)])
def test_queue_run_ends_with_a_failure_where_a_job_failed(monkeypatch, failed, status):
    from sdedge.events import Failed, Finished

    class OneRun:
        def __init__(self, listener):
            self.tell = listener

        def start(self):
            for job in range(2):
                self.tell(job, Failed("request", "There is no picture.") if job < failed else Finished(1, 0.1))

        def wait_idle(self, seconds):
            return True

        wake = close = lambda self: None

    monkeypatch.setattr("sdedge.process.supervisor.Supervisor", OneRun)
    result = run("queue", "run")
    assert result.returncode == status and result.stderr.count("failed: There is no picture") == failed
    assert ("as said above" in result.stderr) == bool(failed)


def test_what_was_cut_off_is_listed_with_the_command_that_goes_on_with_it(tmp_path, monkeypatch):
    """One that has a journal goes on by itself; the options that are named are there."""
    from sdedge.commands.queue import run as run_command
    from sdedge.process import records

    monkeypatch.chdir(tmp_path)
    added()
    with open_store() as store:
        Queue(store).claim()
    for goes_on, shown in (
        (False, "`sdedge queue run --resume` goes on with it"),
        (True, "`sdedge queue run` goes on"),
    ):
        monkeypatch.setattr(records, "goes_on", lambda folder, job, answer=goes_on: answer)
        assert shown in CliRunner().invoke(cli, ["queue", "list"]).output
    assert "--resume" in {option for parameter in run_command.params for option in parameter.opts}


def test_a_folder_of_pictures_becomes_jobs_whose_files_keep_the_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name)
    result = run("queue", "add", "a house", "--images", "photos", "-o", "drawn")
    assert result.returncode == 0, result.stderr
    with open_store() as store:
        jobs = sorted(Queue(store).jobs(), key=lambda job: job.id)
    assert [Path(job.request.image) for job in jobs] == [tmp_path / "photos" / name for name in ("a.png", "b.jpg")]
    assert [job.output.file for job in jobs] == ["a.png", "b.png"]


def test_models_of_passes_are_found_from_whatever_folder_the_queue_runs_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x4.pth").touch()
    added("--hires", "2", "--hires-upscaler", "x4.pth", "--detail", "x4.pth")
    with open_store() as store:
        (job,) = Queue(store).jobs()
    enlarged, boxes = job.request.passes
    assert enlarged.enlarge.by == boxes.boxes.model == str(tmp_path / "x4.pth")


def test_a_job_that_nobody_draws_any_more_is_listed_as_interrupted():
    """After a kill -9 the database still says that it runs; while the queue's lock is held, it does."""
    from sdedge.library.jobs import Queue
    from sdedge.library.store import open_store
    from sdedge.locks import ProcessLock
    from sdedge.process.supervisor import RUNNER_LOCK

    added()
    with open_store() as store:
        assert Queue(store).claim() is not None
        lock = ProcessLock(store.folder / RUNNER_LOCK)
        assert lock.acquire()
    assert json.loads(run("queue", "list", "--json").stdout)["jobs"][0]["state"] == "running"
    lock.release()
    (job,) = json.loads(run("queue", "list", "--json").stdout)["jobs"]
    assert job["state"] == "interrupted" and "--resume" in job["reason"]


def test_options_of_generate_reach_the_picture(tiny_model, tmp_path):
    args = (
        "--sampler",
        "euler",
        "--timesteps",
        "900,500,20",
        "--option",
        "s_churn=4",
        "--option",
        "s_noise=1.01",
        "--dry-run",
    )
    drawn = Request.from_json(generate(tiny_model, tmp_path, *args).stdout)
    assert drawn.options == {"s_churn": 4, "s_noise": 1.01} and drawn.timesteps == (900, 500, 20) and drawn.steps == 3
    drawn = Request.from_json(generate(tiny_model, tmp_path, "--sigmas", "9,3,1", "--dry-run").stdout)
    assert drawn.sigmas == (9, 3, 1) and drawn.schedule is None


@pytest.mark.parametrize(
    ("args", "said"),
    [(("--option", "s_churn=4"), "Option s_churn means nothing to sampler dpmpp_2m"), (("--option", "x"), "no value"),
     (("--sigmas", "1,a"), "not a list of numbers"), (("--sigmas", "1,2"), "do not fall"),
     (("--timesteps", "5000,1"), "none above 999"), (("--sigmas", "3,1", "--schedule", "karras"), "not both")],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(tiny_model, tmp_path, args, said):
    result = generate(tiny_model, tmp_path / "out", *args)
    assert result.returncode == 2 and said in result.stderr and not [*tmp_path.glob("out/*")]


def test_the_picture_s_options_are_kept_and_laid_over(tiny_model, tmp_path):
    first = generate(tiny_model, tmp_path, "--sampler", "euler", "--option", "s_churn=4").stdout.strip()
    again = generate(tiny_model, tmp_path, "--like", first, "--option", "s_tmin=0.5", "--dry-run")
    assert Request.from_json(again.stdout).options == {"s_churn": 4, "s_tmin": 0.5}


def test_the_chosen_model_is_every_command_s_default(tiny_model, tmp_path, monkeypatch):
    library = Library()
    library.add(tiny_model, "mine", link=True)
    library.close()
    assert run("models", "default", "mine").returncode == 0
    drawn: list[str] = []

    def load(*args: object, **kwargs: object):
        def engine(model: str, vae: str | None):
            drawn.append(model)
            raise KeyboardInterrupt

        return engine

    monkeypatch.setattr("sdedge.engines.open.load_engine", load)
    monkeypatch.setattr("sdedge.engines.open.find_tokenizer", lambda model: load()(model, None))
    commands = (
        ("generate", "a house"), ("grid", "a house", "--x", "steps=1,2"), ("compare", "a house"), ("tokens", "a house"),
    )  # fmt: skip
    for args in commands:
        run(*args)
    assert drawn == ["mine"] * len(commands)
    assert added()["request"]["model"] == "mine"


def test_every_option_is_in_the_help_with_a_line():
    assert all(option.help for option in command.params if option.name != "prompt" and hasattr(option, "help"))
    listed = run("samplers", "euler").stdout
    assert "--option s_churn=0.0" in listed and "from 0 to 1000" in listed
