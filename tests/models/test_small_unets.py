"""The smaller networks of v1's family (BK-SDM, tiny-sd, SDXS) are diffusers', from folders and from single files."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file

from sdedge.engines.open import load_engine
from sdedge.errors import ModelError
from sdedge.generation.pipeline import Pipeline
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.request import Request
from sdedge.weights import keys
from sdedge.weights.checkpoint import load_into, open_checkpoint

CROSS = "CrossAttn"
# Levels that attend, whether there is a middle block, blocks of a level: as the published configurations have them.
TOPOLOGIES = {
    "bk-sdm-base": ((True, True, True, False), True),
    "bk-sdm-small": ((True, True, True, False), False),
    "bk-sdm-tiny": ((True, True, True), False),  # and segmind's tiny-sd
    "sdxs": ((False, True, True), False),
}
SIDE = 64


def unet_config(name: str, width: int = 48) -> dict:
    attention, has_middle = TOPOLOGIES[name]
    blocks = [f"{CROSS if attends else ''}DownBlock2D" for attends in attention]
    return {
        "block_out_channels": [8, 16, 16, 16][: len(attention)], "layers_per_block": 1, "cross_attention_dim": width,
        "attention_head_dim": 4, "norm_num_groups": 4, "sample_size": 8, "down_block_types": blocks,
        "up_block_types": [block.replace("Down", "Up") for block in reversed(blocks)],
        "mid_block_type": "UNetMidBlock2DCrossAttn" if has_middle else None,
    }  # fmt: skip


def referee(name: str, width: int = 48) -> UNet2DConditionModel:
    torch.manual_seed(3)
    return UNet2DConditionModel(**unet_config(name, width)).eval()


def by_script(name: str) -> str:
    """The name that diffusers' `convert_diffusers_to_original_stable_diffusion` gives a weight of the UNet."""
    parts = {"conv_shortcut": "skip_connection", "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0",
             "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1"}  # fmt: skip
    table = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_in": "input_blocks.0.0",
             "conv_norm_out": "out.0", "conv_out": "out.2", "mid_block.attentions.0.": "middle_block.1.",
             "mid_block.resnets.0.": "middle_block.0.", "mid_block.resnets.1.": "middle_block.2."}  # fmt: skip
    for i in range(4):
        for j in range(2):
            table[f"down_blocks.{i}.resnets.{j}."] = f"input_blocks.{3 * i + j + 1}.0."
            table[f"down_blocks.{i}.attentions.{j}."] = f"input_blocks.{3 * i + j + 1}.1."
        for j in range(3):
            table[f"up_blocks.{i}.resnets.{j}."] = f"output_blocks.{3 * i + j}.0."
            table[f"up_blocks.{i}.attentions.{j}."] = f"output_blocks.{3 * i + j}.1."
        table[f"down_blocks.{i}.downsamplers.0.conv."] = f"input_blocks.{3 * (i + 1)}.0.op."
        table[f"up_blocks.{i}.upsamplers.0."] = f"output_blocks.{3 * i + 2}.{1 if i == 0 else 2}."
    renamed = next(theirs + name[len(ours) :] for ours, theirs in table.items() if name.startswith(ours))
    if "resnets" in name:
        for ours, theirs in parts.items():
            renamed = renamed.replace(ours, theirs)
    return renamed


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_small_unet_is_that_of_diffusers(name):
    theirs, config = referee(name), UNetConfig.from_json(unet_config(name))
    ours = UNet(config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    generator = torch.Generator().manual_seed(1)
    x, context = torch.randn(2, 4, 8, 12, generator=generator), torch.randn(2, 77, 48, generator=generator)
    with torch.no_grad():
        expected = theirs(x, torch.tensor(500), context).sample
        assert (ours(x, torch.tensor([500.0]), context) - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.fixture(scope="module")
def folders(tiny_model, tmp_path_factory) -> dict[str, Path]:
    """The tiny model with each of the small UNets; SDXS's with a tiny autoencoder in `vae` and the large one beside it."""
    made = {}
    for name in TOPOLOGIES:
        folder = tmp_path_factory.mktemp("small") / name
        shutil.copytree(tiny_model, folder)
        shutil.rmtree(folder / "unet")
        width = json.loads((folder / "text_encoder" / "config.json").read_text())["hidden_size"]
        referee(name, width).save_pretrained(folder / "unet")
        made[name] = folder
    shutil.move(made["sdxs"] / "vae", made["sdxs"] / "vae_large")
    torch.manual_seed(4)
    depth = 4
    AutoencoderTiny(
        encoder_block_out_channels=(8,) * depth, decoder_block_out_channels=(8,) * depth,
        num_encoder_blocks=(1,) * depth, num_decoder_blocks=(1,) * depth, latent_channels=4,
    ).save_pretrained(made["sdxs"] / "vae")  # fmt: skip
    return made


@pytest.mark.parametrize("numbering", [pytest.param("ours", marks=pytest.mark.slow), "of diffusers' script"])
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_single_file_says_its_blocks(folders, name, numbering, tmp_path):
    checkpoint = open_checkpoint(folders[name], vae=folders["sdxs"] / "vae_large" if name == "sdxs" else None)
    table = keys.invert(keys.unet_table(keys.unet_layout(checkpoint.unet)))
    to_ldm = by_script if numbering != "ours" else lambda n: keys.rename(n, table)
    tensors = {f"model.diffusion_model.{to_ldm(n)}": t.copy() for n, t in checkpoint.unet.items()}
    tensors |= {f"vae.{n}": t.copy() for n, t in checkpoint.vae.items()}
    tensors |= {f"cond_stage_model.transformer.{n}": t.copy() for n, t in checkpoint.text_encoder.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    single = open_checkpoint(tmp_path / "model.safetensors")
    config = UNetConfig.from_json(single.configs["unet"])
    attention, has_middle = TOPOLOGIES[name]
    assert (config.attends, config.has_middle, config.layers_per_block) == (attention, has_middle, 1)
    network = UNet(config)
    assert not load_into(network, single.unet)
    for key, tensor in checkpoint.unet.items():
        assert torch.equal(single.unet[key].copy(), tensor.copy()), key


@cache
def _pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


def _drawn(request: Request) -> np.ndarray:
    return next(event for event in _pipeline().images(request) if hasattr(event, "pixels")).pixels


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    error = np.square(ours.astype(float) - theirs.astype(float)).mean()
    return 10 * np.log10(255**2 / max(error, 1e-9))


@pytest.mark.slow
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_picture_of_ten_steps_is_that_of_diffusers(folders, name):
    kind = {"vae": AutoencoderTiny.from_pretrained(folders[name] / "vae")} if name == "sdxs" else {}
    theirs = StableDiffusionPipeline.from_pretrained(
        folders[name], torch_dtype=torch.float32, safety_checker=None, **kind
    )
    theirs.set_progress_bar_config(disable=True)
    config = {**theirs.scheduler.config, "clip_sample": False, "timestep_spacing": "leading"}
    theirs.scheduler = DDIMScheduler.from_config(config)
    factor = 2 ** (len(theirs.vae.config.get("decoder_block_out_channels", theirs.vae.config.block_out_channels)) - 1)
    picture = theirs(
        "a red house", negative_prompt="trees", num_inference_steps=10, guidance_scale=3.0, height=8 * factor,
        width=8 * factor, generator=torch.Generator().manual_seed(7),
    ).images[0]  # fmt: skip
    request = Request(
        "a red house", negative="trees", model=str(folders[name]), steps=10, guidance=3.0, seed=7, sampler="ddim",
        schedule="leading", preset="diffusers", width=8 * factor, height=8 * factor,
    )  # fmt: skip
    assert _difference(_drawn(request), np.asarray(picture)) >= 50
    if name == "sdxs":
        large = _drawn(request.replace(vae=str(folders[name] / "vae_large"), width=None, height=None))
        assert large.size and large.std() > 0


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"down_block_types": ["AttnDownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"]}, "down_block_types"),
        ({"down_block_types": 3}, "down_block_types"),
        ({"down_block_types": ["DownBlock2D"]}, "down_block_types"),
        ({"up_block_types": ["UpBlock2D"] * 4}, "up_block_types"),
        ({"mid_block_type": "UNetMidBlock2D"}, "mid_block_type"),
    ],
)  # fmt: skip
def test_other_blocks_are_refused_by_name(changes, what):
    with pytest.raises(ModelError, match=what):
        UNetConfig.from_json({**unet_config("bk-sdm-base"), **changes})
