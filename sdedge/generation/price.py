"""What each control of a request costs, by arithmetic, before a network is loaded: time of a step and memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sdedge.controls import Control
from sdedge.engines.protocol import Engine
from sdedge.generation.control_predictor import FittedControl, fitted_controls
from sdedge.generation.image_prompts import ImagePrompt
from sdedge.machine.memory_plan import spoken_size
from sdedge.machine.picture_memory import ITEMSIZES
from sdedge.models.config import ControlNetConfig, UNetConfig
from sdedge.models.controlnet import ControlNet
from sdedge.models.unet import UNet
from sdedge.models.unet_walk import level_sizes, walk
from sdedge.request import Resolved


def control_prices(engine: Engine, request: Resolved) -> Iterator[str]:
    """Yields a sentence for each control of a request: what it adds to a step, or to a picture, and to the memory.

    Raises as `fitted_controls`.
    """
    size = request.height // engine.facts.downscale, request.width // engine.facts.downscale
    for fitted in fitted_controls(engine, request):
        if isinstance(fitted, ImagePrompt):
            yield _picture_price(engine, fitted, size)
            continue
        adds = f"The control {fitted.model.name} adds {_time(engine, fitted, size)} and {_memory(engine, fitted)}."
        unknown = (
            "" if fitted.model.use else " What its hint has to be is unknown: neither its file nor its name says it."
        )
        yield adds + unknown


def _picture_price(engine: Engine, prompt: ImagePrompt, size: tuple[int, int]) -> str:
    """Says what an IP-Adapter costs: its encoder's one pass, during which it is in memory, and attention to its tokens."""
    base, _ = engine.unet_source()
    encoder = spoken_size(prompt.encoder.numel * _itemsize(engine))
    step = tokens_fraction(base, prompt.config.tokens or prompt.encoder.tokens, size)
    return (
        f"The control {prompt.name} adds one pass a picture of an image encoder of {encoder}, which then goes, and {step:.1%} to "
        f"{_when(prompt.control)}."
    )


def _when(control: Control) -> str:
    start, end = control.span
    return "every step" if (start, end) == (0, 1) else f"{end - start:.0%} of the steps"


def _itemsize(engine: Engine) -> int:
    return ITEMSIZES.get(engine.description.split()[-1], 4)


def _time(engine: Engine, fitted: FittedControl, size: tuple[int, int]) -> str:
    if not isinstance(fitted.config, ControlNetConfig):
        return "one pass a picture"
    base, _ = engine.unet_source()
    return f"{step_fraction(base, fitted.config, size):.0%} to {_when(fitted.control)}"


def _memory(engine: Engine, fitted: FittedControl) -> str:
    return f"{spoken_size(fitted.model.numel * _itemsize(engine))} of memory"


def step_fraction(base: UNetConfig, config: ControlNetConfig, size: tuple[int, int]) -> float:
    """Returns what a ControlNet computes, as a fraction of what its UNet does, for latents of a size (h, w)."""
    with torch.device("meta"):
        x, t = torch.empty(1, 4, *size), torch.empty(1)
        context = torch.empty(1, 77, base.cross_attention_dim)
        features = torch.empty(1, base.block_out_channels[0], *size)
        controlnet = ControlNet(config)
    return operations(controlnet, x, t, context, features) / unet_operations(base, size)


def tokens_fraction(base: UNetConfig, tokens: int, size: tuple[int, int]) -> float:
    """Returns what cross attention to a picture's tokens computes, as a fraction of what the UNet does, for latents (h, w)."""
    sizes = level_sizes(base, *size)
    pixels = [
        sizes[layer.level][0] * sizes[layer.level][1] * base.block_out_channels[layer.level]
        for layer in walk(base)
        if layer.attention
    ]
    return 4 * tokens * sum(pixels) / unet_operations(base, size)


def unet_operations(base: UNetConfig, size: tuple[int, int]) -> int:
    """Returns how many operations a UNet takes for one latent of a size (h, w)."""
    with torch.device("meta"):
        x, t = torch.empty(1, base.in_channels, *size), torch.empty(1)
        context = torch.empty(1, 77, base.cross_attention_dim)
        unet = UNet(base)
    return operations(unet, x, t, context)


def operations(network: nn.Module, *inputs: Tensor) -> int:
    """Returns how many operations a network on the meta device takes for inputs: products, convolutions, attention."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(*inputs)
    return int(counter.get_total_flops())
