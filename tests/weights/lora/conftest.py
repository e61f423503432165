"""Small networks that every test must leave as they were, and LoRA files made for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig
from sdedge.models.unet import UNet
from sdedge.weights.lora import Lora, open_lora
from sdedge.weights.lora_keys import UNET

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0"
CROSS = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
CONV = "down_blocks.1.resnets.0.conv1"
POINT = "up_blocks.1.attentions.0.proj_in"
NORM = "mid_block.resnets.0.norm1"
TEXT_LINEAR = "text_model.encoder.layers.1.mlp.fc1"


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(1)
    config = UNetConfig(block_out_channels=(32, 64, 128, 128), norm_num_groups=8, cross_attention_dim=64)
    return UNet(config).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def text_encoder() -> CLIPText:
    torch.manual_seed(2)
    config = TextConfig(
        vocab_size=99, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4
    )
    return CLIPText(config).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def held(unet: UNet, text_encoder: CLIPText) -> Iterator[list[tuple[nn.Module, str, nn.Parameter]]]:
    """The parameters of the shared networks; when the tests are done their bits must be the first ones."""
    parameters = [(net, name, p) for net in (unet, text_encoder) for name, p in net.named_parameters()]
    bits = [p.clone() for _, _, p in parameters]
    yield parameters
    for (_, name, p), first in zip(parameters, bits, strict=True):
        assert torch.equal(p, first), f"{name} was written to"


@pytest.fixture(autouse=True)
def unharmed(held: list[tuple[nn.Module, str, nn.Parameter]]) -> Iterator[None]:
    """Every test must leave the shared networks with the same parameter objects."""
    yield
    for net, name, p in held:
        assert net.get_parameter(name) is p, f"{name} is another object"


def kohya(module: str, part: str = UNET) -> str:
    return ("lora_unet_" if part == UNET else "lora_te_") + module.replace(".", "_")


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Lora:
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path, metadata)
    return open_lora(path)


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in network.named_parameters()}


def lora_pieces(out: int, width: int, rank: int = 4, seed: int = 3) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        "lora_down.weight": torch.randn(rank, width, generator=g),
        "lora_up.weight": torch.randn(out, rank, generator=g),
        "alpha": torch.tensor(2.0),
    }


def simple(path: Path, unet: UNet, *modules: str, seed: int = 3, rank: int = 4) -> Lora:
    tensors = {}
    for module in modules or (LINEAR, CROSS):
        out, width = unet.get_submodule(module).weight.shape
        tensors |= {f"{kohya(module)}.{k}": t for k, t in lora_pieces(out, width, rank, seed).items()}
    return write(path, tensors)
