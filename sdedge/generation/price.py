"""What each control of a request costs, by arithmetic, before a network is loaded: time of a step and memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sdedge.engines.protocol import Engine
from sdedge.generation.control_predictor import FittedControl, fitted_controls
from sdedge.machine.memory_plan import in_gb
from sdedge.machine.picture_memory import ITEMSIZES
from sdedge.models.config import ControlNetConfig, UNetConfig
from sdedge.models.controlnet import ControlNet
from sdedge.models.unet import UNet
from sdedge.request import Resolved


def control_prices(engine: Engine, request: Resolved) -> Iterator[str]:
    """Yields a sentence for each control of a request: what it adds to a step, or to a picture, and to the memory.

    Raises as `fitted_controls`.
    """
    size = request.height // engine.facts.downscale, request.width // engine.facts.downscale
    for fitted in fitted_controls(engine, request):
        adds = f"The control {fitted.model.name} adds {_time(engine, fitted, size)} and {_memory(engine, fitted)}."
        unknown = (
            "" if fitted.model.use else " What its hint has to be is unknown: neither its file nor its name says it."
        )
        yield adds + unknown


def _time(engine: Engine, fitted: FittedControl, size: tuple[int, int]) -> str:
    if not isinstance(fitted.config, ControlNetConfig):
        return "one pass a picture"
    base, _ = engine.unet_source()
    start, end = fitted.control.span
    when = "every step" if (start, end) == (0, 1) else f"{end - start:.0%} of the steps"
    return f"{step_fraction(base, fitted.config, size):.0%} to {when}"


def _memory(engine: Engine, fitted: FittedControl) -> str:
    itemsize = ITEMSIZES.get(engine.description.split()[-1], 4)
    return f"{in_gb(fitted.model.numel * itemsize)} of memory"


def step_fraction(base: UNetConfig, config: ControlNetConfig, size: tuple[int, int]) -> float:
    """Returns what a ControlNet computes, as a fraction of what its UNet does, for latents of a size (h, w)."""
    with torch.device("meta"):
        x, t = torch.empty(1, base.in_channels, *size), torch.empty(1)
        context = torch.empty(1, 77, base.cross_attention_dim)
        features = torch.empty(1, base.block_out_channels[0], *size)
        unet, controlnet = UNet(base), ControlNet(config)
    return operations(controlnet, x[:, :4], t, context, features) / operations(unet, x, t, context)


def operations(network: nn.Module, *inputs: Tensor) -> int:
    """Returns how many operations a network on the meta device takes for inputs: products, convolutions, attention."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(*inputs)
    return int(counter.get_total_flops())
