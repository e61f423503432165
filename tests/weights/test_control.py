"""Every container and naming of a control model is read as the same tensors; what is none for v1 is refused by its name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.controlnet import ControlNet, HintEmbedding
from sdedge.models.t2i_adapter import T2IAdapter
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.control import ControlKind, holds_control, open_control
from sdedge.weights.control_purpose import purpose_of
from sdedge.weights.loading import load_into
from tests.control_models import (
    author_names,
    ldm_names,
    random_adapter,
    random_controlnet,
    write_pth,
    write_safetensors,
)
from tests.weights.conftest import UNET, Tiny, same

BASE = UNetConfig.from_json(UNET)
NETWORKS = {"encoder": ControlNet, "hint": HintEmbedding}


@pytest.fixture(scope="module")
def controlnet():
    return random_controlnet(UNET)


def _containers(folder: Path, network, tiny: Tiny) -> dict[str, Path]:
    """The same ControlNet in each of the containers that are published."""
    state, ldm = network.state_dict(), ldm_names(network.state_dict())
    network.save_pretrained(folder / "diffusers")
    network.save_pretrained(folder / "pickled", safe_serialization=False)
    return {
        "v1.0 with a whole model": write_pth(folder / "control_sd15_canny.pth", ldm, beside=tiny.ldm()),
        "v1.1": write_pth(folder / "control_v11p_sd15_canny.pth", ldm),
        "without prefix": write_safetensors(folder / "canny.safetensors", ldm),
        "with prefix": write_safetensors(folder / "canny-prefix.safetensors", ldm, "control_model."),
        "one file, diffusers names": write_safetensors(folder / "canny-diffusers.safetensors", state),
        "diffusers folder": folder / "diffusers",
        "pickled folder": folder / "pickled",
    }


def test_every_container_of_a_controlnet_holds_the_same_tensors(tmp_path, controlnet, tiny):
    for what, path in _containers(tmp_path, controlnet, tiny).items():
        model = open_control(path)
        assert model.kind is ControlKind.CONTROLNET and model.purpose == "", what
        same(model.tensors, controlnet.state_dict())
        config = model.controlnet_config(BASE)
        assert config.encoder.block_out_channels == BASE.block_out_channels and config.hint_widths == (4, 6, 8, 10), (
            what
        )
        assert config.encoder.heads == BASE.heads and not config.is_pooled, what


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_fills_a_network(tmp_path, controlnet, dtype):
    state = {name: tensor.to(dtype) for name, tensor in ldm_names(controlnet.state_dict()).items()}
    model = open_control(write_safetensors(tmp_path / "half.safetensors", state))
    with torch.device("meta"):
        networks = {kind(model.controlnet_config(BASE)): name for name, kind in NETWORKS.items()}
    for network, name in networks.items():
        assert load_into(network, model.component(name), torch.float32) == []
    assert torch.equal(next(iter(networks)).conv_in.weight, controlnet.conv_in.weight.to(dtype).float())


@pytest.mark.parametrize("channels", [4, 8, 9])
def test_a_difference_is_added_to_the_model_s_own_encoder(tmp_path, controlnet, tiny, channels):
    state = {name: tensor.clone() for name, tensor in controlnet.state_dict().items()}
    for name in state:
        if name in tiny.unet:
            state[name] -= tiny.unet[name]
    path = write_safetensors(tmp_path / "diff.safetensors", {**ldm_names(state), "difference": torch.tensor([])})
    model = open_control(path)
    first = torch.cat([tiny.unet["conv_in.weight"], torch.randn(8, channels - 4, 3, 3)], dim=1)
    wide = replace(tiny, unet={**tiny.unet, "conv_in.weight": first})
    summed = model.with_base(open_checkpoint(_checkpoint(tmp_path, wide)).unet)
    assert model.is_difference and set(summed) == set(controlnet.state_dict())
    for name, tensor in controlnet.state_dict().items():
        assert torch.allclose(summed[name].copy(), tensor, atol=1e-5), name


def test_a_difference_from_a_model_of_another_shape_is_refused(tmp_path, controlnet):
    state = {**ldm_names(controlnet.state_dict()), "difference": torch.tensor([])}
    model = open_control(write_safetensors(tmp_path / "diff.safetensors", state))
    wrong = {"conv_in.bias": torch.zeros(5), "conv_in.weight": torch.zeros(5, 9, 3, 3)}
    for name, tensor in wrong.items():
        with pytest.raises(ModelError, match=f"{name} has the shape .* choose one"):
            model.with_base({name: tensor})


def _checkpoint(folder: Path, tiny: Tiny) -> Path:
    torch.save({"state_dict": tiny.ldm()}, folder / "model.ckpt")
    return folder / "model.ckpt"


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_container_of_an_adapter_holds_the_same_tensors(tmp_path, light, channels):
    network = random_adapter(UNET, light, channels=channels)
    named = author_names(network.state_dict())
    network.save_pretrained(tmp_path / "folder")
    paths = [
        write_pth(tmp_path / "t2iadapter_depth_sd15v2.pth", named, ""),
        write_safetensors(tmp_path / "depth.safetensors", network.state_dict()),
        tmp_path / "folder",
    ]
    for path in paths:
        model = open_control(path)
        assert model.kind is ControlKind.T2I_ADAPTER
        same(model.tensors, network.state_dict())
        ours = T2IAdapter(model.adapter_config(BASE))
        ours.load_state_dict(network.state_dict(), strict=True)


@pytest.mark.parametrize(
    ("name", "purpose"),
    [("control_v11p_sd15_inpaint", "inpaint"), ("control_v11f1e_sd15_tile", "tile"), ("Shuffle-fp16", "shuffle")],
)
def test_kinds_with_hints_of_their_own_are_known_by_name(tmp_path, controlnet, name, purpose):
    model = open_control(write_safetensors(tmp_path / f"{name}.safetensors", ldm_names(controlnet.state_dict())))
    assert model.purpose == purpose
    assert model.controlnet_config(BASE).is_pooled == (purpose == "shuffle")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ({"lllite_unet_input_blocks_4_1.conditioning1.0.weight": (8, 3, 4, 4)}, "LLLite"),
        ({"control_model.input_hint_block.0.weight": (16, 3, 3, 3), "control_model.label_emb.0.0.weight": (8, 8)}, "XL"),
        ({"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3), "task_embedding": (6, 320)}, "union"),
        ({"lora_controlnet": (0,), "input_blocks.0.0.up": (8, 8)}, "is a Control-LoRA; choose"),
        ({"transformer_layes.0.attn.in_proj_weight": (8, 8), "style_embedding": (1, 8, 8)}, "style adapter"),
        ({"input_hint_block.0.weight": (16, 3, 3, 3), "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (8, 1024)},
         "Stable Diffusion 2"),
        ({"input_hint_block.0.weight": (16, 3, 3, 3), "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (8, 2048)},
         "Stable Diffusion XL"),
    ],
)  # fmt: skip
def test_what_is_not_for_v1_is_refused_by_its_name(tmp_path, names, what):
    path = tmp_path / "other.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in names.items()}, path)
    assert holds_control(path)
    with pytest.raises(ModelError, match=what) as refusal:
        open_control(path)
    assert refusal.value.field == "controls"


def test_models_and_control_models_are_not_taken_for_one_another(tmp_path, controlnet, tiny, write):
    control = write_safetensors(tmp_path / "control.safetensors", ldm_names(controlnet.state_dict()))
    with pytest.raises(ModelError, match="is a ControlNet"):
        open_checkpoint(control)
    adapter = write_pth(tmp_path / "adapter.pth", author_names(random_adapter(UNET).state_dict()), "")
    with pytest.raises(ModelError, match="is a T2I-Adapter"):
        open_checkpoint(adapter)
    model = _checkpoint(tmp_path, tiny)
    for path in (model, write(tmp_path / "folder", tiny)):
        with pytest.raises(ModelError, match="model"):
            open_control(path)
    assert not holds_control(model) and holds_control(control) and holds_control(adapter)
    both = write_pth(tmp_path / "control_sd15.pth", ldm_names(controlnet.state_dict()), beside=tiny.ldm())
    assert holds_control(both) and not holds_control(both.rename(tmp_path / "merged.pth"))


def test_one_for_a_unet_of_another_shape_says_both(tmp_path, controlnet):
    model = open_control(write_safetensors(tmp_path / "narrow.safetensors", ldm_names(controlnet.state_dict())))
    with pytest.raises(ModelError, match=r"\[8, 16, 16, 16\] and this model's has \[320, 640, 1280, 1280\]"):
        model.controlnet_config(UNetConfig())


def test_a_folder_of_another_family_is_refused_by_its_class(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "ControlNetUnionModel"}))
    with pytest.raises(ModelError, match="union ControlNet"):
        open_control(tmp_path)


def test_a_file_that_lacks_a_part_is_incomplete(tmp_path, controlnet):
    state = {n: t for n, t in controlnet.state_dict().items() if n != "controlnet_cond_embedding.conv_out.weight"}
    model = open_control(write_safetensors(tmp_path / "cut.safetensors", state))
    with pytest.raises(ModelError, match="incomplete"):
        model.controlnet_config(BASE)


@pytest.mark.parametrize(
    ("path", "config", "metadata", "use"),
    [
        ("control_v11p_sd15_canny.pth", {}, {}, "canny"),
        ("control_v11p_sd15s2_lineart_anime.pth", {}, {}, "lineart"),
        ("control_sd15_inpaint_depth_hand_fp16.safetensors", {}, {}, "inpaint"),
        ("model.safetensors", {}, {"modelspec.title": "ControlNet depth for SD 1.5"}, "depth"),
        ("canny.safetensors", {}, {"modelspec.title": "ControlNet depth"}, "depth"),
        ("folder", {"_name_or_path": "lllyasviel/control_v11f1e_sd15_tile"}, {}, "tile"),
        ("folder", {"global_pool_conditions": True}, {}, "shuffle"),
        ("models--lllyasviel--sd-controlnet-openpose/snapshots/0123abcd", {}, {}, "openpose"),
        ("mine.safetensors", {"_name_or_path": 3}, {"modelspec.title": ""}, ""),
        ("segment-of-hedges.safetensors", {}, {}, ""),
    ],
)
def test_what_a_controlnet_is_for_is_told_from_what_says_it(path, config, metadata, use):
    assert purpose_of(Path("/models") / path, config, metadata) == use
