"""Scaled fp8: what is read is the weight times its factor, whichever network it belongs to."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.library.imports import examine
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.weights.checkpoint import load_into, open_checkpoint
from sdedge.weights.control import open_control
from tests.control_models import ldm_names, random_controlnet
from tests.weights.conftest import UNET, Tiny, write_folder


def _scaled(state: dict[str, torch.Tensor], by_channel: bool = False) -> dict[str, torch.Tensor]:
    """Weights of layers as ComfyUI's converter leaves them; biases and norms stay as they are."""
    written: dict[str, torch.Tensor] = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn)}
    for name, tensor in state.items():
        if not name.endswith(".weight") or tensor.ndim < 2 or "embedding" in name:
            written[name] = tensor.contiguous()
            continue
        axes = tuple(range(1, tensor.ndim)) if by_channel else tuple(range(tensor.ndim))
        scale = (tensor.abs().amax(axes) / 448).float().clamp_min(1e-12)
        wide = scale.reshape(-1, *(1,) * (tensor.ndim - 1)) if by_channel else scale
        written[name] = (tensor / wide).to(torch.float8_e4m3fn).contiguous()
        written[name.removesuffix("weight") + "scale_weight"] = scale
        written[name.removesuffix("weight") + "scale_input"] = torch.ones(())
    return written


@pytest.mark.parametrize("by_channel", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_scaled_file_is_read_as_the_products(tmp_path, tiny: Tiny, by_channel):
    written = _scaled(tiny.ldm(), by_channel)
    save_file(written, tmp_path / "scaled.safetensors")
    checkpoint = open_checkpoint(tmp_path / "scaled.safetensors")
    assert "The weights are scaled fp8" in checkpoint.report and not any(
        "not used" in line for line in checkpoint.report
    )
    for part, state in tiny.parts.items():
        for name, tensor in state.items():
            read = checkpoint.components[part][name].copy()
            assert read.shape == tensor.shape
            assert (read - tensor).abs().max() <= tensor.abs().max() / 16, name
    name = "model.diffusion_model.input_blocks.1.0.in_layers.2"
    scale = written[f"{name}.scale_weight"]
    product = written[f"{name}.weight"].float() * (scale.reshape(-1, 1, 1, 1) if by_channel else scale)
    assert torch.equal(checkpoint.unet["down_blocks.0.resnets.0.conv1.weight"].copy(), product)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        network = UNet(UNetConfig.from_json(checkpoint.configs["unet"]))
        assert not load_into(network, checkpoint.unet, dtype)
        assert torch.equal(network.down_blocks[0].resnets[0].conv1.weight, product.to(dtype))


def test_a_folder_with_a_scaled_file_is_added_with_that_file(tmp_path, tiny: Tiny):
    folder = write_folder(tmp_path / "model", tiny)
    save_file(_scaled(tiny.unet), folder / "unet" / "diffusion_pytorch_model.safetensors")
    assert "unet/diffusion_pytorch_model.safetensors" in examine(folder).files


@pytest.mark.slow
def test_a_scaled_controlnet_is_read_too(tmp_path):
    state = ldm_names(random_controlnet(UNET).state_dict())
    save_file(_scaled(state), tmp_path / "canny.safetensors")
    tensors = open_control(tmp_path / "canny.safetensors").tensors
    weight = state["input_hint_block.0.weight"]
    assert (tensors["controlnet_cond_embedding.conv_in.weight"].copy() - weight).abs().max() < weight.abs().max() / 16


@pytest.mark.parametrize("factor", [True, False])
@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8])
def test_weights_that_are_integers_are_refused_with_a_factor_and_without(tmp_path, tiny: Tiny, dtype, factor):
    state, layer = tiny.ldm(), "model.diffusion_model.input_blocks.1.0.in_layers.2"
    state[f"{layer}.weight"] = (state[f"{layer}.weight"] * 100).to(dtype)
    save_file(
        {**state, **({f"{layer}.weight_scale": torch.tensor(0.01)} if factor else {})}, tmp_path / "i.safetensors"
    )
    with pytest.raises(ModelError, match=r"in_layers.2.weight' is stored as u?int8.*; get the"):
        open_checkpoint(tmp_path / "i.safetensors")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_factor_counts_whatever_float_its_weight_is(tmp_path, tiny: Tiny, dtype):
    state, layer = tiny.ldm(), "model.diffusion_model.input_blocks.1.0.in_layers.2"
    state[f"{layer}.weight"] = state[f"{layer}.weight"].to(dtype)
    save_file({**state, f"{layer}.scale_weight": torch.tensor(0.5)}, tmp_path / "half.safetensors")
    read = open_checkpoint(tmp_path / "half.safetensors").unet["down_blocks.0.resnets.0.conv1.weight"].copy()
    assert torch.equal(read, state[f"{layer}.weight"].float() * 0.5)


def test_factors_that_fit_no_weight_and_other_quantisations_are_refused(tmp_path, tiny: Tiny):
    state = _scaled(tiny.ldm())
    state["model.diffusion_model.input_blocks.1.0.in_layers.2.scale_weight"] = torch.ones(3)
    save_file(state, tmp_path / "wrong.safetensors")
    with pytest.raises(ModelError, match=r"scale_weight' has the shape \[3\]"):
        open_checkpoint(tmp_path / "wrong.safetensors")
    quantised = {**tiny.ldm(), "model.diffusion_model.input_blocks.1.0.in_layers.2.weight.absmax": torch.ones(3)}
    save_file({name: tensor.contiguous() for name, tensor in quantised.items()}, tmp_path / "nf4.safetensors")
    with pytest.raises(ModelError, match="NF4"):
        open_checkpoint(tmp_path / "nf4.safetensors")
