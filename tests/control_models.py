"""Random control models of diffusers for a small UNet, and the containers in which people have them."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import ControlNetModel, T2IAdapter
from safetensors.torch import save_file
from torch import Tensor

from sdedge.weights import keys

State = dict[str, Tensor]


def random_controlnet(
    unet: dict, seed: int = 0, scale: float = 0.1, hint_widths: tuple[int, ...] = (4, 6, 8, 10), **config
) -> ControlNetModel:
    """A ControlNet for the UNet of a `config.json`, whose convolutions are not the zeros that training starts from."""
    names = ("block_out_channels", "cross_attention_dim", "attention_head_dim", "norm_num_groups", "layers_per_block")
    torch.manual_seed(seed)
    network = ControlNetModel(
        **{name: unet[name] for name in names if name in unet},
        conditioning_embedding_out_channels=hint_widths,
        **config,
    )
    with torch.no_grad():
        for layer in (network.controlnet_cond_embedding.conv_in, *network.controlnet_cond_embedding.blocks):
            torch.nn.init.kaiming_normal_(layer.weight)  # torch's own beginning lets next to nothing of a hint through
        for layer in (
            *network.controlnet_down_blocks,
            network.controlnet_mid_block,
            network.controlnet_cond_embedding.conv_out,
        ):
            layer.weight.normal_(std=scale)
            layer.bias.normal_(std=scale)
    return network.eval()


def random_adapter(unet: dict, light: bool = False, seed: int = 0, channels: int = 3) -> T2IAdapter:
    """A T2I-Adapter for the UNet of a `config.json`."""
    torch.manual_seed(seed)
    widths = list(unet["block_out_channels"])
    kind, blocks = ("light_adapter", 4) if light else ("full_adapter", 2)
    return T2IAdapter(channels, widths[:-1] if light else widths, blocks, adapter_type=kind).eval()


def ldm_names(state: State) -> State:
    """A ControlNet's weights under the names of its authors, without prefix."""
    table = keys.invert(keys.control_table(keys.unet_layout(state)))
    return {str(keys.rename(name, table)): tensor for name, tensor in state.items()}


def author_names(adapter: State) -> State:
    """A T2I-Adapter's weights under the names of its authors: blocks are numbered through, or inside of light ones."""
    named = {}
    for name, tensor in adapter.items():
        parts = name.removeprefix("adapter.").split(".")
        if parts[0] == "body" and "adapter.conv_in.weight" not in adapter:
            parts = ["body" if part == "resnets" else part for part in parts]
        elif parts[0] == "body":
            block = int(parts[3]) if parts[2] == "resnets" else 0
            parts = ["body", str(2 * int(parts[1]) + block), *(parts[4:] if parts[2] == "resnets" else parts[2:])]
        named[".".join(parts)] = tensor
    return named


def write_pth(path: Path, state: State, prefix: str = "control_model.", beside: State | None = None) -> Path:
    """A pickle as the authors wrote it, with other weights beside it where there are any."""
    torch.save({**(beside or {}), **{prefix + name: tensor for name, tensor in state.items()}}, path)
    return path


def write_safetensors(path: Path, state: State, prefix: str = "") -> Path:
    save_file({prefix + name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path
