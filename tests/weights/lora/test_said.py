"""What is left out of a LoRA and said, what changes nothing, and the weights of blocks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sdedge.errors import ModelError
from sdedge.models.unet import UNet
from sdedge.text.tags import BLOCKS
from sdedge.weights.lora import apply, fit, open_lora
from sdedge.weights.lora_keys import TEXT, UNET, parse_key
from tests.weights.lora.conftest import CROSS, LINEAR, kohya, lora_pieces, shapes, write

CROSS_PIECES = {f"{kohya(CROSS)}.{k}": t for k, t in lora_pieces(128, 64).items()}


def test_names_that_match_nothing_are_said_and_the_rest_is_used(tmp_path: Path, unet: UNet) -> None:
    unknown = {f"lora_unet_up_blocks_9_x.{k}": t for k, t in lora_pieces(8, 8).items()}
    more = {f"{kohya(CROSS)}.vera_d": torch.ones(2), f"{kohya(LINEAR)}.dora_scale": torch.ones(32, 1)}
    lora = write(tmp_path / "style.safetensors", CROSS_PIECES | unknown | more)
    (note,) = fit([lora], {UNET: shapes(unet)})
    assert "style has 3 names" in note and "vera_d" in note
    assert set(lora.bind(UNET, shapes(unet))) == {CROSS}


def test_rank_0_and_an_alpha_left_alone_change_nothing(tmp_path: Path, unet: UNet) -> None:
    stem = kohya(LINEAR)
    for pieces in (
        {"lora_down.weight": torch.ones(0, 32), "lora_up.weight": torch.ones(32, 0), "dora_scale": torch.ones(32, 1)},
        {"lokr_w1": torch.ones(4, 4), "lokr_w2_a": torch.ones(8, 0), "lokr_w2_b": torch.ones(0, 8)},
        {f"hada_w{i}_{x}": torch.ones((32, 0) if x == "a" else (0, 32)) for i in (1, 2) for x in "ab"},
        {"alpha": torch.tensor(4.0)},
    ):
        lora = write(tmp_path / "x.safetensors", CROSS_PIECES | {f"{stem}.{k}": t for k, t in pieces.items()})
        assert set(lora.bind(UNET, shapes(unet))) == {CROSS} and fit([lora], {UNET: shapes(unet)}) == ()


@pytest.mark.parametrize(
    ("key", "part", "stem"),
    [
        ("lycoris_down_blocks_0_x.lokr_w1", UNET, "down_blocks_0_x"), ("lycoris_unet_mid_block_x.hada_w1_a", UNET, "mid_block_x"),
        ("lycoris_text_model_encoder_layers_0_mlp_fc1.alpha", TEXT, "text_model_encoder_layers_0_mlp_fc1"),
        ("lycoris_te_text_model_encoder_layers_0_mlp_fc1.alpha", TEXT, "text_model_encoder_layers_0_mlp_fc1"),
        ("lycoris_encoder_layers_0_mlp_fc1.lora_up.weight", TEXT, "text_model_encoder_layers_0_mlp_fc1"),
        ("lycoris_text_encoder_text_model_encoder_layers_0_mlp_fc1.alpha", TEXT, "text_model_encoder_layers_0_mlp_fc1"),
    ],
)  # fmt: skip
def test_names_of_lycoris_own_wrapper(key: str, part: str, stem: str) -> None:
    key_parts = parse_key(key)
    assert key_parts is not None and (key_parts.part, key_parts.stem) == (part, stem)


def test_blocks_have_weights_of_their_own(tmp_path: Path, unet: UNet) -> None:
    unknown = {f"{kohya(LINEAR)}.{k}": t for k, t in lora_pieces(32, 32).items()}
    lora = write(tmp_path / "x.safetensors", CROSS_PIECES | unknown)
    middle, first = unet.get_submodule(CROSS).weight.clone(), unet.get_submodule(LINEAR).weight
    blocks = tuple({"M00": 0.25, "IN02": 1.0}.get(block, 0.0) for block in BLOCKS)
    with apply({"unet": unet}, [(lora.weighted(blocks), 1.0, 2.0)]):
        assert unet.get_submodule(LINEAR).weight is first  # IN01 is 0
        got = unet.get_submodule(CROSS).weight.clone()
    delta = lora.bind(UNET, shapes(unet))[CROSS].delta(middle)
    torch.testing.assert_close(got, middle + 0.5 * delta, rtol=1e-6, atol=1e-5)


ALPHAS = [({"lora_alpha": 32}, 32), ({"lora_alpha": 32, "use_rslora": True}, 64), ({}, None)]


@pytest.mark.parametrize(("settings", "alpha"), ALPHAS)
def test_peft_configuration_beside_the_file(settings: dict, alpha: float | None, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    pair = {f"base_model.model.{CROSS}.lora_{x}.weight": torch.ones((4, 64) if x == "A" else (128, 4)) for x in "AB"}
    lora = write(tmp_path / "adapter_model.safetensors", pair)
    (patch,) = lora.patches[UNET].values()
    assert patch.pieces.get("alpha") == alpha
    write(tmp_path / "another.safetensors", pair)
    assert "adapter_config.json" in open_lora(tmp_path / "another.safetensors").notes[0]
    for damaged in ('{"lora_alpha": "x"}', "[", '{"lora_alpha": NaN}', "[1]"):
        (tmp_path / "adapter_config.json").write_text(damaged)
        with pytest.raises(ModelError, match=r"adapter_config\.json"):
            open_lora(tmp_path / "adapter_model.safetensors")


def test_what_a_mac_keeps_beside_a_file_on_other_drives_does_not_take_its_alpha(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 32}')
    (tmp_path / "._style.safetensors").write_bytes(b"\0\5\x16\7" + bytes(92))
    pair = {f"base_model.model.{CROSS}.lora_{x}.weight": torch.ones((4, 64) if x == "A" else (128, 4)) for x in "AB"}
    lora = write(tmp_path / "style.safetensors", pair)
    (patch,) = lora.patches[UNET].values()
    assert patch.pieces.get("alpha") == 32 and lora.notes == ()


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("model.diffusion_model.middle_block.1.proj_in.lora_down.weight", UNET),
        ("base_model.model.unet.mid_block.attentions.0.proj_in.lora_A.weight", UNET),
        ("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.lora_up.weight", TEXT),
        ("base_model.model.text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_B.weight", TEXT),
    ],
)
def test_names_as_in_a_whole_checkpoint_and_a_whole_pipeline(key: str, part: str) -> None:
    key_parts = parse_key(key)
    stems = {"text_model_encoder_layers_0_mlp_fc1", "middle_block_1_proj_in", "mid_block_attentions_0_proj_in"}
    assert key_parts is not None and key_parts.part == part and key_parts.stem in stems
