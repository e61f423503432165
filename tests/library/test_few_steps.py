"""Few-step files are recognised by what says so, and their settings are used where nobody chose others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from sdedge import catalog
from sdedge.cli import cli
from sdedge.images import metadata
from sdedge.library import few_steps
from sdedge.library.adapters import lora_folder
from sdedge.library.few_steps import few_steps_of, named_settings, suited
from sdedge.request import Request
from tests.models.test_small_unets import unet_config


def _lora(name: str, metadata: dict[str, str] | None = None) -> Path:
    lora_folder().mkdir(parents=True, exist_ok=True)
    path = lora_folder() / name
    path.parent.mkdir(exist_ok=True)
    module = "lora_unet_down_blocks_0_attentions_0_proj_in"
    tensors = {
        f"{module}.lora_down.weight": torch.zeros(1, 8, 1, 1),
        f"{module}.lora_up.weight": torch.zeros(8, 1, 1, 1),
    }
    save_file(tensors, path, metadata)
    return path


@pytest.mark.parametrize(
    ("name", "sampler", "schedule", "steps", "guidance", "eta"),
    [
        ("lcm-lora-sdv1-5", "lcm", None, 4, 1, None),
        ("LCM_LoRA_SD15", "lcm", None, 4, 1, None),
        ("Hyper-SD15-1step-lora", "tcd", None, 4, 1, 1.0),
        ("Hyper-SD15-2steps-lora", "ddim", "trailing", 2, 1, None),
        ("hyper_sd15_4steps", "ddim", "trailing", 4, 1, None),
        ("Hyper-SD15-8steps-lora", "ddim", "trailing", 8, 1, None),
        ("Hyper-SD15-8steps-CFG-lora", "ddim", "trailing", 8, 7, None),
        ("Hyper-SD15-12steps-CFG-lora", "ddim", "trailing", 12, 7, None),
        ("TCD-SD15-LoRA", "tcd", None, 4, 1, None),
    ],
)
def test_the_published_loras_are_known_by_name(name, sampler, schedule, steps, guidance, eta):
    settings = named_settings(name)
    assert settings is not None
    assert (settings.sampler, settings.schedule, settings.steps, settings.guidance, settings.eta) == (
        sampler, schedule, steps, guidance, eta
    )  # fmt: skip
    assert settings.low <= settings.steps <= settings.high and settings.sampler in catalog.SAMPLERS


@pytest.mark.parametrize(
    "name", ["Hyper-SDXL-4steps-lora", "detail_tweaker", "welcme", "hyperdetail 8steps", "tcdx", ""]
)
def test_other_loras_are_not_taken_for_them(name):
    assert named_settings(name) is None


def test_a_lora_is_known_by_its_title_its_folder_and_its_hash(monkeypatch, tiny_model):
    named = _lora("mine.safetensors", {"modelspec.title": "Hyper-SD15 8-steps CFG"})
    assert few_steps_of(Request("a <lora:mine:1>"))[1].steps == 8
    _lora("lcm-lora-sdv1-5/pytorch_lora_weights.safetensors")
    name, settings = few_steps_of(Request("a <lora:lcm-lora-sdv1-5/pytorch_lora_weights:1>"))
    assert (name, settings) == ("lcm-lora-sdv1-5", few_steps.LCM_LORA)
    plain = _lora("renamed.safetensors")
    assert few_steps_of(Request("a <lora:renamed:1>", model=str(tiny_model))) is None
    import hashlib

    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    monkeypatch.setattr(few_steps, "_SIZES", {plain.stat().st_size})
    monkeypatch.setattr(few_steps, "_HASHES", {digest: few_steps.LCM_LORA})
    plain.touch()
    assert few_steps_of(Request("a <lora:renamed:1>"))[1] == few_steps.LCM_LORA
    assert few_steps_of(Request("a <lora:renamed:0>", model=str(tiny_model))) is None, "one that does nothing"
    assert named.is_file()


@pytest.fixture(scope="module")
def models(tiny_model, tmp_path_factory) -> dict[str, Path]:
    """Folders that say by their configuration what they are; only that is read."""
    made = {}
    for name, unet, scheduler in (
        ("a", {"time_cond_proj_dim": 256}, {}), ("b", {}, {"_class_name": "LCMScheduler"}),
        ("c", {}, {"_class_name": "TCDScheduler"}), ("d", unet_config("sdxs"), {}), ("sdxs-mine", {}, {}), ("lcm_x", {}, {}),
    ):  # fmt: skip
        folder = tmp_path_factory.mktemp("models") / name
        shutil.copytree(tiny_model, folder)
        for part, changes in (("unet/config.json", unet), ("scheduler/scheduler_config.json", scheduler)):
            text = json.loads((folder / part).read_text())
            (folder / part).write_text(json.dumps({**text, **changes}))
        made[name] = folder
    return made


def test_whole_models_are_known_by_configuration_or_name(models, tiny_model):
    known = {name: few_steps_of(Request("a", model=str(folder))) for name, folder in models.items()}
    assert {name: match and match[1].sampler for name, match in known.items()} == {
        "a": "lcm", "b": "lcm", "c": "tcd", "d": "ddim", "sdxs-mine": "ddim", "lcm_x": "lcm"
    }  # fmt: skip
    assert known["a"][1].guidance == 8 and known["d"][1].steps == 1
    assert (
        few_steps_of(Request("a", model=str(tiny_model))) is None
        and few_steps_of(Request("a", model="nowhere")) is None
    )


def test_a_single_file_is_known_by_its_tensors(tmp_path):
    names = ("time_embed.cond_proj.weight", "input_blocks.1.1.norm.weight")
    save_file({f"model.diffusion_model.{name}": torch.zeros(1) for name in names}, tmp_path / "x.safetensors")
    assert few_steps_of(Request("a", model=str(tmp_path / "x.safetensors")))[1] == few_steps.LCM_READING_GUIDANCE


def test_what_was_chosen_stays(models):
    _lora("lcm-lora.safetensors")
    request = Request("a <lora:lcm-lora:1>")
    result, sentence = suited(request, set())
    assert (result.steps, result.sampler, result.guidance) == (4, "lcm", 1)
    assert sentence == "lcm-lora is an LCM-LoRA: steps 4, sampler lcm, guidance 1 are used."
    chosen = Request("a <lora:lcm-lora:1>", steps=30, sampler="euler", guidance=7)
    result, sentence = suited(chosen, {"steps", "sampler", "guidance"})
    assert result == chosen and sentence == "lcm-lora draws in 2 to 8 steps and 30 were chosen."
    assert suited(Request("a <lora:lcm-lora:1>", steps=6), {"steps"})[0].steps == 6
    assert suited(Request("a <lora:lcm-lora:1>", sigmas=(5, 1)), {"sigmas"})[0].steps == 20
    result = suited(Request("a <lora:lcm-lora:1>", preset="a1111"), {"preset"})[0]
    assert result.sampler == request.sampler and result.steps == 4, "a preset without the sampler keeps its own"
    for folder in models.values():  # each of them makes a request that is valid
        suited(Request("a", model=str(folder)), set())


def test_the_command_says_and_records_what_it_uses(tiny_model, tmp_path):
    _lora("lcm-lora.safetensors")
    arguments = [
        "generate",
        "a <lora:lcm-lora:1>",
        "--model",
        str(tiny_model),
        "--size",
        "64",
        "-o",
        str(tmp_path / "o.png"),
    ]
    result = CliRunner().invoke(cli, [*arguments, "--guidance", "2"])
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.output.count("lcm-lora is an LCM-LoRA: steps 4, sampler lcm are used.") == 1
    fields = metadata.read(tmp_path / "o.png").fields
    assert (fields["steps"], fields["sampler"], fields["guidance"]) == (4, "lcm", 2)
    (tmp_path / "rows.csv").write_text("prompt,steps\na <lora:lcm-lora:1>,7\na <lora:lcm-lora:1>,\n")
    result = CliRunner().invoke(
        cli,
        [
            "generate",
            "--from-file",
            str(tmp_path / "rows.csv"),
            "--model",
            str(tiny_model),
            "--size",
            "64",
            "--dry-run",
        ],
    )
    assert result.exit_code == 0, (result.output, result.exception)
    drawn = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [(row["steps"], row["sampler"]) for row in drawn] == [(7, "lcm"), (4, "lcm")]


def test_a_sampler_that_the_numerics_do_not_have_is_told():
    _lora("lcm-lora.safetensors")
    request, sentence = suited(Request("a <lora:lcm-lora:1>", preset="apple"), set())
    assert request.sampler == Request().sampler and "made for the sampler lcm" in sentence and "do not have" in sentence
    assert "made for" not in suited(Request("a <lora:lcm-lora:1>", preset="apple"), {"sampler"})[1]
    assert "made for" not in suited(Request("a <lora:lcm-lora:1>"), set())[1]
