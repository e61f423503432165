"""The command line as a person meets it: pictures, one clear sentence for every mistake, nothing half-written."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from sdedge.cli import main
from sdedge.request import Request

SDEDGE = [sys.executable, "-c", "from sdedge.cli import main; main()"]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def run(*args: object) -> Result:
    """Run the command in this process, which has torch loaded already."""
    out, err = io.StringIO(), io.StringIO()
    with patch("sys.argv", ["sdedge", *map(str, args)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as leaving:
            return Result(int(leaving.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command did not leave through an exit code")


def generate(model: Path, out: Path, *args: object) -> Result:
    return run("generate", "a red house", "-m", model, "-o", out, "--steps", 2, "--seed", 4, *args)


def test_help_and_version_are_there():
    result = run("--help")
    assert result.returncode == 0 and "generate" in result.stdout
    assert run("--version").stdout.startswith("sdedge")


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_a_picture_is_drawn_and_its_path_printed(tiny_model, tmp_path, file_format):
    result = generate(tiny_model, tmp_path, "--format", file_format)
    assert result.returncode == 0, result.stderr
    picture = Image.open(result.stdout.strip())
    assert picture.size == (64, 64) and picture.format == file_format.upper()


def test_the_record_in_the_file_draws_the_same_picture_again(tiny_model, tmp_path):
    first = Path(generate(tiny_model, tmp_path).stdout.strip())
    text = Image.open(first).text
    assert "Steps: 2, Sampler: DPM++ 2M" in text["parameters"]
    record = json.loads(text["sdedge"])
    request = Request.from_dict(record["request"])
    assert (request.seed, request.steps, request.prompt) == (4, 2, "a red house")
    again = generate(tiny_model, tmp_path / "again")
    assert Image.open(first).tobytes() == Image.open(again.stdout.strip()).tobytes()


def test_count_grid_and_prompts_from_a_file(tiny_model, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red house\n\na blue boat\n")
    result = run("generate", "--from-file", prompts, "-m", tiny_model, "-o", tmp_path / "o", "--steps", 1, "-c", 2,
                 "--seed", 1, "--grid", "--columns", 2)  # fmt: skip
    assert result.returncode == 0, result.stderr
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert len(paths) == 5
    assert Image.open(paths[-1]).size == (128, 128)


def test_dry_run_prints_the_resolved_request_and_draws_nothing(tiny_model, tmp_path):
    result = generate(tiny_model, tmp_path / "o", "--dry-run", "--sampler", "Euler a")
    assert json.loads(result.stdout)["sampler"] == "euler_a"
    assert json.loads(result.stdout)["width"] == 64
    assert not (tmp_path / "o").exists()


BAD = [
    (["--size", "100x64"], 2, "multiple of 8"),
    (["--steps", "0"], 2, "out of range"),
    (["--sampler", "best"], 2, "choose one of"),
    (["--guidance", "nan"], 2, "out of range"),
    (["--device", "tpu"], 2, "choose auto"),
    (["--dtype", "fp3"], 2, "choose one of"),
    (["--format", "gif"], 2, "choose one of"),
    (["--name", "{pronpt}"], 2, "unknown field"),
    (["--preset", "compvis", "--sampler", "unipc"], 2, "compvis"),
    (["--model", "no-such-model"], 2, "no-such-model"),
    (["--vae", "no-such-vae"], 2, "no-such-vae"),
]


@pytest.mark.parametrize(("args", "code", "said"), BAD, ids=[" ".join(args) for args, _, _ in BAD])
def test_mistakes_get_one_sentence_and_leave_nothing(tiny_model, tmp_path, args, code, said):
    result = generate(tiny_model, tmp_path / "o", *args)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert said in result.stderr and "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 4
    assert not list((tmp_path / "o").glob("**/*"))


def test_prompts_may_be_empty_but_not_endless(tiny_model, tmp_path):
    assert run("generate", "", "-m", tiny_model, "-o", tmp_path, "--steps", 1).returncode == 0
    assert "shorten" in run("generate", "x" * 100_000, "-m", tiny_model, "-o", tmp_path).stderr
    assert "no prompt" in run("generate", "-o", tmp_path).stderr


def _truncate(model: Path) -> None:
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)


def _remove_weights(model: Path) -> None:
    (model / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def _change_config(model: Path) -> None:
    file = model / "unet" / "config.json"
    file.write_text(file.read_text().replace('"cross_attention_dim": 128', '"cross_attention_dim": 256'))


def _break_json(model: Path) -> None:
    (model / "vae" / "config.json").write_text("{")


@pytest.mark.parametrize("damage", [_truncate, _remove_weights, _change_config, _break_json])
def test_damaged_models_are_refused_with_a_reason(tiny_model, tmp_path, damage):
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    damage(model)
    result = generate(model, tmp_path / "o")
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "o").glob("**/*"))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02]q\x00.", b"PK\x03\x04"])
def test_files_that_are_no_checkpoints_are_refused_with_a_reason(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    result = generate(tmp_path / "model.safetensors", tmp_path / "o")
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--model", "nowhere"), ("--model", "a/b.safetensors"), ("--model", "somebody/nothing"), ("--image", "nothing.png"),
        ("--control", "nothing:hint.png"), ("a house <lora:nothing:1>",),
    ],
)  # fmt: skip
def test_what_is_named_and_not_there_is_bad_usage_whatever_it_is(tiny_model, tmp_path, options):
    """A model, a picture, a control model or a LoRA: the same status, and one sentence."""
    prompt = () if len(options) == 1 else ("a house",)
    model = () if "--model" in options else ("--model", tiny_model)
    result = run("generate", *prompt, *options, *model, "--device", "cpu", "--steps", 1, "-o", tmp_path / "o")
    assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_an_output_folder_that_is_a_file_is_said_before_any_work(tiny_model, tmp_path):
    (tmp_path / "o").write_text("in the way")
    result = generate(tiny_model, tmp_path / "o")
    assert result.returncode == 2 and "o is a file; name a folder" in result.stderr
    assert (tmp_path / "o").read_text() == "in the way"


def test_a_full_disk_leaves_no_half_picture(tiny_model, tmp_path):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with patch("os.fsync", full), patch("sdedge.images.output.Output.check"):
        result = generate(tiny_model, tmp_path)
    assert result.returncode == 1 and "No space left" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_keeps_what_is_finished_and_exits_with_130(tiny_model, tmp_path):
    args = [*SDEDGE, "generate", "a", "-m", str(tiny_model), "-o", str(tmp_path), "--steps", "5", "-c", "500"]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    Image.open(first).load()
    assert not list(tmp_path.glob(".*"))
    assert 1 <= len(list(tmp_path.glob("*.png"))) < 500


def test_a_path_that_no_file_system_takes_is_a_sentence():
    """Any OSError about a path is, whichever command meets it."""
    run = subprocess.run(
        [sys.executable, "-P", "-m", "sdedge", "models", "add", "x" * 5000],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert run.stderr.strip().endswith("give another path.") and len(run.stderr.strip()) < 250
