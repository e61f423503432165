"""Pictures as they are found: settings in odd places and shapes, of which none is dropped without a word."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from sdedge.images import metadata
from sdedge.images.metadata_apps import from_texts
from sdedge.images.metadata_fields import Metadata
from sdedge.passes import Enlargement
from tests.images.graph_samples import comfyui_prompt
from tests.images.metadata_samples import A1111_TEXT


def _read(**texts: object) -> Metadata:
    return from_texts({key: text if isinstance(text, str) else json.dumps(text) for key, text in texts.items()})


def _lost(recorded: Metadata) -> dict[str, str]:
    return {item.field: item.value for item in recorded.unhonoured}


INVOKEAI = {
    "app_version": "5.4.0", "generation_mode": "img2img", "positive_prompt": "a cat", "negative_prompt": "dog", "width": 512,
    "height": 512, "seed": 1, "rand_device": "cpu", "cfg_scale": 3.0, "steps": 6, "scheduler": "euler", "strength": 0.5,
    "model": {"key": "k", "name": "m", "hash": "blake3:00", "base": "sd-1"}, "clip_skip": 1, "mask_blur": 8,
    "loras": [{"model": {"name": "two", "hash": "blake3:22"}, "weight": 0.5}],
}  # fmt: skip
NOVELAI = {
    "steps": 28, "height": 512, "width": 512, "scale": 5.0, "uncond_scale": 1.5, "cfg_rescale": 0.3, "seed": 3, "uc": "dog",
    "noise_schedule": "native", "sampler": "k_euler", "strength": 0.6, "noise": 0.1, "request_type": "Img2ImgRequest",
    "skip_cfg_above_sigma": 19, "prompt": "a cat",
}  # fmt: skip
DRAW_THINGS = {
    "c": "a cat", "uc": "dog", "model": "m", "sampler": "Euler a", "scale": 3, "seed": 1, "seed_mode": "Scale Alike",
    "size": "512x512", "steps": 6, "strength": 0.6, "lora": [{"model": "one_lora_f16.ckpt", "weight": 0.8}], "mask_blur": 3,
    "v2": {"hiresFix": True, "upscaler": "4x.ckpt", "clipSkip": 2},
}  # fmt: skip
SWARM = {
    "prompt": "a cat", "negativeprompt": "dog", "model": "m", "seed": 1, "steps": 6, "cfgscale": 3, "width": 512, "height": 512,
    "sampler": "dpmpp_2m", "scheduler": "karras", "loras": ["one"], "loraweights": ["0.8"], "variationseed": 5,
    "refinerupscale": 1.5, "swarm_version": "0.9",
}  # fmt: skip
SAYS_NOTHING = {"app_version", "generation_mode", "key", "base", "swarm_version", "request_type"}
"""Names and kinds of files and of programs; those of a generation say less than the settings beside them."""


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, key))
    else:
        yield path


def _changed(record: Any, path: tuple[str | int, ...]) -> Any:
    record = copy.deepcopy(record)
    at = record
    for key in path[:-1]:
        at = at[key]
    old = at[path[-1]]
    at[path[-1]] = not old if isinstance(old, bool) else old * 2 + 1 if isinstance(old, int | float) else f"{old}7"
    return record


@pytest.mark.parametrize(
    ("key", "record", "beside"),
    [("invokeai_metadata", INVOKEAI, {}), ("Comment", NOVELAI, {"Software": "NovelAI"}), ("Comment", DRAW_THINGS, {}),
     ("Comment", SWARM, {})],
    ids=["invokeai", "novelai", "draw-things", "swarm"],
)  # fmt: skip
def test_another_value_of_any_setting_is_read_or_listed(key, record, beside):
    """Whatever is changed of a record, something of what is read of it changes, too."""

    def said(record: Any) -> tuple[Any, ...]:
        recorded = _read(**{key: record}, **beside)
        return dict(recorded.fields), recorded.unhonoured, recorded.resources

    base = said(record)
    silent = [path for path in _leaves(record) if said(_changed(record, path)) == base]
    assert {str(path[-1]) for path in silent} <= SAYS_NOTHING


def test_nothing_inside_a_control_s_text_is_dropped():
    text = (
        "Module: mystery, Model: canny [d14c016b], Weight: heavy, Resize Mode: Sideways, Processor Res: 512, "
        "Guidance Start: 0.1, Guidance End: 0.9, Pixel Perfect: True, Control Mode: Balanced, "
        "Hr Option: Low res only, Low Vram: True, "
        "Effective Region Mask: x.png, Save Detected Map: True"
    )
    recorded = _read(parameters=A1111_TEXT.replace("Version", f'ControlNet 0: "{text}", Version'))
    assert {name.removeprefix("ControlNet 0 "): value for name, value in _lost(recorded).items()} == {
        "module": "mystery", "weight": "heavy", "resize mode": "Sideways", "hr option": "Low res only",
        "effective region mask": "x.png",
    }  # fmt: skip
    assert recorded.fields["controls"][0].span == (0.1, 0.9)


def test_hires_fix_of_before_it_had_keys_is_a_pass():
    old = A1111_TEXT.replace("Size: 512x512", "Size: 1024x768, Denoising strength: 0.7, First pass size: 512x384")
    recorded = _read(parameters=old)
    assert (recorded.fields["width"], recorded.fields["height"]) == (512, 384) and not _lost(recorded)
    (second,) = recorded.fields["passes"]
    assert second.enlarge == Enlargement("latent", size=(1024, 768)) and second.changes["strength"] == 0.7
    automatic = _read(parameters=old.replace("First pass size: 512x384", "First pass size: 0x0"))
    assert "passes" not in automatic.fields and automatic.fields["width"] == 1024
    assert _lost(automatic)["First pass size"] == "0x0"


def test_ids_of_nodes_say_nothing_about_their_order():
    graph = comfyui_prompt()
    backwards = dict(reversed(graph.items()))
    names = {name: str(100 - i) for i, name in enumerate(graph)}
    renamed = json.loads(json.dumps(graph))
    for node in renamed.values():
        node["inputs"] = {k: [names[v[0]], v[1]] if isinstance(v, list) else v for k, v in node["inputs"].items()}
    renamed = {names[name]: node for name, node in renamed.items()}
    fields = _read(prompt=graph).fields
    assert _read(prompt=backwards).fields == fields == _read(prompt=renamed).fields


def test_loras_of_stacks_and_of_loaders_that_load_all():
    stack = {
        "class_type": "CR LoRA Stack", "switch_1": "On", "lora_name_1": "one.safetensors", "model_weight_1": 0.8,
        "clip_weight_1": 1,
        "switch_2": "Off", "lora_name_2": "two.safetensors", "model_weight_2": 1, "clip_weight_2": 1,
        "switch_3": "On", "lora_name_3": "a\\three.safetensors", "model_weight_3": 0.3, "clip_weight_3": 0.3,
    }  # fmt: skip
    apply = {"class_type": "CR Apply LoRA Stack", "model": ["checkpoint", 0], "lora_stack": ["stack", 0]}
    recorded = _read(
        prompt=comfyui_prompt(stack=stack, apply=apply, sampler={"model": ["apply", 0]}, yes={"text": "a cat"})
    )
    assert recorded.fields["prompt"] == "a cat <lora:three:0.3> <lora:one:1:0.8>"
    assert {name for name in _lost(recorded) if "lora" in name.lower()} == {"LoraLoader"}, "the text encoder's alone"
    everything = {
        "class_type": "Efficient Loader", "ckpt_name": "m.safetensors", "vae_name": "v.pt", "clip_skip": -2,
        "lora_name": "one.safetensors", "lora_model_strength": 0.8, "lora_clip_strength": 0.8, "positive": "a cat",
        "negative": "dog", "empty_latent_width": 512, "empty_latent_height": 768, "batch_size": 1,
    }  # fmt: skip
    ways = {"model": ["all", 0], "positive": ["all", 1], "negative": ["all", 2], "latent_image": ["all", 3]}
    recorded = _read(prompt=comfyui_prompt(all=everything, sampler=ways, decode={"vae": ["all", 4]}))
    assert {**recorded.fields}.items() >= {
        "prompt": "a cat <lora:one:0.8>", "negative": "dog", "model": "m", "vae": "v", "clip_skip": 2, "height": 768,
    }.items()  # fmt: skip
    assert "Efficient Loader" not in _lost(recorded)


def test_prompts_of_joined_texts_and_mixed_conditions():
    joined = {"class_type": "Text Concatenate", "delimiter": ", ", "text_a": "a red", "text_b": ["inner", 0]}
    inner = {"class_type": "StringConcatenate", "string_a": "house", "string_b": "at night", "delimiter": " "}
    recorded = _read(
        prompt=comfyui_prompt(joined=joined, inner=inner, yes={"text": ["joined", 0]}, skip={"clip": ["checkpoint", 1]})
    )
    assert recorded.fields["prompt"].startswith("a red, house at night") and "prompt" not in _lost(recorded)
    mixed = {"class_type": "ConditioningAverage", "conditioning_to": ["yes", 0], "conditioning_from": ["no", 0],
             "conditioning_to_strength": 0.5}  # fmt: skip
    recorded = _read(prompt=comfyui_prompt(mixed=mixed, yes={"text": "a cat"}, sampler={"positive": ["mixed", 0]}))
    assert recorded.fields["prompt"].startswith("a cat") and "ConditioningAverage" in _lost(recorded)


def test_a_schedule_that_is_a_node_of_its_own():
    graph = comfyui_prompt(
        custom={"class_type": "SamplerCustomAdvanced", "noise": ["noise", 0], "guider": ["guider", 0], "sampler": ["name", 0],
                "sigmas": ["split", 0], "latent_image": ["size", 0]},
        noise={"class_type": "RandomNoise", "noise_seed": 99},
        guider={"class_type": "CFGGuider", "cfg": 3, "model": ["lora", 0], "positive": ["yes", 0], "negative": ["no", 0]},
        name={"class_type": "KSamplerSelect", "sampler_name": "dpmpp_2m"},
        split={"class_type": "SplitSigmas", "step": 3, "sigmas": ["karras", 0]},
        karras={"class_type": "KarrasScheduler", "steps": 6, "sigma_max": 14.6, "sigma_min": 0.03, "rho": 7.0},
        decode={"samples": ["custom", 1]},
    )  # fmt: skip
    recorded = _read(prompt=graph)
    assert {**recorded.fields}.items() >= {"steps": 6, "schedule": "karras", "seed": 99, "sampler": "dpmpp_2m"}.items()
    assert {"SplitSigmas", "KarrasScheduler"} <= _lost(recorded).keys()


def test_a_graph_of_inpainting_asks_for_its_mask():
    encode = {"class_type": "VAEEncodeForInpaint", "pixels": ["photo", 0], "mask": ["photo", 1], "grow_mask_by": 6}
    photo = {"class_type": "LoadImage", "image": "in.png"}
    recorded = _read(prompt=comfyui_prompt(encode=encode, photo=photo, sampler={"latent_image": ["encode", 0]}))
    assert {"image", "mask", "VAEEncodeForInpaint"} <= _lost(recorded).keys()


@pytest.mark.parametrize("format", ["WEBP", "JPEG"])
def test_a_graph_in_the_tags_of_a_camera(format):
    exif = Image.Exif()
    exif[0x0110], exif[0x010F] = f"prompt:{json.dumps(comfyui_prompt())}", 'Workflow: {"nodes": []}'
    Image.new("RGB", (8, 8)).save(file := io.BytesIO(), format, exif=exif.tobytes())
    assert metadata.read(file).fields == _read(prompt=comfyui_prompt()).fields


def test_settings_under_the_names_of_any_program():
    bee = {
        "prompt": "a cat",
        "seed": 1,
        "ddim_steps": 6,
        "scale": 3,
        "img_width": 512,
        "img_height": 768,
        "model_id": "m",
    }
    recorded = _read(Comment=bee)
    assert {**recorded.fields}.items() >= {"steps": 6, "width": 512, "height": 768, "model": "m"}.items()
    assert _lost(recorded).keys() == {"numerics"}
    twice = _read(
        Comment={"prompt": "a cat", "seed": "1", "steps": "6", "num_inference_steps": "6", "clip_skip": "True"}
    )
    assert _lost(twice).keys() == {"numerics"} and twice.fields["clip_skip"] == 2
    differing = _read(Comment={"prompt": "a cat", "seed": 1, "steps": 6, "num_inference_steps": 7})
    assert _lost(differing)["num_inference_steps"] == "7"


def test_a_strength_that_counts_is_not_listed_as_lost():
    recorded = _read(invokeai_metadata=INVOKEAI)
    assert recorded.fields["strength"] == 0.5 and _lost(recorded).keys() == {"image", "mask_blur"}


def test_a_record_that_is_damaged_is_told_and_what_stands_beside_it_is_read():
    ours = json.dumps({"sdedge": "0.1.0", "request": {"prompt": "a cat"}})
    recorded = _read(parameters=A1111_TEXT, sdedge=ours[:-9])
    assert recorded.fields["seed"] == 1 and _lost(recorded).keys() == {"sdedge"}
    assert "damaged" in recorded.notes[-1]
    graph = _read(prompt=json.dumps(comfyui_prompt())[:-40])
    assert not graph.source and _lost(graph).keys() == {"prompt"}
    assert "prompt" not in _lost(_read(prompt="{red|blue} house", seed="1", steps="2")), (
        "a prompt in braces is no record"
    )
