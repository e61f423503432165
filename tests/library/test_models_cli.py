"""`sdedge models` and `sdedge tokenizer` as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from sdedge.commands.models import models, tokenizer
from sdedge.errors import ModelError
from tests.weights.conftest import Tiny, tiny  # noqa: F401


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def run(*words: object) -> Result:
    return CliRunner().invoke(models, [str(word) for word in words])


def test_a_models_life(tiny: Tiny, tmp_path: Path) -> None:  # noqa: F811
    save_file(tiny.ldm(), tmp_path / "sd-v1-4.safetensors")
    added = run("add", tmp_path / "sd-v1-4.safetensors", "--name", "mine")
    assert added.exit_code == 0 and "Added mine (v1-4" in added.output
    for said in ("CreativeML OpenRAIL-M", "huggingface.co/spaces/CompVis/stable-diffusion-license", "Attachment A"):
        assert said in added.output
    refused = run("export", "mine", tmp_path / "out.safetensors")
    assert isinstance(refused.exception, ModelError) and "sdedge models accept" in str(refused.exception)
    assert run("accept", "mine").exit_code == 0
    assert "OpenRAIL" not in run("add", tmp_path / "sd-v1-4.safetensors", "--name", "second", "--link").output
    assert run("export", "mine", tmp_path / "out.safetensors", "--dtype", "float16").exit_code == 0
    halved = load_file(tmp_path / "out.safetensors")["model.diffusion_model.out.2.weight"]
    assert (halved == tiny.unet["conv_out.weight"].half()).all()
    exported = run("export", "mine", tmp_path / "folder")
    assert "run `sdedge tokenizer install`" in exported.output and (tmp_path / "folder" / "unet" / "config.json").is_file()
    records = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert [record["name"] for record in records] == ["mine", "second"]
    assert records[0]["short_hash"] in run("list").output
    assert run("default", "mine").output == run("default").output == "mine\n"
    assert "* mine" in run("list").output
    shown = run("info", "mine").output
    assert "parameters" in shown and "epsilon" in shown and "ldm safetensors" in shown
    assert "as it was added" in run("verify", "mine", "--weights").output
    assert run("remove", "mine").output == "Removed mine\n"
    assert "its files stay" in run("remove", "second").output
    assert run("list").output == "* pocket  (embedded)\n"


def test_faults_are_found(tiny: Tiny, tmp_path: Path) -> None:  # noqa: F811
    state = tiny.ldm()
    state["model.diffusion_model.out.2.bias"][0] = float("nan")
    save_file(state, tmp_path / "m.safetensors")
    state["model.diffusion_model.out.2.bias"][0] = 0
    run("add", tmp_path / "m.safetensors", "--link", "--license", "mine")
    assert run("verify").exit_code == 0
    broken = run("verify", "m", "--weights")
    assert "conv_out.bias has NaN" in broken.output and isinstance(broken.exception, ModelError)
    (tmp_path / "m.safetensors").write_bytes(b"x")
    assert "has 1 bytes" in run("verify", "m").output
    (tmp_path / "m.safetensors").unlink()
    assert "MISSING" in run("list").output


def test_tokenizer_install_says_what_is_wrong(tmp_path: Path) -> None:
    failed = CliRunner().invoke(tokenizer, ["install", str(tmp_path / "nothing")])
    assert isinstance(failed.exception, ModelError) and "no vocabulary at" in str(failed.exception)
