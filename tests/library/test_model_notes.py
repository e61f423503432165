"""What a person keeps beside a model, what a LoRA's trainer says, and what an installed thing is called."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import save_file

from sdedge.commands.models import models as models_command
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.library.adapters import lora_folder
from sdedge.library.model_kinds import kind_in_words
from sdedge.library.model_notes import ModelNote, ModelNotes, trained_words
from sdedge.library.models import Library


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "data"))
    library = Library()
    yield library
    library.close()


def write_lora(path: Path, **header: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"lora_unet_x.lora_up.weight": np.zeros((2, 2), np.float32)}, path, header)
    return path


def picture(path: Path, size=(640, 320)) -> Path:
    Image.new("RGB", size, (200, 30, 30)).save(path)
    return path


def test_notes_words_and_a_small_picture_are_kept_by_name_and_role(library, tmp_path):
    notes = ModelNotes(library)
    assert notes.of("mine", "lora") == ModelNote()
    notes.set_text("mine", "lora", "good at\r\nhouses\0")
    notes.set_triggers("mine", "lora", [" sks  house", "", "sks house", "b\u202e"])
    notes.set_picture("mine", "lora", picture(tmp_path / "x.png"))
    note = notes.of("mine", "lora")
    assert (note.text, note.triggers) == ("good at\nhouses", ("sks house", "b"))
    assert Image.open(io.BytesIO(note.picture)).size == (256, 128)
    assert notes.all() == {("mine", "lora"): note} and notes.of("mine", "model") == ModelNote()
    notes.set_picture("mine", "lora", None)
    assert notes.of("mine", "lora").picture == b""


def test_what_is_no_note_is_refused_and_nothing_is_lost(library, tmp_path):
    notes = ModelNotes(library)
    notes.set_text("a", "model", "kept")
    (tmp_path / "text.png").write_text("no picture")
    for wrong in (
        lambda: notes.set_text("a", "model", "x" * 20_001),
        lambda: notes.set_triggers("a", "model", [str(number) for number in range(101)]),
        lambda: notes.set_triggers("a", "model", ["x" * 201]),
        lambda: notes.set_picture("a", "model", tmp_path / "text.png"),
        lambda: notes.set_picture("a", "model", tmp_path / "gone.png"),
    ):
        with pytest.raises(InvalidRequest):
            wrong()
    assert notes.of("a", "model") == ModelNote("kept")


def test_the_trainer_s_words_come_out_of_the_header(tmp_path):
    table = json.dumps({"10_house": {"sks": 30, "red": 4, "a" * 300: 99}, "b": {"red": 5, "bad": "x"}, "c": 1})
    assert trained_words(write_lora(tmp_path / "a.safetensors", ss_tag_frequency=table)) == ("sks", "red")
    phrase = write_lora(tmp_path / "b.safetensors", **{"modelspec.trigger_phrase": "sks, a  house"})
    assert trained_words(phrase) == ("sks", "a house")
    (tmp_path / "damaged.safetensors").write_bytes(b"\xff" * 20)
    odd = write_lora(tmp_path / "odd.safetensors", ss_tag_frequency="[" * 5000)
    for path in (odd, tmp_path / "damaged.safetensors", tmp_path / "gone.safetensors", tmp_path):
        assert trained_words(path) == ()


@pytest.mark.parametrize(("role", "kind", "name", "text"), [
    ("control", "controlnet", "control_v11p_sd15_canny.pth", "ControlNet (canny)"),
    ("control", "controlnet", "mine.safetensors", "ControlNet"),
    ("control", "t2i-adapter", "t2iadapter_sketch_sd15v2.pth", "T2I-Adapter (sketch)"),
    ("control", "ip-adapter", "ip-adapter_sd15.safetensors", "IP-Adapter"),
    ("control", "image-encoder", "image_encoder", "image encoder of IP-Adapters"),
    ("control", "depth-network", "Depth-Anything", "depth network"),
    ("control", "of a later version", "x", "control"), ("vae", "file", "x", "VAE"), ("upscaler", "esrgan", "x", "upscaler"),
])  # fmt: skip
def test_a_control_model_is_called_what_it_is(role, kind, name, text):
    assert kind_in_words(role, kind, Path("/models") / name) == text


def test_the_command_shows_and_writes(library, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(models_command, ["note", *arguments])

    write_lora(lora_folder() / "house.safetensors", **{"modelspec.trigger_phrase": "sks"})
    picture(tmp_path / "x.png")
    run("house", "--text", "two\nlines", "--trigger", "sks", "--trigger", "brick", "--picture", str(tmp_path / "x.png"))
    assert json.loads(run("house", "--json").stdout) == {
        "name": "house", "role": "lora", "text": "two\nlines", "triggers": ["sks", "brick"], "picture": True,
        "trained": ["sks"],
    }  # fmt: skip
    assert "two" in run("house", "--no-triggers", "--no-picture").stdout
    assert json.loads(run("house", "--json").stdout)["triggers"] == [] and run("pocket", "--text", "x").exit_code == 0
    for wrong in (["nothing"], ["house", "--trigger", "x", "--no-triggers"], ["house", "--picture", str(tmp_path)]):
        assert isinstance(run(*wrong).exception, SdedgeError)
