"""Files of v1 and of its inpainting model are opened; those of every other architecture are refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError, Remedy
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.control import open_control
from tests.weights.conftest import Tiny


def with_unet(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Tiny], dict[str, torch.Tensor]]:
    def build(tiny: Tiny) -> dict[str, torch.Tensor]:
        state = tiny.ldm()
        change(state)
        return state

    return build


def widen(channels: int) -> Callable[[dict[str, torch.Tensor]], None]:
    return lambda state: state.update({"model.diffusion_model.input_blocks.0.0.weight": torch.ones(8, channels, 3, 3)})


def test_inpainting(tiny: Tiny, tmp_path: Path) -> None:
    save_file(with_unet(widen(9))(tiny), tmp_path / "m.safetensors")
    checkpoint = open_checkpoint(tmp_path / "m.safetensors")
    assert checkpoint.in_channels == 9 and checkpoint.configs["unet"]["in_channels"] == 9


def context_1024(state: dict[str, torch.Tensor]) -> None:
    for name in [name for name in state if ".attn2.to_k." in name or ".attn2.to_v." in name]:
        state[name] = torch.ones(state[name].shape[0], 1024)


def linear_projections(state: dict[str, torch.Tensor]) -> None:
    for name in [
        name for name in state if name.endswith((".proj_in.weight", ".proj_out.weight")) and "diffusion" in name
    ]:
        state[name] = state[name][:, :, 0, 0].clone()


POSITIONS = "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight"
UNSUPPORTED: list[tuple[Callable[[Tiny], dict[str, torch.Tensor]], str]] = [
    (with_unet(widen(6)), "6 input channels"),
    (with_unet(widen(5)), "depth"),
    (with_unet(context_1024), "Stable Diffusion 2"),
    (with_unet(linear_projections), "Stable Diffusion 2"),
    (with_unet(lambda s: s.update({POSITIONS: torch.ones(248, 64)})), "LongCLIP"),
    (with_unet(lambda s: s.update({"cond_stage_model.model.ln_final.weight": torch.ones(1)})), "OpenCLIP"),
    (with_unet(lambda s: s.update({"conditioner.embedders.0.x": torch.ones(1)})), "Stable Diffusion XL"),
    (
        with_unet(lambda s: s.update({"model.diffusion_model.input_blocks.1.2.motion_modules.0.x": torch.ones(1)})),
        "AnimateDiff",
    ),
    (lambda _: {"lora_unet_x.lora_down.weight": torch.ones(1)}, "a LoRA"),
    (lambda _: {"lora_unet_x.hada_w1_a": torch.ones(1)}, "LoHa"),
    (lambda _: {"emb_params": torch.ones(1, 768)}, "textual inversion"),
    (lambda _: {"control_model.input_hint_block.0.weight": torch.ones(1)}, "ControlNet"),
    (lambda t: {f"first_stage_model.{n}": x for n, x in t.vae.items()}, "holds only a VAE"),
    (lambda _: {"x": torch.ones(1)}, "no Stable Diffusion v1 weights"),
    (with_unet(lambda s: s.update({"vae.decoder.conv_in.weight": torch.ones(1)})), "two VAEs"),
]


@pytest.mark.parametrize(("build", "said"), UNSUPPORTED, ids=[f"{i}-{said}" for i, (_, said) in enumerate(UNSUPPORTED)])
def test_refused_by_name(
    tiny: Tiny, tmp_path: Path, build: Callable[[Tiny], dict[str, torch.Tensor]], said: str
) -> None:
    save_file(build(tiny), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=said) as caught:
        open_checkpoint(tmp_path / "m.safetensors")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


WRONG_PLACES = [
    ({"lora_unet_x.lora_down.weight": 1}, "a LoRA", Remedy.USE_LORA),
    ({"lora_unet_x.hada_w1_a": 1}, "a LyCORIS LoHa", Remedy.USE_LORA),
    ({"emb_params": 1}, "a textual inversion", Remedy.USE_EMBEDDING),
    ({"model.diffusion_model.x": 1}, "a Stable Diffusion model", Remedy.GIVE_MODEL),
    ({"first_stage_model.decoder.conv_in.weight": 1}, "a VAE", Remedy.GIVE_VAE),
    ({"decoder.conv_in.weight": 1}, "a VAE", Remedy.GIVE_VAE),
    ({"RDB1.conv.weight": 1}, "an ESRGAN upscaler", Remedy.USE_UPSCALER),
]


@pytest.mark.parametrize(
    ("names", "what", "remedy"), WRONG_PLACES, ids=[next(iter(names)) for names, _, _ in WRONG_PLACES]
)
def test_a_file_in_a_control_s_place_is_told_where_it_belongs(tmp_path, names, what, remedy):
    path = tmp_path / "mine.safetensors"
    save_file({name: torch.ones(1) for name in names}, path)
    with pytest.raises(ModelError) as refused:
        open_control(path)
    advice = "choose another file" if remedy is None else remedy.format(name="mine")
    assert str(refused.value) == f"{path} is {what}, not a ControlNet, T2I-Adapter or IP-Adapter; {advice}."
    assert (refused.value.field, refused.value.remedy) == ("controls", remedy)


@pytest.mark.parametrize(
    ("names", "config", "advice"),
    [
        ({"lora_unet_x.lora_down.weight": 1}, None, "add it with `sdedge models add` and write <lora:mine:1> in the prompt"),
        ({"control_model.input_hint_block.0.weight": 1}, None, "give it with --control"),
        ({"body.0.block1.weight": 1}, None, "give it with --control"),
        ({}, {"_class_name": "ControlNetModel"}, "is a ControlNet, not a Stable Diffusion v1 model; give it with --control"),
        ({}, {"_class_name": "T2IAdapter"}, "is a T2I-Adapter, not a Stable Diffusion v1 model; give it with --control"),
        ({}, {"peft_type": "LORA"}, "write <lora:mine:1> in the prompt"),
    ],
)  # fmt: skip
def test_a_file_in_the_model_s_place_is_told_where_it_belongs(tmp_path, names, config, advice):
    path = tmp_path / ("mine.safetensors" if config is None else "mine")
    if config is None:
        save_file({name: torch.ones(1) for name in names}, path)
    else:
        path.mkdir()
        (path / ("adapter_config.json" if "peft_type" in config else "config.json")).write_text(json.dumps(config))
        (path / ("adapter_model.safetensors" if "peft_type" in config else "x.safetensors")).write_bytes(b"")
    with pytest.raises(ModelError) as refused:
        open_checkpoint(path)
    assert advice in str(refused.value) and refused.value.field == "model" and refused.value.remedy is not None
