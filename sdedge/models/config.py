"""Frozen architecture descriptions, read from the `config.json` files of a diffusers folder.

The defaults are Stable Diffusion v1. Every value that this architecture cannot express is refused by name instead
of being ignored, because a network built from half a config draws wrong pictures without an error.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from sdedge.errors import ModelError


def _pick(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """The entries of `config` that are fields of `cls`, with JSON lists as tuples."""
    names = {field.name for field in fields(cls)}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items() if key in names}


def _refuse(kind: str, config: dict[str, Any], supported: dict[str, tuple[Any, ...]]) -> None:
    for key, values in supported.items():
        value = config.get(key, values[0])
        value = tuple(value) if isinstance(value, list) else value
        if value not in values:
            raise ModelError(
                f"The {kind} config has {key}={value!r}, which is not Stable Diffusion v1 (expected {values[0]!r}); "
                "choose a v1 model."
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

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> Self:
        """Build from a parsed `config.json`. Raises ModelError for values that are not v1."""
        levels = len(config.get("block_out_channels", cls.block_out_channels))
        _refuse(
            "UNet",
            config,
            {
                "down_block_types": (("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),),
                "up_block_types": (("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),),
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
        return cls(**_pick(cls, config))

    @property
    def heads(self) -> tuple[int, ...]:
        """Attention heads per level."""
        given = self.attention_head_dim
        return given if isinstance(given, tuple) else (given,) * len(self.block_out_channels)


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
        """Build from a parsed `config.json`. Raises ModelError for values that are not v1."""
        _refuse("VAE", config, {"act_fn": ("silu",), "shift_factor": (None,), "mid_block_add_attention": (True,)})
        return cls(**_pick(cls, config))

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
        """Build from a parsed `config.json`. Raises ModelError for values that are not v1."""
        _refuse("text encoder", config, {"hidden_act": ("quick_gelu", "gelu"), "max_position_embeddings": (77,)})
        return cls(**_pick(cls, config))
