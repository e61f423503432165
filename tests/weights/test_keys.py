"""The key tables against diffusers' own conversion, and their inverse."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

from sdedge.weights import keys

V1 = keys.Layout(2, (True, True, True, False))
VAE = keys.Layout(2, (False,) * 4)


def test_unet_names_are_those_diffusers_converts_to() -> None:
    with torch.device("meta"):
        state = UNet2DConditionModel(cross_attention_dim=768).state_dict()
    assert keys.unet_layout(state) == V1
    table = keys.unet_table(V1)
    ldm = {keys.rename(name, keys.invert(table)): name for name in state}
    assert len(ldm) == 686 and None not in ldm
    assert keys.ldm_unet_layout([str(name) for name in ldm]) == V1
    assert {keys.rename(str(name), table) for name in ldm} == set(state)
    theirs = convert_ldm_unet_checkpoint(
        {f"model.diffusion_model.{n}": ours for n, ours in ldm.items()}, {"layers_per_block": 2}
    )
    assert dict(theirs) == {name: name for name in state}


def test_vae_names_are_those_diffusers_converts_to() -> None:
    widths = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4}
    config = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
    with torch.device("meta"):
        state = AutoencoderKL(**config, **widths).state_dict()
    assert keys.vae_layout(state) == VAE
    table = keys.vae_table(VAE)
    ldm = {str(keys.rename(name, keys.invert(table))): name for name in state}
    assert len(ldm) == 248 and "None" not in ldm
    assert keys.ldm_vae_layout(ldm) == VAE
    tensors = {f"first_stage_model.{n}": state[ours] for n, ours in ldm.items()}
    theirs = convert_ldm_vae_checkpoint(tensors, config)
    assert set(theirs) == set(state)
    assert all(theirs[ours] is state[ours] or theirs[ours].shape == state[ours].shape for ours in ldm.values())


def test_averages_keep_distinct_names() -> None:
    with torch.device("meta"):
        state = UNet2DConditionModel(cross_attention_dim=768).state_dict()
    inverse = keys.invert(keys.unet_table(V1))
    names = [keys.ema_name(str(keys.rename(name, inverse))) for name in state]
    assert len(set(names)) == 686
    assert "model_ema.diffusion_modelinput_blocks00weight" in names


def test_other_depths() -> None:
    for layout in (keys.Layout(1, (True, False)), keys.Layout(3, (True,)), keys.Layout(2, (False, True, True, True))):
        table = keys.unet_table(layout)
        assert len(set(table.values())) == len(table)
        names = [f"{module}.weight" for module in table]
        assert keys.ldm_unet_layout(names) == layout
        assert keys.unet_layout([f"{module}.weight" for module in table.values()]) == layout
