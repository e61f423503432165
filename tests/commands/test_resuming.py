"""`sdedge generate --resume`: the same command goes on where it was cut off, with the seed that it had chosen."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.cli import cli
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import SdedgeError
from sdedge.generation import journal_file
from sdedge.generation.journals import Journals, journal_folder


@pytest.fixture
def drawn(tiny_model, tmp_path, monkeypatch):
    """Runs `generate`, which fails after so many calls of the UNet; returns its result and how often it was called."""
    monkeypatch.setattr(journal_file, "WRITE_EVERY", 0.0)
    monkeypatch.setattr("sdedge.generation.journals.RATE", None)
    real = TorchEngine.predict

    def run(*options, calls=10**6):
        counted = []

        def predict(self, inputs):
            counted.append(1)
            if len(counted) > calls:
                raise SdedgeError("The power is gone; start again.")
            return real(self, inputs)

        monkeypatch.setattr(TorchEngine, "predict", predict)
        command = [
            "generate",
            "a red house",
            "--model",
            str(tiny_model),
            "--device",
            "cpu",
            "--steps",
            "5",
            "--sampler",
            "euler",
        ]
        return CliRunner().invoke(cli, [*command, *options]), len(counted)

    return run


def pixels(folder):
    return {path.name: np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))}


def test_a_command_goes_on_within_its_picture_with_the_seed_it_had_chosen(drawn, tmp_path):
    out = ["--out", str(tmp_path / "out"), "--count", "3"]
    result, _ = drawn(*out, calls=8)
    assert result.exit_code == 1 and len(pixels(tmp_path / "out")) == 1
    result, calls = drawn(*out, "--resume")
    assert result.exit_code == 0 and "note: Continued at step 4 of 5." in result.output and calls == 2 + 5
    together = pixels(tmp_path / "out")
    seeds = [int(name.split("-")[3]) for name in together]
    assert len(together) == 3 and sorted(seeds) == [*range(min(seeds), min(seeds) + 3)]
    assert not [*journal_folder().glob("*.journal")]
    result, _ = drawn(*out, "--resume", calls=0)
    assert "has left no unfinished picture; it begins anew" in result.output


@pytest.mark.parametrize(("count", "saved"), [(1, 1), (4, 2)])
def test_pictures_that_were_saved_before_ctrl_c_took_effect_are_not_saved_again(
    drawn, tmp_path, monkeypatch, count, saved
):
    out = ["--out", str(tmp_path / "out"), "--count", str(count), "--batch", "4", "--seed", "5"]
    decode, decoded = TorchEngine.decode, []

    def decode_and_be_interrupted(self, *values):
        decoded.append(1)
        if len(decoded) == saved:
            os.kill(os.getpid(), signal.SIGINT)
        return decode(self, *values)

    monkeypatch.setattr(TorchEngine, "decode", decode_and_be_interrupted)
    result, _ = drawn(*out)
    assert result.exit_code != 0 and len(pixels(tmp_path / "out")) == saved
    monkeypatch.setattr(TorchEngine, "decode", decode)
    if saved < count:
        result, calls = drawn(*out, "--resume")
        assert result.exit_code == 0 and calls == 0, "its steps were recorded"
        assert [int(name.split("-")[3]) for name in pixels(tmp_path / "out")] == [5, 6, 7, 8]
    assert not [*journal_folder().glob("*.journal")]


@pytest.mark.slow
def test_a_folder_of_pictures_goes_on_within_the_one_it_was_at(drawn, tmp_path):
    (tmp_path / "in").mkdir()
    for i, name in enumerate(("a.png", "b.png", "c.png")):
        Image.fromarray(np.full((64, 64, 3), 60 * i + 40, np.uint8)).save(tmp_path / "in" / name)
    options = ("--images", str(tmp_path / "in"), "--strength", "1", "--out", str(tmp_path / "out"))
    cut, _ = drawn(*options, calls=8)
    assert cut.exit_code == 1 and [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    again, calls = drawn(*options, "--resume")
    assert again.exit_code == 0 and calls == 2 + 5, "three steps of b were done"
    assert "1 of 3 pictures are there already" in again.stderr and "begins anew" not in again.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png"]


def test_a_command_without_the_option_begins_anew_and_says_what_it_leaves(drawn, tmp_path):
    out = ["--out", str(tmp_path / "out"), "--seed", "5"]
    drawn(*out, calls=3)
    result, calls = drawn(*out)
    assert calls == 5 and "was cut off at picture 1; it begins anew, --resume goes on" in result.output
    assert not [*journal_folder().glob("*.journal")]
    result, calls = drawn(*out)
    assert "cut off" not in result.output and calls == 5


@pytest.mark.slow
def test_another_process_that_draws_the_picture_is_waited_for_and_a_journal_is_kept_by_choice(drawn, tmp_path):
    out = ["--out", str(tmp_path / "out"), "--seed", "5"]
    drawn(*out, calls=3)
    (path,) = journal_folder().glob("*.journal")
    lock = Journals(journal_folder()).lock(path.name)
    assert lock.acquire()
    result, calls = drawn(*out, "--resume")
    assert result.exit_code == 1 and calls == 0
    assert str(result.exception).endswith("is drawing this picture; wait for it.")
    lock.release()
    result, calls = drawn(*out, "--resume", "--keep-journal")
    assert calls == 2 and "note: The journal is kept as" in result.output
    assert len([*(journal_folder() / "kept").glob("*.journal")]) == 1 and not [*journal_folder().glob("*.journal")]
