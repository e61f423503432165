"""The names and shapes of a tiny model, without weights: for readers that look at nothing else."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import torch

from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from sdedge.weights import keys
from tests.weights.conftest import TEXT, UNET, VAE_CONFIG

Shapes = dict[str, tuple[int, ...]]


@cache
def _parts() -> dict[str, Shapes]:
    with torch.device("meta"):
        networks = {
            "unet": UNet(UNetConfig.from_json(UNET)), "vae": VAE(VAEConfig.from_json(VAE_CONFIG)),
            "text_encoder": CLIPText(TextConfig.from_json(TEXT)),
        }  # fmt: skip
    return {name: {n: tuple(t.shape) for n, t in net.state_dict().items()} for name, net in networks.items()}


def folder_shapes() -> dict[str, Shapes]:
    """By component, under diffusers names."""
    return {name: dict(shapes) for name, shapes in _parts().items()}


@cache
def _ldm() -> Shapes:
    parts = _parts()
    tables = {
        "unet": keys.unet_table(keys.unet_layout(parts["unet"])),
        "vae": keys.vae_table(keys.vae_layout(parts["vae"])),
    }
    prefixes = {"unet": keys.UNET_PREFIX, "vae": keys.VAE_PREFIX}
    named: Shapes = {keys.TEXT_PREFIX + name: shape for name, shape in parts["text_encoder"].items()}
    for part, table in tables.items():
        ours = keys.invert(table)
        named |= {prefixes[part] + str(keys.rename(name, ours)): shape for name, shape in parts[part].items()}
    return named


def ldm_shapes() -> Shapes:
    """A whole single file's, under LDM names."""
    return dict(_ldm())


LAYOUT: Shapes = {"decoder.conv_in.weight": (16, 4, 3, 3), "encoder.conv_in.weight": (8, 3, 3, 3), "x": (1,)}


def write_zeros(path: Path, shapes: Shapes, metadata: dict[str, str] | None = None) -> Path:
    """A safetensors file of half-precision zeros; the data is a hole in the file where the system can."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def write_zeros_folder(folder: Path) -> Path:
    """A tiny model folder whose weights are zeros, with a sharded UNet, hints and a switched off safety checker."""
    parts = folder_shapes()
    for part, config in (("unet", UNET), ("vae", VAE_CONFIG), ("text_encoder", TEXT)):
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(config))
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        if part == "unet":
            shard = f"{stem}-00001-of-00001.safetensors"
            write_zeros(folder / part / shard, parts[part])
            index = {"weight_map": dict.fromkeys(parts[part], shard)}
            (folder / part / f"{stem}.safetensors.index.json").write_text(json.dumps(index))
        else:
            write_zeros(folder / part / f"{stem}.safetensors", parts[part])
    (folder / "scheduler").mkdir()
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
                "trained_betas": None, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1,
                "set_alpha_to_one": False, "rescale_betas_zero_snr": False}  # fmt: skip
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    (folder / "sdedge.json").write_text(json.dumps({"guidance": 4.0, "preview": [[0.1, 0.2, 0.3]] * 5}))
    index = {
        "_class_name": "StableDiffusionPipeline",
        "safety_checker": [None, None],
        "unet": ["diffusers", "UNet2DCondition"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
