"""The networks as ML Program operations, with the names, shapes and types that apps look up in packages of Stable
Diffusion (Apple's ml-stable-diffusion, torch2coreml.py). Layers are written with the names of the checkpoint's weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.ane import ACTIVATIONS, MASKED, TINY, Attention, conv, gelu, group_norm, layer_norm
from converters.constants import Weights
from converters.toolchain import Var, mb
from sdedge.library.bundle_controls import RESIDUAL
from sdedge.library.manifest import Port
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet_walk import Layer, encoder_walk, residual_shapes, walk
from sdedge.models.vae import EPS

TOKENS = 77
SAFETY_SIDE = 512
"""Apple's Swift package feeds the checker pixels of this size, whatever the pictures have."""

Vars = dict[str, Var]


@dataclass(frozen=True)
class Graph:
    """One network: its interface, and what writes its operations. All shapes are fixed."""

    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    emit: Callable[[Vars], Vars]


# Blocks


def _resnet(w: Weights, x: Var, name: str, groups: int, eps: float, time: Var | None = None) -> Var:
    h = mb.silu(x=group_norm(w, x, f"{name}.norm1", groups, eps))
    h = conv(w, h, f"{name}.conv1", pad=1)
    if time is not None:
        h = mb.add(x=h, y=conv(w, time, f"{name}.time_emb_proj"))
    h = mb.silu(x=group_norm(w, h, f"{name}.norm2", groups, eps))
    h = conv(w, h, f"{name}.conv2", pad=1)
    if f"{name}.conv_shortcut.weight" in w.tensors:
        x = conv(w, x, f"{name}.conv_shortcut")
    return mb.add(x=x, y=h, name=w.label(name))


def _upsample(w: Weights, x: Var, name: str) -> Var:
    x = mb.upsample_nearest_neighbor(x=x, scale_factor_height=2.0, scale_factor_width=2.0)
    return conv(w, x, f"{name}.conv", pad=1)


def _attention(w: Weights, x: Var, context: Var, name: str, heads: int, attend: Attention) -> Var:
    q, k, v = conv(w, x, f"{name}.to_q"), conv(w, context, f"{name}.to_k"), conv(w, context, f"{name}.to_v")
    return conv(w, attend(q, k, v, heads, None), f"{name}.to_out.0")


def _transformer(w: Weights, x: Var, context: Var, name: str, heads: int, groups: int, attend: Attention) -> Var:
    B, C, H, W = x.shape
    block = f"{name}.transformer_blocks.0"
    h = conv(w, group_norm(w, x, f"{name}.norm", groups, 1e-6), f"{name}.proj_in")
    h = mb.reshape(x=h, shape=[B, C, 1, H * W])
    for number, condition in ((1, None), (2, context)):
        normed = layer_norm(w, h, f"{block}.norm{number}")
        read = normed if condition is None else condition
        h = mb.add(x=h, y=_attention(w, normed, read, f"{block}.attn{number}", heads, attend))
    value, gate = mb.split(
        x=conv(w, layer_norm(w, h, f"{block}.norm3"), f"{block}.ff.net.0.proj"), num_splits=2, axis=1
    )
    h = mb.add(x=h, y=conv(w, mb.mul(x=value, y=gelu(gate)), f"{block}.ff.net.2"))
    h = conv(w, mb.reshape(x=h, shape=[B, C, H, W]), f"{name}.proj_out")
    return mb.add(x=h, y=x, name=w.label(name))


def _clip_layer(w: Weights, x: Var, name: str, config: Any, attend: Attention, mask: np.ndarray | None) -> Var:
    """Builds a layer of CLIP's text or vision tower: (1, C, 1, T) -> same."""
    eps, part = config.layer_norm_eps, f"{name}.self_attn"
    h = layer_norm(w, x, f"{name}.layer_norm1", eps)
    q, k, v = (conv(w, h, f"{part}.{letter}_proj") for letter in "qkv")
    x = mb.add(x=x, y=conv(w, attend(q, k, v, config.num_attention_heads, mask), f"{part}.out_proj"))
    h = conv(w, layer_norm(w, x, f"{name}.layer_norm2", eps), f"{name}.mlp.fc1")
    return mb.add(x=x, y=conv(w, ACTIVATIONS[config.hidden_act](h), f"{name}.mlp.fc2"), name=w.label(name))


# Text encoder


def text_encoder(w: Weights, config: TextConfig, attend: Attention) -> Graph:
    """Builds the graph: token ids (1, 77) as floats -> final hidden states (1, 77, D), and that at the first end token (1, D)."""
    D = config.hidden_size
    return Graph(
        {"input_ids": Port((1, TOKENS), "float32")},
        {"last_hidden_state": Port((1, TOKENS, D), "float32"), "pooled_outputs": Port((1, D), "float32")},
        lambda inputs: _encode_text(w, config, attend, inputs["input_ids"]),
    )


def _encode_text(w: Weights, config: TextConfig, attend: Attention, input_ids: Var) -> Vars:
    ids = mb.cast(x=input_ids, dtype="int32")
    x = mb.gather(x=w.table("text_model.embeddings.token_embedding.weight"), indices=ids, axis=0)  # (1, 77, D)
    x = mb.add(x=x, y=w.vector("text_model.embeddings.position_embedding.weight", (1, TOKENS, config.hidden_size)))
    x = mb.expand_dims(x=mb.transpose(x=x, perm=[0, 2, 1]), axes=[2])  # (1, D, 1, 77)
    mask = np.triu(np.full((TOKENS, TOKENS), MASKED, np.float16), 1)
    for i in range(config.num_hidden_layers):
        x = _clip_layer(w, x, f"text_model.encoder.layers.{i}", config, attend, mask)
    x = layer_norm(w, x, "text_model.final_layer_norm", config.layer_norm_eps)
    hidden = mb.transpose(x=mb.squeeze(x=x, axes=[2]), perm=[0, 2, 1])  # (1, 77, D)
    end = mb.reduce_argmax(x=ids, axis=1, keep_dims=False)  # (1,): the end token has the highest id
    pooled = mb.gather(x=mb.squeeze(x=hidden, axes=[0]), indices=end, axis=0)
    return {"last_hidden_state": hidden, "pooled_outputs": pooled}


# UNet


def residual_name(i: int) -> str:
    """Returns the name of a ControlNet's output, and of the controlled UNet's input for it."""
    return f"{RESIDUAL}{i}"


@dataclass(frozen=True)
class GraphStep:
    """A piece of the UNet between two places where it can be cut: from named values to named values.

    `layers` are the prefixes of the weights it uses.
    """

    layers: tuple[str, ...]
    run: Callable[[Vars], Vars]


def unet(
    w: Weights,
    config: UNetConfig,
    attend: Attention,
    size: tuple[int, int],
    batch: int = 2,
    is_controlled: bool = False,
) -> Graph:
    """Latents (B, in, h, w), timesteps (B,), context (B, D, 1, 77) -> predicted noise (B, out, h, w); `size` is (w, h).

    A controlled one also reads residuals, which it adds to the skips and the middle.
    """
    W, H = size
    inputs = {
        "sample": Port((batch, config.in_channels, H, W), "float16"),
        "timestep": Port((batch,), "float16"),
        "encoder_hidden_states": Port((batch, config.cross_attention_dim, 1, TOKENS), "float16"),
        **(residual_ports(config, size, batch, "float16") if is_controlled else {}),
    }
    outputs = {"noise_pred": Port((batch, config.out_channels, H, W), "float32")}
    return Graph(inputs, outputs, lambda values: run_steps(unet_steps(w, config, attend), values))


def residual_ports(config: UNetConfig, size: tuple[int, int], batch: int, dtype: str) -> dict[str, Port]:
    """Returns the residuals of a ControlNet, the skips' from the outermost on and then the middle's; `size` is (w, h)."""
    W, H = size
    shapes = residual_shapes(config, H, W)
    return {residual_name(i): Port((batch, *shape), dtype) for i, shape in enumerate(shapes)}


def run_steps(steps: Iterable[GraphStep], values: Vars) -> Vars:
    """Writes the operations of some steps, from values by name to values by name."""
    for step in steps:
        values = step.run(values)
    return values


def unet_steps(w: Weights, config: UNetConfig, attend: Attention) -> list[GraphStep]:
    """Returns the UNet in order. Values are the graph's inputs, "time", "hidden", and "skip_0", "skip_1", ... until used."""
    up = walk(config)[len(encoder_walk(config)) :]
    return [
        *encoder_steps(w, config, attend),
        GraphStep((), lambda v: _add_residuals(config, v)),
        *(_layer_step(w, config, part, attend) for layer in up for part in _cuttable(layer)),
        GraphStep(("conv_norm_out.", "conv_out."), lambda v: _finish(w, config, v)),
    ]


def encoder_steps(w: Weights, config: UNetConfig, attend: Attention) -> list[GraphStep]:
    """Returns the UNet up to the end of its middle, of which ControlNets are copies."""
    _, *layers = encoder_walk(config)
    return [
        GraphStep(("time_embedding.",), lambda v: _embed_time(w, config, v)),
        GraphStep(("conv_in.",), lambda v: _start(w, v)),
        *(_layer_step(w, config, part, attend) for layer in layers for part in _cuttable(layer)),
    ]


def _add_residuals(config: UNetConfig, values: Vars) -> Vars:
    """Adds the residuals that are there, after the middle as Apple's UNet does: a first chunk takes all of them."""
    places = [f"skip_{i}" for i in range(_skips(values))] + ["hidden"] * config.has_middle
    added = dict(values)
    for i, place in enumerate(places):
        if (residual := added.pop(residual_name(i), None)) is not None:
            added[place] = mb.add(x=added[place], y=residual)
    return added


def _cuttable(layer: Layer) -> list[Layer]:
    """Returns the layer, or its modules as layers of their own where no skip is read or kept: each may end a chunk."""
    if layer.reads_skip or layer.keeps_skip:
        return [layer]
    modules = {name: getattr(layer, name) for name in ("resnet", "attention", "resample") if getattr(layer, name)}
    none = dict.fromkeys(modules, "")
    return [replace(layer, **{**none, name: path}) for name, path in modules.items()]


def _embed_time(w: Weights, config: UNetConfig, values: Vars) -> Vars:
    """Sinusoids in float32: in half precision a timestep near 999 has a spacing of 0.5."""
    width = config.block_out_channels[0]
    frequencies = np.exp(-math.log(10000) * np.arange(width // 2, dtype=np.float32) / (width // 2))[None]
    t = mb.expand_dims(x=mb.cast(x=values["timestep"], dtype="fp32"), axes=[1])
    angles = mb.mul(x=t, y=frequencies.astype(np.float32))
    waves = mb.cast(x=mb.concat(values=[mb.cos(x=angles), mb.sin(x=angles)], axis=1), dtype="fp16")
    x = conv(w, mb.expand_dims(x=waves, axes=[2, 3]), "time_embedding.linear_1")
    x = mb.silu(x=conv(w, mb.silu(x=x), "time_embedding.linear_2"))  # every block begins with SiLU
    return {**without(values, "timestep"), "time": x}


def _start(w: Weights, values: Vars) -> Vars:
    x = conv(w, values["sample"], "conv_in", pad=1)
    return {**without(values, "sample"), "hidden": x, "skip_0": x}


def _layer_step(w: Weights, config: UNetConfig, layer: Layer, attend: Attention) -> GraphStep:
    def run(values: Vars) -> Vars:
        x = values["hidden"]
        if layer.reads_skip:
            last = f"skip_{_skips(values) - 1}"
            x = mb.concat(values=[x, values[last]], axis=1)
            values = without(values, last)
        x = _layer(w, config, layer, attend, x, values)
        skip = {f"skip_{_skips(values)}": x} if layer.keeps_skip else {}
        return {**values, "hidden": x, **skip}

    resample = f"{layer.resample}.conv" if layer.resample else ""
    return GraphStep(tuple(f"{path}." for path in (layer.resnet, layer.attention, resample) if path), run)


def _layer(w: Weights, config: UNetConfig, layer: Layer, attend: Attention, x: Var, values: Vars) -> Var:
    groups = config.norm_num_groups
    if layer.resnet:
        x = _resnet(w, x, layer.resnet, groups, config.norm_eps, values["time"])
    if layer.attention:
        assert layer.heads is not None
        x = _transformer(w, x, values["encoder_hidden_states"], layer.attention, layer.heads, groups, attend)
    if layer.resample:
        x = conv(w, x, f"{layer.resample}.conv", stride=2, pad=1) if layer.halves else _upsample(w, x, layer.resample)
    return x


def _finish(w: Weights, config: UNetConfig, values: Vars) -> Vars:
    x = mb.silu(x=group_norm(w, values["hidden"], "conv_norm_out", config.norm_num_groups, config.norm_eps))
    return {"noise_pred": conv(w, x, "conv_out", pad=1)}


def _skips(values: Vars) -> int:
    return sum(name.startswith("skip_") for name in values)


def without(values: Vars, name: str) -> Vars:
    """Returns the values but for one that is used up."""
    return {key: value for key, value in values.items() if key != name}


# VAE


def vae_decoder(w: Weights, config: VAEConfig, attend: Attention, size: tuple[int, int]) -> Graph:
    """Builds the graph: unscaled latent (1, 4, h, w) -> picture (1, 3, 8h, 8w), about [-1, 1]; `size` is (w, h)."""
    (W, H), f = size, config.downscale
    return Graph(
        {"z": Port((1, config.latent_channels, H, W), "float16")},
        {"image": Port((1, config.out_channels, H * f, W * f), "float32")},
        lambda inputs: {"image": _decode(w, config, attend, inputs["z"])},
    )


def vae_encoder(w: Weights, config: VAEConfig, attend: Attention, size: tuple[int, int]) -> Graph:
    """Builds the graph: picture (1, 3, 8h, 8w) in [-1, 1] -> mean and log variance (1, 8, h, w), neither clamped nor scaled."""
    (W, H), f = size, config.downscale
    return Graph(
        {"x": Port((1, config.in_channels, H * f, W * f), "float16")},
        {"latent": Port((1, 2 * config.latent_channels, H, W), "float32")},
        lambda inputs: {"latent": _encode(w, config, attend, inputs["x"])},
    )


def _decode(w: Weights, config: VAEConfig, attend: Attention, z: Var) -> Var:
    depth, groups = len(config.block_out_channels), config.norm_num_groups
    x = conv(w, conv(w, z, "post_quant_conv"), "decoder.conv_in", pad=1)
    x = _vae_middle(w, x, "decoder.mid_block", groups, attend)
    for i in range(depth):
        for j in range(config.layers_per_block + 1):
            x = _resnet(w, x, f"decoder.up_blocks.{i}.resnets.{j}", groups, EPS)
        if i < depth - 1:
            x = _upsample(w, x, f"decoder.up_blocks.{i}.upsamplers.0")
    x = mb.silu(x=group_norm(w, x, "decoder.conv_norm_out", groups, EPS))
    return conv(w, x, "decoder.conv_out", pad=1)


def _encode(w: Weights, config: VAEConfig, attend: Attention, x: Var) -> Var:
    depth, groups = len(config.block_out_channels), config.norm_num_groups
    x = conv(w, x, "encoder.conv_in", pad=1)
    for i in range(depth):
        for j in range(config.layers_per_block):
            x = _resnet(w, x, f"encoder.down_blocks.{i}.resnets.{j}", groups, EPS)
        if i < depth - 1:
            x = mb.pad(x=x, pad=[0, 0, 0, 0, 0, 1, 0, 1], mode="constant", constant_val=np.float16(0))
            x = conv(w, x, f"encoder.down_blocks.{i}.downsamplers.0.conv", stride=2)
    x = _vae_middle(w, x, "encoder.mid_block", groups, attend)
    x = mb.silu(x=group_norm(w, x, "encoder.conv_norm_out", groups, EPS))
    return conv(w, conv(w, x, "encoder.conv_out", pad=1), "quant_conv")


def _vae_middle(w: Weights, x: Var, name: str, groups: int, attend: Attention) -> Var:
    x = _resnet(w, x, f"{name}.resnets.0", groups, EPS)
    B, C, H, W = x.shape
    part = f"{name}.attentions.0"
    h = mb.reshape(x=group_norm(w, x, f"{part}.group_norm", groups, EPS), shape=[B, C, 1, H * W])
    h = mb.reshape(x=_attention(w, h, h, part, 1, attend), shape=[B, C, H, W])
    return _resnet(w, mb.add(x=h, y=x, name=w.label(part)), f"{name}.resnets.1", groups, EPS)


# Safety checker


def safety_checker(w: Weights, config: Any, attend: Attention) -> Graph:
    """Builds the graph: prepared picture (1, 3, 224, 224), pixels (1, 512, 512, 3), adjustment (1,) -> pixels or black, verdict,
    17 scores.

    `config` is CLIP's vision configuration. As Apple's, the adjustment is added to the special-care scores.
    """
    side, concepts = config.image_size, w.tensors["concept_embeds_weights"].shape[0]
    return Graph(
        {
            "clip_input": Port((1, config.num_channels, side, side), "float16"),
            "images": Port((1, SAFETY_SIDE, SAFETY_SIDE, 3), "float16"),
            "adjustment": Port((1,), "float16"),
        },
        {
            "filtered_images": Port((1, SAFETY_SIDE, SAFETY_SIDE, 3), "float32"),
            "has_nsfw_concepts": Port((1, 1, 1, 1), "float32"),
            "concept_scores": Port((1, concepts), "float32"),
        },
        lambda inputs: _judge(w, config, attend, inputs),
    )


def _judge(w: Weights, config: Any, attend: Attention, inputs: Vars) -> Vars:
    embedding = _see(w, config, attend, inputs["clip_input"])
    special = mb.sub(x=_cosines(w, embedding, "special_care_embeds"), y=w.table("special_care_embeds_weights"))
    near = mb.reduce_max(x=mb.add(x=special, y=inputs["adjustment"]), axes=[1], keep_dims=True)  # (1, 1)
    scores = mb.sub(x=_cosines(w, embedding, "concept_embeds"), y=w.table("concept_embeds_weights"))
    scores = mb.add(x=scores, y=mb.mul(x=_above_zero(near), y=np.float16(0.01)))  # (1, 17)
    unsafe = mb.expand_dims(x=_above_zero(mb.reduce_max(x=scores, axes=[1], keep_dims=True)), axes=[2, 3])
    clean = mb.mul(x=inputs["images"], y=mb.sub(x=np.float16(1), y=unsafe))
    return {"filtered_images": clean, "has_nsfw_concepts": unsafe, "concept_scores": scores}


def _see(w: Weights, config: Any, attend: Attention, x: Var) -> Var:
    """Builds CLIP's vision tower and projection: (1, 3, S, S) -> (1, projection, 1, 1)."""
    name, eps = "vision_model", config.layer_norm_eps
    x = conv(w, x, f"{name}.embeddings.patch_embedding", stride=config.patch_size)
    _, C, H, W = x.shape
    first = w.vector(f"{name}.embeddings.class_embedding", (1, C, 1, 1))
    x = mb.concat(values=[first, mb.reshape(x=x, shape=[1, C, 1, H * W])], axis=3)
    places = np.ascontiguousarray(w.array(f"{name}.embeddings.position_embedding.weight").T[None, :, None])
    x = layer_norm(w, mb.add(x=x, y=places), f"{name}.pre_layrnorm", eps)
    for i in range(config.num_hidden_layers):
        x = _clip_layer(w, x, f"{name}.encoder.layers.{i}", config, attend, None)
    x = mb.slice_by_size(x=x, begin=[0, 0, 0, 0], size=[1, C, 1, 1])
    return conv(w, layer_norm(w, x, f"{name}.post_layernorm", eps), "visual_projection")


def _cosines(w: Weights, embedding: Var, name: str) -> Var:
    """Builds the cosines with each row of the table: (1, D, 1, 1) -> (1, rows)."""
    table = w.array(name).astype(np.float32)
    table = (table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float16)
    unit = mb.l2_norm(x=embedding, epsilon=TINY)
    return mb.squeeze(x=mb.conv(x=unit, weight=table[:, :, None, None], name=w.label(name)), axes=[2, 3])


def _above_zero(x: Var) -> Var:
    return mb.cast(x=mb.greater(x=x, y=np.float16(0)), dtype="fp16")
