"""Random IP-Adapters of each kind for a small UNet, the containers in which people have them, and a narrow image encoder."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from sdedge.models.config import ImageProjectionKind, IPAdapterConfig, UNetConfig
from sdedge.models.ip_adapter import IPAdapter
from sdedge.models.unet_walk import attention_channels, image_numbers

HIDDEN, POOLED = 32, 24
State = dict[str, Tensor]

SHAPES = {
    "classic": {"kind": ImageProjectionKind.TOKENS, "encoding": POOLED, "tokens": 4},
    "plus": {"kind": ImageProjectionKind.PERCEIVER, "encoding": HIDDEN, "tokens": 3, "width": 20, "heads": 1,
             "inner": 80, "depth": 4},
    "full": {"kind": ImageProjectionKind.PATCHES, "encoding": HIDDEN},
}  # fmt: skip


def random_ip_adapter(unet: dict, kind: str = "classic", seed: int = 0) -> State:
    """The weights of an IP-Adapter for the UNet of a `config.json`, by the published names, strong enough to change pictures."""
    base = UNetConfig.from_json(unet)
    channels, numbers = tuple(attention_channels(base)), tuple(image_numbers(base))
    config = IPAdapterConfig(context=base.cross_attention_dim, numbers=numbers, channels=channels, **SHAPES[kind])
    torch.manual_seed(seed)
    state = IPAdapter(config).state_dict()
    for name, tensor in state.items():
        if name.endswith(("latents", "to_k_ip.weight", "to_v_ip.weight")):
            tensor.normal_(std=1.0)
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def nested(state: State) -> dict[str, State]:
    """The weights as the authors' pickles have them, and as diffusers reads them."""
    parts: dict[str, State] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in state.items():
        part, _, inner = name.partition(".")
        parts[part][inner] = tensor
    return parts


def write_bin(path: Path, state: State) -> Path:
    torch.save(nested(state), path)
    return path


def write_file(path: Path, state: State) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def write_image_encoder(folder: Path, seed: int = 5) -> Path:
    """A folder of a narrow CLIP vision tower with its projection, as transformers saves it."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(seed)
    config = CLIPVisionConfig(
        hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8,
        projection_dim=POOLED, hidden_act="gelu",
    )  # fmt: skip
    encoder = CLIPVisionModelWithProjection(config).eval()
    for parameter in encoder.parameters():  # as it is initialised, all pictures look alike to it
        torch.nn.init.normal_(parameter, std=0.15) if parameter.ndim > 1 else None
    encoder.save_pretrained(folder)
    return folder
