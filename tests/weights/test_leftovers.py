"""A whole model loads whatever lies beside it, in every published spelling; what is not used is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.engines.facts import read_facts
from sdedge.errors import ModelError
from sdedge.weights.checkpoint import open_checkpoint, open_vae
from tests.weights.conftest import State, Tiny, same, write_folder

LEFTOVERS = {
    "embedding manager": "embedding_manager.string_to_param_dict.*",
    "embedding": "emb_params",
    "safety checker": "safety_checker.vision_model.vision_model.embeddings.class_embedding",
    "LoRA": "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
    "LoRA in the UNet": "model.diffusion_model.input_blocks.1.1.proj_in.lora_down.weight",
    "LoRA in the text encoder": "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight",
    "LoKr": "lycoris_mid.lokr_w1",
    "IP adapter in the UNet": "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.processor.to_k_ip.weight",
    "motion module": "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight",
    "ESRGAN": "model.RRDB_trunk.0.RDB1.conv1.weight",
    "ControlNet": "control_model.input_hint_block.0.weight",
    "another VAE's stray": "vae.loss.logvar",
    "a bare VAE's stray": "decoder.conv_out.weight",
    "beside the VAE": "first_stage_model.note",
    "beside the text encoder": "cond_stage_model.transformer.visual.proj",
    "a name that breaks lines": "note\n\u202e" + "x" * 200,
    "anything": "x",
}


@pytest.mark.slow
@pytest.mark.parametrize("title", list(LEFTOVERS))
def test_whole_files_load_and_say_what_is_not_used(tiny: Tiny, tmp_path: Path, title: str) -> None:
    name = LEFTOVERS[title]
    save_file(tiny.ldm() | {name: torch.zeros(1, 8)}, tmp_path / "m.safetensors")
    checkpoint = open_checkpoint(tmp_path / "m.safetensors")
    for part, state in tiny.parts.items():
        same(checkpoint.components[part], state)
    unused = [line for line in read_facts(checkpoint).report if "not used" in line]
    if title == "another VAE's stray":
        assert unused == []  # a training loss, which every loader ignores
    else:
        assert len(unused) == 1 and "1 tensors are not used" in unused[0] and (name in unused[0] or "\\n" in unused[0])
        assert "\n" not in unused[0] and len(unused[0]) < 200


def test_a_whole_file_with_everything_beside_it(tiny: Tiny, tmp_path: Path) -> None:
    strays = {name: torch.zeros(1, 8) for name in LEFTOVERS.values() if not name.startswith("vae.")}
    save_file(tiny.ldm() | strays, tmp_path / "m.safetensors")
    checkpoint = open_checkpoint(tmp_path / "m.safetensors")
    for part, state in tiny.parts.items():
        same(checkpoint.components[part], state)
    unused = [int(line.split()[0]) for line in checkpoint.report if "not used" in line]
    assert sum(unused) == len(strays)


@pytest.mark.slow
@pytest.mark.parametrize(
    "leftover", ["embedding_manager.x", "lora_unet_x.lora_down.weight", "vision_model.x", "RDB1.conv1.x"]
)
@pytest.mark.parametrize(
    ("without", "said"),
    [("first_stage_model.", "holds no VAE; name one"), ("cond_stage_model.", "lacks a text encoder"),
     ("model.diffusion_model.out.2.", "unet is incomplete|a LoRA|a CLIP vision model|an ESRGAN")],
)  # fmt: skip
def test_what_is_incomplete_is_refused_beside_leftovers(
    tiny: Tiny, tmp_path: Path, leftover: str, without: str, said: str
) -> None:
    state = {name: tensor for name, tensor in tiny.ldm().items() if not name.startswith(without)}
    save_file(state | {leftover: torch.zeros(1)}, tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=said):
        open_checkpoint(tmp_path / "m.safetensors")


def test_a_folder_whose_networks_carry_loras(tiny: Tiny, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", tiny)
    unet = tiny.unet | {"mid_block.attentions.0.proj_in.lora.down.weight": torch.zeros(1)}
    save_file(unet, folder / "unet" / "diffusion_pytorch_model.safetensors")
    checkpoint = open_checkpoint(folder)
    same(checkpoint.unet, tiny.unet)
    assert any(
        "1 tensors are not used (mid_block.attentions.0.proj_in.lora.down.weight)" in line for line in checkpoint.report
    )


# Components switched off


@pytest.mark.parametrize("said", [[None, None], None])
def test_a_safety_checker_that_is_switched_off_is_none(tiny: Tiny, tmp_path: Path, said: object) -> None:
    folder = write_folder(tmp_path / "m", tiny)
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "config.json").write_text("{}")
    (folder / "feature_extractor").mkdir()
    index = {"_class_name": "StableDiffusionPipeline", "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    unchecked = open_checkpoint(folder)
    assert unchecked.safety_checker is None and any("there are no weights" in line for line in unchecked.report)
    (folder / "safety_checker" / "model.fp16.safetensors").touch()
    assert open_checkpoint(folder).safety_checker == folder / "safety_checker"
    (folder / "model_index.json").write_text(json.dumps(index | {"safety_checker": said}))
    assert open_checkpoint(folder).safety_checker is None
    entry = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (folder / "model_index.json").write_text(json.dumps(index | {"safety_checker": entry}))
    assert open_checkpoint(folder).safety_checker == folder / "safety_checker"


def test_a_network_that_is_switched_off_is_missed(tiny: Tiny, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", tiny)
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionPipeline", "vae": [None, None]})
    )
    with pytest.raises(ModelError, match="vae switched off"):
        open_checkpoint(folder)
    save_file(tiny.vae, tmp_path / "vae.safetensors")
    same(open_checkpoint(folder, vae=tmp_path / "vae.safetensors").vae, tiny.vae)


# The VAE's attention


def _reshaped(shape: Callable[[torch.Tensor], tuple[int, ...]], parts: str) -> Callable[[State], State]:
    def change(state: State) -> State:
        return {
            n: t.reshape(shape(t)).clone() if ".attentions.0." in n and n.endswith(parts) else t
            for n, t in state.items()
        }

    return change


def _named(names: dict[str, str]) -> Callable[[State], State]:
    def change(state: State) -> State:
        renamed: State = {}
        for name, tensor in state.items():
            for ours, theirs in names.items() if ".attentions.0." in name else ():
                name = name.replace(f".{ours}.", f".{theirs}.")
            renamed[name] = tensor
        return renamed

    return change


WEIGHTS = ("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight")
BIASES = ("to_q.bias", "to_k.bias", "to_v.bias", "to_out.0.bias")
LEGACY = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
LDM = {"to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out", "group_norm": "norm"}
SHAPES: dict[str, Callable[[State], State]] = {
    "two axes": lambda state: dict(state),
    "three axes": _reshaped(lambda t: (*t.shape, 1), WEIGHTS),
    "four axes": _reshaped(lambda t: (*t.shape, 1, 1), WEIGHTS),
    "four axes, biases of four": lambda s: _reshaped(lambda t: (1, *t.shape, 1, 1), BIASES)(SHAPES["four axes"](s)),
    "four axes, biases too": lambda s: _reshaped(lambda t: (*t.shape, 1, 1, 1), BIASES)(SHAPES["four axes"](s)),
    "three axes, biases of two": lambda s: _reshaped(lambda t: (*t.shape, 1), BIASES)(SHAPES["three axes"](s)),
    "one axis": _reshaped(lambda t: (t.numel(),), WEIGHTS),
    "norms of four axes": _reshaped(lambda t: (1, *t.shape, 1, 1), ("group_norm.weight", "group_norm.bias")),
}
NAMES: dict[str, dict[str, str]] = {"diffusers": {}, "diffusers before 0.15": LEGACY, "LDM's inner names": LDM}


@pytest.mark.slow
@pytest.mark.parametrize("shapes", list(SHAPES))
@pytest.mark.parametrize("names", list(NAMES))
def test_every_layout_of_the_attention_is_the_same_vae(tiny: Tiny, tmp_path: Path, shapes: str, names: str) -> None:
    state = _named(NAMES[names])(SHAPES[shapes](tiny.vae))
    save_file(state, tmp_path / "vae.safetensors")
    same(open_vae(tmp_path / "vae.safetensors")[0], tiny.vae)


@pytest.mark.slow
@pytest.mark.parametrize("shapes", list(SHAPES))
@pytest.mark.parametrize("inner", ["q", "to_q", "query"])
def test_every_layout_of_the_attention_under_ldm_names(tiny: Tiny, tmp_path: Path, shapes: str, inner: str) -> None:
    """CompVis' names, those that diffusers' converter left in files for a while, and the older ones."""
    names = {"q": LDM, "to_q": {"group_norm": "norm"}, "query": LEGACY | {"group_norm": "norm"}}[inner]
    plain = {n: t for n, t in tiny.ldm().items() if ".attn_1." not in n}
    changed = _named(names)(SHAPES[shapes](tiny.vae))
    ldm = {n.replace("mid_block.attentions.0", "mid.attn_1"): t for n, t in changed.items() if "attentions" in n}
    save_file(plain | {f"first_stage_model.{n}": t for n, t in ldm.items()}, tmp_path / "m.safetensors")
    same(open_checkpoint(tmp_path / "m.safetensors").vae, tiny.vae)


def test_the_odd_layouts_of_the_attention(tiny: Tiny, tmp_path: Path) -> None:
    """The ones that come from different programs, in one file each; the slow tier has every pair of names and shapes."""
    for shapes, names in (
        ("four axes, biases too", "diffusers before 0.15"),
        ("three axes, biases of two", "LDM's inner names"),
    ):
        save_file(_named(NAMES[names])(SHAPES[shapes](tiny.vae)), tmp_path / "vae.safetensors")
        same(open_vae(tmp_path / "vae.safetensors")[0], tiny.vae)
