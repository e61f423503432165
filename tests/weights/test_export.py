"""Exports open to the same bits in every layout, and diffusers and transformers read them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sdedge.engines.facts import read_facts
from sdedge.errors import ModelError, OutputError
from sdedge.text.tokenizer import Tokenizer, from_vocabulary
from sdedge.text.vocabulary import resolve
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_folder, export_single
from tests.weights.conftest import UNET, Tiny, same, write_folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_round_trips_are_bit_equal(tiny: Tiny, tmp_path: Path, dtype: torch.dtype) -> None:
    model = tiny.to(dtype)
    folder = write_folder(tmp_path / "a", model)
    single = export_single(open_checkpoint(folder), tmp_path / "b.safetensors")
    again = export_folder(open_checkpoint(single), tmp_path / "c")
    for path in (single, again):
        opened = open_checkpoint(path)
        for name, state in model.parts.items():
            same(opened.components[name], state)
        assert opened.configs["unet"] == open_checkpoint(folder).configs["unet"] == UNET


def test_single_file_is_what_other_programs_expect(tiny: Tiny, tmp_path: Path) -> None:
    """The reference reader takes it; names, shapes and bits are those of an LDM checkpoint."""
    path = export_single(open_checkpoint(write_folder(tmp_path / "a", tiny)), tmp_path / "b.safetensors")
    read, expected = load_file(path), tiny.ldm()
    for name in ("betas", "model_ema.decay", "model_ema.num_updates"):
        del expected[name]
    ids = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    assert torch.equal(read.pop(ids), expected.pop(ids)[0])
    assert set(read) == set(expected)
    assert all(torch.equal(read[name], tensor) for name, tensor in expected.items())
    with safe_open(path, "pt") as file:
        assert file.metadata()["format"] == "pt"
    assert all(lazy.aligned for lazy in open_checkpoint(path).unet.values() if lazy.nbytes % 64 == 0)


def test_mixed_and_converted_precision(tiny: Tiny, tmp_path: Path) -> None:
    state = tiny.ldm()
    state["model.diffusion_model.out.0.bias"] = state["model.diffusion_model.out.0.bias"].half()
    state["model.diffusion_model.time_embed.0.bias"] = state["model.diffusion_model.time_embed.0.bias"][:31].clone()
    state["model.diffusion_model.time_embed.0.bias"] = state["model.diffusion_model.time_embed.0.bias"].to(
        torch.bfloat16
    )
    save_file(state, tmp_path / "a.safetensors")
    opened = open_checkpoint(tmp_path / "a.safetensors")
    unchanged = load_file(export_single(opened, tmp_path / "kept.safetensors"))
    assert all(unchanged[name].dtype == state[name].dtype for name in unchanged if not name.endswith("position_ids"))
    halved = load_file(export_single(opened, tmp_path / "half.safetensors", "float16"))
    assert all(torch.equal(halved[name], state[name].half()) for name in halved if not name.endswith("position_ids"))


def test_vocabulary_travels(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    folder = write_folder(tmp_path / "a", tiny)
    tokenizer = from_vocabulary(["house", "boat"])
    tokenizer.save(folder / "tokenizer")
    opened = open_checkpoint(folder)
    single = export_single(opened, tmp_path / "s" / "b.safetensors", tokenizer=resolve(opened))
    moved = open_checkpoint(single)
    assert moved.tokenizer_files is None
    again = export_folder(moved, tmp_path / "c", tokenizer=resolve(moved))
    assert Tokenizer.from_folder(open_checkpoint(again).tokenizer_files or "").ids("boat") == tokenizer.ids("boat")


def test_the_guidance_that_suits_a_model_travels(tiny: Tiny, tmp_path: Path) -> None:
    hints = {"guidance": 4.0, "preview": [[0.1, 0.2, 0.3]] * 5}
    folder = write_folder(tmp_path / "a", tiny)
    (folder / "sdedge.json").write_text(json.dumps(hints))
    single = export_single(open_checkpoint(folder), tmp_path / "b.safetensors")
    again = export_folder(open_checkpoint(single), tmp_path / "c")
    for path in (single, again):
        facts = read_facts(open_checkpoint(path))
        assert facts.guidance == 4 and facts.preview == tuple(map(tuple, hints["preview"]))
    wrong = export_single(replace(open_checkpoint(single), hints={"guidance": "much"}), tmp_path / "d.safetensors")
    with pytest.raises(ModelError, match=r"d\.safetensors gives a guidance or preview that is not made of numbers"):
        read_facts(open_checkpoint(wrong))


def test_diffusers_reads_the_folder(tiny: Tiny, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    save_file(tiny.ldm(), tmp_path / "a.safetensors")
    folder = export_folder(open_checkpoint(tmp_path / "a.safetensors"), tmp_path / "b")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True)
    vae = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True)
    assert all(torch.equal(tensor, tiny.unet[name]) for name, tensor in unet.state_dict().items())
    assert all(torch.equal(tensor, tiny.vae[name]) for name, tensor in vae.state_dict().items())
    assert json.loads((folder / "model_index.json").read_text())["_class_name"] == "StableDiffusionPipeline"


def test_a_failed_export_leaves_nothing(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_checkpoint(write_folder(tmp_path / "a", tiny))
    with pytest.raises(OutputError, match="there already"):
        export_folder(opened, tmp_path / "a")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sdedge.weights.files.LazyTensor.copy", full)
    for export, target in ((export_single, "x.safetensors"), (export_folder, "x")):
        with pytest.raises(OutputError, match="No space"):
            export(opened, tmp_path / "out" / target)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_index_says_which_kind_of_vae_there_is(tiny: Tiny, tmp_path: Path) -> None:
    from diffusers import AutoencoderTiny

    write_folder(tmp_path / "a", tiny)
    widths = {"encoder_block_out_channels": (8, 8, 8, 8), "decoder_block_out_channels": (8, 8, 8, 8)}
    AutoencoderTiny(**widths).save_pretrained(tmp_path / "vae")
    for vae, kind in ((None, "AutoencoderKL"), (tmp_path / "vae", "AutoencoderTiny")):
        copy = export_folder(open_checkpoint(tmp_path / "a", vae=vae), tmp_path / kind)
        assert json.loads((copy / "model_index.json").read_text())["vae"] == ["diffusers", kind]
