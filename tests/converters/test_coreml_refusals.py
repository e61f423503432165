"""Conversions that cannot be made say why and leave nothing behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from diffusers import AutoencoderTiny

from converters import bundle
from converters.cli import convert as convert_group
from converters.coreml import convert as convert_to_packages
from converters.mps import GraphRecipe
from converters.mps import convert as convert_to_mps
from converters.recipe import ATTENTIONS, COMPRESSIONS, PackageRecipe
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.errors import InvalidRequest, ModelError, OutputError
from sdedge.files import is_empty, remove_empty
from tests.conftest import convert_to_coreml


@pytest.mark.parametrize(
    "recipe, message",
    [
        ({"sizes": ((500, 512),)}, "multiples of 64; try 512x512"),
        ({"sizes": ((0, 512),)}, "multiples of 64; try 64x512"),
        ({"sizes": ((64, 64), (128, 64))}, "need --target macOS15"),
        ({"attention": "flash"}, "split-einsum-v2"),
        ({"compress": "5bit"}, "mixed-50"),
        ({"compress": "int4"}, "needs --target macOS15"),
        ({"components": ("unet", "vae")}, "vae_decoder"),
        ({"batch": 3}, "choose 1 or 2"),
    ],
)
def test_recipes_that_cannot_be_made_say_why(recipe, message):
    with pytest.raises(InvalidRequest, match=message):
        PackageRecipe(**{"sizes": ((64, 64),), **recipe})


def test_a_model_without_a_safety_checker_says_so(tiny_model, tmp_path):
    with pytest.raises(ModelError, match="ships no safety checker"):
        convert_to_coreml(tiny_model, tmp_path / "b", components=("safety_checker",))


def test_a_tiny_vae_is_refused_before_anything_is_made(tiny_model, tmp_path):
    model = Path(shutil.copytree(tiny_model, tmp_path / "m"))
    shutil.rmtree(model / "vae")
    widths = {"encoder_block_out_channels": (4,) * 4, "decoder_block_out_channels": (4,) * 4}
    AutoencoderTiny(**widths).save_pretrained(model / "vae")
    packages = convert_to_packages(str(model), tmp_path / "b", PackageRecipe(((64, 64),)))
    for converting in (packages, convert_to_mps(str(model), tmp_path / "b", GraphRecipe(64, 64))):
        with pytest.raises(
            ModelError, match=r"tiny one \(AutoencoderTiny\).*put that of another v1 model in its place"
        ):
            list(converting)
    assert not (tmp_path / "b").exists()


def test_a_folder_of_other_things_is_left_alone(tiny_model, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other things"):
        convert_to_coreml(tiny_model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(OutputError, match="is a file"):
        convert_to_coreml(tiny_model, tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ('{"name": "an app of the web"}', "that is not of this version of sdedge"),
        ("", "of the kind coreml, and this one"),
    ],
)
def test_a_manifest_of_something_else_is_left_alone(tiny_model, tiny_bundle, tmp_path, manifest, message):
    """With a folder that an MPS bundle would replace."""
    text = manifest or (tiny_bundle / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=message):
        list(convert_to_mps(str(tiny_model), tmp_path, GraphRecipe(64, 64)))
    if manifest:
        with pytest.raises(OutputError, match=message):
            convert_to_coreml(tiny_model, tmp_path)
    assert (tmp_path / "manifest.json").read_text() == text and (tmp_path / "unet" / "mine.txt").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "unet"}


def test_what_a_desktop_leaves_in_a_folder_is_nothing(tmp_path):
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "._b").touch()
    bundle.check_folder(tmp_path, "coreml")
    assert is_empty(tmp_path)
    with pytest.raises(OSError):
        (tmp_path / "mine").touch()
        remove_empty(tmp_path)
    (tmp_path / "mine").unlink()
    remove_empty(tmp_path)
    assert not tmp_path.exists()


def test_a_folder_that_cannot_be_written_is_told_as_such(tmp_path, monkeypatch):
    def read_only(path, flags, mode=0o777):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("sdedge.locks.os.open", read_only)
    with pytest.raises(OutputError, match="Permission denied; choose another folder"), bundle.claim(tmp_path, "coreml"):
        pass


def test_two_conversions_do_not_share_a_folder(tiny_model, tmp_path):
    with bundle.claim(tmp_path / "b", "coreml"), pytest.raises(OutputError, match="Another conversion"):
        convert_to_coreml(tiny_model, tmp_path / "b")


def test_what_needs_no_vocabulary_does_without(tiny_model, tmp_path, monkeypatch):
    def missing(checkpoint):
        raise ModelError("comes without CLIP's vocabulary")

    monkeypatch.setattr("converters.source.load_tokenizer", missing)
    folder = convert_to_coreml(tiny_model, tmp_path / "b", components=("vae_decoder",))
    assert not (folder / "vocab.json").exists()
    assert MILEngine(folder).decode(torch.zeros(1, 4, 8, 8)).shape == (1, 3, 64, 64)
    for refused in ({"components": ("text_encoder",)}, {"components": ("unet",), "compress": "mixed-40"}):
        with pytest.raises(ModelError, match="without CLIP's vocabulary"):
            convert_to_coreml(tiny_model, tmp_path / "c", **refused)
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on file sizes")
def test_nothing_half_written_remains_on_a_full_disk(tiny_model, tmp_path):
    """A process whose files may not grow past 20 kB fails in the weights of the decoder."""
    code = f"""
import resource, signal
from tests.conftest import convert_to_coreml
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
convert_to_coreml({str(tiny_model)!r}, Path({str(tmp_path / "b")!r}), components=("vae_decoder",))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "OutputError: Cannot write" in done.stderr and "the disk is full" in done.stderr
    assert not list(tmp_path.rglob("*.mlpackage")) and not list(tmp_path.rglob("*.part"))


def test_the_command_tells_events_as_json_and_failures_too(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    command = ["coreml", str(tiny_model), "--out", str(folder), "--size", "64", "--json"]
    lines = [json.loads(line) for line in CliRunner().invoke(convert_group, command).output.splitlines()]
    assert lines[0] == {"event": "Loading", "phase": "opening the model"}
    assert [line["event"] for line in lines].count("Progress") == 5 and lines[-1]["event"] == "Finished"
    failed = CliRunner().invoke(convert_group, [*command[:4], "--size", "100", "--json"])
    record = json.loads(failed.output.splitlines()[-1]) if failed.output else {}
    assert record.get("event") == "Failed" and "multiples of 64" in record["message"]


def test_names_of_choices_equal_what_is_implemented():
    from converters.ane import ATTENTIONS as WRITTEN
    from converters.compress import SCHEMES

    assert tuple(WRITTEN) == ATTENTIONS
    assert ("none", *SCHEMES) == COMPRESSIONS
