"""Merges of checkpoints: the sums written out, from every container, in little memory, and unequal models refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sdedge.commands.models import models
from sdedge.errors import InvalidRequest, ModelError
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.checkpoint_merge import MergeRecipe, Part, merge_checkpoints
from sdedge.weights.export import export_single
from tests.live_bytes import LiveBytes
from tests.weights.conftest import Tiny, write_folder


def with_seed(tiny: Tiny, seed: int) -> Tiny:
    torch.manual_seed(seed)
    return Tiny(*({name: torch.randn_like(tensor) for name, tensor in part.items()} for part in tiny.parts.values()))


@pytest.fixture(scope="module")
def three(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Tiny, ...], tuple[Path, ...]]:
    """A folder, a .safetensors and a .ckpt, with their weights."""
    folder, tinies = tmp_path_factory.mktemp("models"), (tiny, with_seed(tiny, 1), with_seed(tiny, 2))
    save_file(tinies[1].ldm(), folder / "second.safetensors")
    torch.save({"state_dict": tinies[2].ldm()}, folder / "third.ckpt")
    paths = write_folder(folder / "first", tinies[0]), folder / "second.safetensors", folder / "third.ckpt"
    return tinies, paths


def merged(*arguments: object) -> Result:
    return CliRunner().invoke(models, ["merge", *map(str, arguments)])


def refusal(*arguments: object) -> str:
    result = merged(*arguments)
    assert isinstance(result.exception, ModelError | InvalidRequest), result.exception
    return str(result.exception)


def test_a_weighted_sum_of_a_folder_and_a_file_is_written_with_their_hashes(three, tmp_path):
    (first, second, _), (folder, file, _) = three
    target = tmp_path / "sum.safetensors"
    assert merged(folder, target, "--with", file, "--weight", "0.25").output == f"{target}\n"
    made = open_checkpoint(target)
    for name, tensor in first.unet.items():
        expected = 0.75 * tensor + 0.25 * second.unet[name]
        assert torch.allclose(made.unet[name].read(), expected, atol=1e-6), name
    assert torch.equal(made.vae["encoder.conv_in.weight"].read(), first.vae["encoder.conv_in.weight"])
    name = "text_model.final_layer_norm.weight"
    text = 0.75 * first.text_encoder[name] + 0.25 * second.text_encoder[name]
    assert torch.allclose(made.text_encoder[name].read(), text, atol=1e-6)
    with safe_open(target, "pt") as opened:
        header = opened.metadata()
    own, web = json.loads(header["sdedge.merge"]), json.loads(header["sd_merge_recipe"])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert own["method"] == "Weighted sum" and own["weight"] == 0.25
    assert own["models"][1] == {"name": "second", "sha256": digest} and len(own["models"][0]["sha256"]) == 64
    assert web["secondary_model_hash"] == digest and web["primary_model_name"] == "first"


@pytest.mark.slow
def test_a_difference_is_added_and_vae_and_text_encoder_are_whose_they_are_asked_to_be(three, tmp_path):
    (first, second, third), (folder, file, pickle) = three
    target = tmp_path / "sum.safetensors"
    options = "--with", file, "--minus", pickle, "--weight", "0.5", "--vae", "second", "--text-encoder", "first"
    assert merged(folder, target, *options).exit_code == 0
    made = open_checkpoint(target)
    for name, tensor in first.unet.items():
        expected = tensor + (second.unet[name] - third.unet[name]) * 0.5
        assert torch.allclose(made.unet[name].read(), expected, atol=1e-6), name
    assert all(torch.equal(made.vae[name].read(), tensor) for name, tensor in second.vae.items())
    assert all(torch.equal(made.text_encoder[name].read(), tensor) for name, tensor in first.text_encoder.items())
    with_vae = tmp_path / "with_vae.safetensors"
    assert merged(folder, with_vae, "--with", file, "--vae", pickle).exit_code == 0
    assert all(torch.equal(open_checkpoint(with_vae).vae[name].read(), tensor) for name, tensor in third.vae.items())
    recipe = MergeRecipe(0.5, vae=Part.MERGED)
    both = (
        merge_checkpoints([open_checkpoint(folder), open_checkpoint(file)], recipe).vae["decoder.conv_out.bias"].copy()
    )
    assert torch.allclose(both, (first.vae["decoder.conv_out.bias"] + second.vae["decoder.conv_out.bias"]) / 2)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_first_one_s_number_format_is_kept_and_others_may_have_another(three, tmp_path, dtype):
    (first, second, _), (_, file, _) = three
    save_file(first.to(dtype).ldm(), tmp_path / "half.safetensors")
    target = tmp_path / "sum.safetensors"
    assert merged(tmp_path / "half.safetensors", target, "--with", file).exit_code == 0
    name = "conv_in.weight"
    read = open_checkpoint(target).unet[name].read()
    expected = (first.unet[name].to(dtype).float() + second.unet[name]) / 2
    assert read.dtype == dtype and torch.equal(read, expected.to(dtype))
    full = tmp_path / "full.safetensors"
    assert merged(tmp_path / "half.safetensors", full, "--with", file, "--dtype", "float32").exit_code == 0
    assert load_file(full)["model.diffusion_model.out.2.weight"].dtype == torch.float32


@pytest.mark.slow
def test_memory_is_bounded_by_the_largest_tensor(three, tmp_path):
    checkpoints = [open_checkpoint(path) for path in three[1]]
    tensors = [tensor for part in checkpoints[0].components.values() for tensor in part.values()]
    largest, every = max(tensor.nbytes for tensor in tensors), sum(tensor.nbytes for tensor in tensors)
    made = merge_checkpoints(checkpoints, MergeRecipe(1.0, is_difference=True, vae=Part.MERGED))
    with LiveBytes() as live:
        export_single(made, tmp_path / "sum.safetensors")
    assert largest <= live.peak <= 2 * largest + (1 << 16) < every / 4


def test_an_inpainting_model_takes_the_difference_of_plain_ones_in_its_latents(three, tmp_path):
    (first, second, third), (_, file, pickle) = three
    wide = dict(first.unet)
    wide["conv_in.weight"] = torch.randn(8, 9, 3, 3)
    save_file(replace(first, unet=wide).ldm(), tmp_path / "inpainting.safetensors")
    target = tmp_path / "sum.safetensors"
    assert merged(tmp_path / "inpainting.safetensors", target, "--with", file, "--minus", pickle).exit_code == 0
    made, name = open_checkpoint(target), "conv_in.weight"
    assert made.in_channels == 9
    read = made.unet[name].read()
    assert torch.allclose(read[:, :4], wide[name][:, :4] + second.unet[name] - third.unet[name], atol=1e-6)
    assert torch.equal(read[:, 4:], wide[name][:, 4:])
    # Of a second one that reads more as well, what the third does not read is left.
    wider = replace(second, unet={**second.unet, "conv_in.weight": torch.randn(8, 9, 3, 3)})
    save_file(wider.ldm(), tmp_path / "another.safetensors")
    three_of = (
        tmp_path / "inpainting.safetensors",
        tmp_path / "three.safetensors",
        "--with",
        tmp_path / "another.safetensors",
    )
    assert merged(*three_of, "--minus", pickle).exit_code == 0
    read = open_checkpoint(tmp_path / "three.safetensors").unet[name].read()
    assert torch.allclose(read[:, :4], wide[name][:, :4] + wider.unet[name][:, :4] - third.unet[name], atol=1e-6)
    assert torch.equal(read[:, 4:], wide[name][:, 4:])
    turned = refusal(file, tmp_path / "new.safetensors", "--with", tmp_path / "inpainting.safetensors")
    assert "reads more has to come first" in turned


def test_what_cannot_be_merged_is_refused_in_a_sentence_and_nothing_is_written(three, tiny, tmp_path):
    (first, *_), (folder, file, _) = three
    unet = {name: tensor for name, tensor in first.unet.items() if not name.startswith("up_blocks.3.resnets.2")}
    unet["up_blocks.3.resnets.1.norm1.weight"] = torch.ones(24)
    narrow = dict(first.unet)
    narrow["time_embedding.linear_1.bias"] = torch.ones(16)
    save_file(replace(first, unet=narrow).ldm(), tmp_path / "narrow.safetensors")
    target = tmp_path / "sum.safetensors"
    v = write_folder(tmp_path / "v", first)
    (v / "scheduler").mkdir()
    (v / "scheduler" / "scheduler_config.json").write_text(json.dumps({"prediction_type": "v_prediction"}))
    assert "v_prediction" in refusal(folder, target, "--with", v)
    assert "cannot be merged" in refusal(folder, target, "--with", tmp_path / "narrow.safetensors")
    assert "one of --with and --lora" in refusal(folder, target)
    assert "one of --with and --lora" in refusal(folder, target, "--with", file, "--lora", "a.safetensors")
    assert "without --weight" in refusal(folder, target, "--lora", "a.safetensors", "--weight", "0.5")
    assert "one .safetensors file" in refusal(folder, tmp_path / "out", "--with", file)
    assert "is there already" in refusal(folder, file, "--with", file)
    assert "is there already" in refusal(folder, file, "--lora", "a.safetensors")
    written = CliRunner().invoke(models, ["export", str(folder), str(file)])
    assert written.exit_code and "is there already" in str(written.exception)
    assert "takes 0 to 1" in refusal(folder, target, "--with", file, "--weight", "1.5")
    assert not target.exists() and not (tmp_path / "out").exists() and open_checkpoint(file)
