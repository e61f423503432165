"""Frozen architecture descriptions, read from the `config.json` files of a diffusers folder.

The defaults are Stable Diffusion v1. Every value that this architecture cannot express is refused by name instead
of being ignored, because a network built from half a config draws wrong pictures without an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from sdedge.errors import ModelError

MAX_DEPTH = 8
_WIDTHS = ("block_out_channels", "encoder_block_out_channels", "decoder_block_out_channels")
# What each number may be: far more than any model of this architecture has, and little enough to build.
_COUNTS = {
    "in_channels": (1, 64), "out_channels": (1, 64), "latent_channels": (1, 64), "layers_per_block": (1, 16),
    "cross_attention_dim": (1, 16384), "attention_head_dim": (1, 1024), "norm_num_groups": (1, 1024),
    "sample_size": (1, 4096), "time_cond_proj_dim": (1, 16384), "vocab_size": (1, 1 << 20), "hidden_size": (1, 16384),
    "intermediate_size": (1, 65536), "num_hidden_layers": (1, 64), "num_attention_heads": (1, 256),
    "max_position_embeddings": (1, 4096), "num_encoder_blocks": (0, 32), "num_decoder_blocks": (0, 32),
    "encoder_block_out_channels": (1, 8192), "decoder_block_out_channels": (1, 8192), "block_out_channels": (1, 8192),
}  # fmt: skip
_CROSS = "CrossAttn"
_DOWN_BLOCKS = {"CrossAttnDownBlock2D": True, "DownBlock2D": False}
_MIDDLE = "UNetMidBlock2DCrossAttn"
_FACTORS = {"norm_eps": (0.0, 1.0), "layer_norm_eps": (0.0, 1.0), "scaling_factor": (1e-4, 1e4)}


def read_fields(kind: str, cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """Returns the entries of `config` that are fields of `cls`, with JSON lists as tuples. Raises ModelError for values of
    another type than the field has, and for numbers that no network can have."""
    known = {field.name: config[field.name] for field in fields(cls) if field.name in config}
    if known.get("sample_size", 0) is None:
        del known["sample_size"]  # diffusers writes null where nothing was said
    return {name: _value(kind, name, value) for name, value in known.items()}


def _value(kind: str, name: str, value: Any) -> Any:
    lists = name in _WIDTHS or name in ("num_encoder_blocks", "num_decoder_blocks")
    if name in _FACTORS:
        low, high = _FACTORS[name]
        if _is_number(value) and low <= value <= high:
            return float(value)
    elif name not in _COUNTS:
        if isinstance(value, str):
            return value
    elif value is None and name == "time_cond_proj_dim":
        return None
    elif name == "sample_size" and isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        return _value(kind, name, value[0])
    elif isinstance(value, (list, tuple)) and (lists or name == "attention_head_dim"):
        if 1 <= len(value) <= MAX_DEPTH and all(_is_count(item, name) for item in value):
            return tuple(value)
    elif not lists and _is_count(value, name):
        return value
    raise ModelError(
        f"The {kind} config has {name}={repr(value)[:80]}, which no Stable Diffusion v1 has; choose a v1 model."
    )


def _is_count(value: Any, name: str) -> bool:
    low, high = _COUNTS[name]
    return type(value) is int and low <= value <= high


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _divides(kind: str, name: str, parts: tuple[int, ...], widths: tuple[int, ...]) -> None:
    """Raise ModelError unless each of the widths is whole times its part."""
    if len(parts) != len(widths) or any(width % part for part, width in zip(parts, widths, strict=True)):
        shown = parts[0] if len(set(parts)) == 1 else list(parts)
        raise ModelError(
            f"The {kind} config has {name}={shown}, which does not divide the widths {list(widths)}; get it again."
        )


def _refuse(kind: str, config: dict[str, Any], supported: dict[str, tuple[Any, ...]]) -> None:
    for key, values in supported.items():
        value = config.get(key, values[0])
        value = tuple(value) if isinstance(value, list) else value
        if value not in values:
            raise ModelError(
                f"The {kind} config has {key}={repr(value)[:80]}, which is not Stable Diffusion v1 (expected {values[0]!r}); "
                "choose a v1 model."
            )


def v1_attention(depth: int) -> tuple[bool, ...]:
    """Returns which of so many levels attend in Stable Diffusion v1: all but the lowest."""
    return (True,) * (depth - 1) + (False,)


def _attention_of(config: dict[str, Any], depth: int) -> tuple[bool, ...]:
    """Returns which levels attend by a UNet's configuration. Raises ModelError for blocks of other kinds."""
    blocks = config.get("down_block_types")
    if blocks is None:
        return v1_attention(depth)
    if isinstance(blocks, list | tuple) and len(blocks) == depth:
        kinds = [_DOWN_BLOCKS.get(block) if isinstance(block, str) else None for block in blocks]
        if None not in kinds and True in kinds:
            return tuple(kind is True for kind in kinds)
    raise ModelError(
        f"The UNet config has down_block_types={repr(blocks)[:160]}, which is not Stable Diffusion v1; choose a v1 model."
    )


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the denoising UNet (`unet/config.json`)."""

    in_channels: int = 4
    out_channels: int = 4
    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    layers_per_block: int = 2
    cross_attention_dim: int = 768
    attention_head_dim: int | tuple[int, ...] = 8
    """The number of heads. diffusers kept this misleading name when the published v1 configs were written."""
    norm_num_groups: int = 32
    norm_eps: float = 1e-5
    sample_size: int = 64
    time_cond_proj_dim: int | None = None
    attention: tuple[bool, ...] | None = None
    """Which levels attend, from the highest resolution down, where it is not v1's choice: all but the lowest."""
    has_middle: bool = True
    """Whether there is a middle block; BK-SDM small and tiny, and SDXS, have none."""

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> Self:
        """Builds from a parsed `config.json`. Raises ModelError for values that are not v1."""
        read = cls(
            **read_fields("UNet", cls, {n: v for n, v in config.items() if n not in ("attention", "has_middle")})
        )
        attention = _attention_of(config, len(read.block_out_channels))
        read = replace(
            read, attention=None if attention == read.attends else attention,
            has_middle=config.get("mid_block_type", _MIDDLE) is not None,
        )  # fmt: skip
        _refuse(
            "UNet",
            config,
            {
                "up_block_types": (tuple(f"{_CROSS * attends}UpBlock2D" for attends in reversed(attention)),),
                "mid_block_type": (_MIDDLE, None),
                "use_linear_projection": (False, None),
                "class_embed_type": (None,),
                "addition_embed_type": (None,),
                "transformer_layers_per_block": (1,),
                "flip_sin_to_cos": (True,),
                "freq_shift": (0,),
                "act_fn": ("silu",),
                "only_cross_attention": (False,),
                "center_input_sample": (False,),
                "dual_cross_attention": (False,),
                "resnet_time_scale_shift": ("default",),
            },
        )
        return read

    @property
    def attends(self) -> tuple[bool, ...]:
        """Whether each level attends."""
        return self.attention or v1_attention(len(self.block_out_channels))

    def check_widths(self) -> None:
        """Raise ModelError where groups or heads do not divide the widths, so that no network can be built."""
        groups = (self.norm_num_groups,) * len(self.block_out_channels)
        _divides("UNet", "norm_num_groups", groups, self.block_out_channels)
        _divides("UNet", "attention_head_dim", self.heads, self.block_out_channels)

    @property
    def heads(self) -> tuple[int, ...]:
        """Attention heads per level."""
        heads = self.attention_head_dim
        return heads if isinstance(heads, tuple) else (heads,) * len(self.block_out_channels)


@dataclass(frozen=True)
class VAEConfig:
    """Shape of the autoencoder (`vae/config.json`)."""

    in_channels: int = 3
    out_channels: int = 3
    latent_channels: int = 4
    block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    layers_per_block: int = 2
    norm_num_groups: int = 32
    scaling_factor: float = 0.18215
    sample_size: int = 512

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> Self:
        """Builds from a parsed `config.json`. Raises ModelError for values that are not v1."""
        read = cls(**read_fields("VAE", cls, config))
        _refuse("VAE", config, {"act_fn": ("silu",), "shift_factor": (None,), "mid_block_add_attention": (True,)})
        return read

    def check_widths(self) -> None:
        """Raise ModelError where the groups do not divide the widths, so that no network can be built."""
        groups = (self.norm_num_groups,) * len(self.block_out_channels)
        _divides("VAE", "norm_num_groups", groups, self.block_out_channels)

    @property
    def downscale(self) -> int:
        """Pixels per latent cell along one axis."""
        return 2 ** (len(self.block_out_channels) - 1)


@dataclass(frozen=True)
class TextConfig:
    """Shape of the CLIP text transformer (`text_encoder/config.json`)."""

    vocab_size: int = 49408
    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    max_position_embeddings: int = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> Self:
        """Builds from a parsed `config.json`. Raises ModelError for values that are not v1."""
        read = cls(**read_fields("text encoder", cls, config))
        _refuse("text encoder", config, {"hidden_act": ("quick_gelu", "gelu"), "max_position_embeddings": (77,)})
        return read

    def check_widths(self) -> None:
        """Raise ModelError where the heads do not divide the width, so that no network can be built."""
        _divides("text encoder", "num_attention_heads", (self.num_attention_heads,), (self.hidden_size,))


@dataclass(frozen=True)
class ControlNetConfig:
    """Shape of a control net: its encoder, which is that of the UNet it was copied from, and the stack that reads the hint.

    hint_channels   channels of the hint
    hint_widths     of the stack's convolutions at each resolution, every one half of the last
    is_pooled       residuals are averaged over height and width ("shuffle")
    is_bgr          the hint's channels are blue, green, red
    """

    encoder: UNetConfig
    hint_channels: int = 3
    hint_widths: tuple[int, ...] = (16, 32, 96, 256)
    is_pooled: bool = False
    is_bgr: bool = False

    @property
    def downscale(self) -> int:
        """Pixels of the hint per latent cell along one axis."""
        return int(2 ** (len(self.hint_widths) - 1))


@dataclass(frozen=True)
class T2IAdapterConfig:
    """Shape of an adapter.

    hint_channels  channels of the hint: 1 of those for canny and sketch, else 3
    widths         of the features, one for each level of the UNet
    blocks         residual blocks of a level
    is_light       the published small one, which works in a quarter of the widths
    downscale      pixels of the hint per latent cell along one axis
    """

    hint_channels: int = 3
    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    blocks: int = 2
    is_light: bool = False
    downscale: int = 8


class ImageProjectionKind(StrEnum):
    """How an IP-Adapter makes tokens of a picture's encoding: of the pooled one (classic, light), by a Perceiver (plus,
    plus-face), or of every token of it (full-face)."""

    TOKENS = "tokens"
    PERCEIVER = "perceiver"
    PATCHES = "patches"


@dataclass(frozen=True)
class IPAdapterConfig:
    """Shape of an IP-Adapter.

    encoding  values of the picture's encoding: pooled, or of each of its tokens
    context   values of a token that the UNet's cross attention reads
    numbers   of the cross attentions in the file, in the order of the UNet's walk
    channels  of these cross attentions
    tokens    made of a picture; 0 where there are as many as the encoding has
    width, heads, inner, depth  of the Perceiver; 0 for others
    """

    kind: ImageProjectionKind
    encoding: int
    context: int
    numbers: tuple[int, ...]
    channels: tuple[int, ...]
    tokens: int = 0
    width: int = 0
    heads: int = 0
    inner: int = 0
    depth: int = 0

    @property
    def reads_pooled(self) -> bool:
        """Whether it reads the encoder's one pooled vector rather than the tokens of its last layer but one."""
        return self.kind is ImageProjectionKind.TOKENS
