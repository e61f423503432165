"""A ControlNet as ML Program operations: the interface of Apple's torch2coreml.py, whose apps add several nets' outputs up in
memory, so that these are float32."""

from __future__ import annotations

from converters.ane import Attention, conv
from converters.constants import Weights
from converters.graphs import (
    Graph,
    GraphStep,
    Vars,
    encoder_steps,
    residual_name,
    residual_ports,
    run_steps,
    unet,
    without,
)
from converters.toolchain import Var, mb
from sdedge.library.bundle_controls import HINT
from sdedge.library.manifest import Port
from sdedge.models.config import ControlNetConfig

_EMBEDDING = "controlnet_cond_embedding"


def controlnet(w: Weights, config: ControlNetConfig, attend: Attention, size: tuple[int, int], batch: int = 2) -> Graph:
    """Latents (B, 4, h, w), timesteps (B,), context (B, D, 1, 77), hint (B, 3, 8h, 8w) in 0 … 1 -> a residual for each skip and
    for the middle of the UNet; `size` is (w, h) of the latents.

    Those of a pooled net are averages, repeated to the size that the controlled UNet takes.
    """
    W, H = size
    f = config.downscale
    inputs = {
        **unet(w, config.encoder, attend, size, batch).inputs,
        HINT: Port((batch, config.hint_channels, H * f, W * f), "float16"),
    }
    outputs = residual_ports(config.encoder, size, batch, "float32")
    return Graph(inputs, outputs, lambda values: _residuals(w, config, attend, values))


def _residuals(w: Weights, config: ControlNetConfig, attend: Attention, inputs: Vars) -> Vars:
    time, first, *rest = encoder_steps(w, config.encoder, attend)
    hint = GraphStep((f"{_EMBEDDING}.",), lambda values: _add_hint(w, config, values))
    values = run_steps((time, first, hint, *rest), inputs)
    skips = sorted(
        (name for name in values if name.startswith("skip_")), key=lambda name: int(name.removeprefix("skip_"))
    )
    made = [conv(w, values[name], f"controlnet_down_blocks.{i}") for i, name in enumerate(skips)]
    made += [conv(w, values["hidden"], "controlnet_mid_block")] * config.encoder.has_middle
    return {residual_name(i): _pooled(x) if config.is_pooled else x for i, x in enumerate(made)}


def _add_hint(w: Weights, config: ControlNetConfig, values: Vars) -> Vars:
    """Adds the hint to what the first convolution makes, as the first skip has it too."""
    x = mb.silu(x=conv(w, values[HINT], f"{_EMBEDDING}.conv_in", pad=1))
    for i in range(2 * (len(config.hint_widths) - 1)):
        x = mb.silu(x=conv(w, x, f"{_EMBEDDING}.blocks.{i}", stride=1 + i % 2, pad=1))
    x = mb.add(x=values["hidden"], y=conv(w, x, f"{_EMBEDDING}.conv_out", pad=1))
    return {**without(values, HINT), "hidden": x, "skip_0": x}


def _pooled(x: Var) -> Var:
    _, _, H, W = x.shape
    return mb.tile(x=mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True), reps=[1, 1, H, W])
