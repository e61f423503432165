"""The denoising UNet of Stable Diffusion v1 (Rombach et al. 2022), equal to diffusers' UNet2DConditionModel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from sdedge.models.config import UNetConfig
from sdedge.models.layers import (
    Downsample2D,
    ResnetBlock2D,
    TimestepEmbedding,
    Transformer2DModel,
    Upsample2D,
    timestep_embedding,
)
from sdedge.models.unet_rows import SMALL, resnet_by_rows
from sdedge.models.unet_walk import Layer, walk


class DownBlock(nn.Module):
    """One level on the way down: residual blocks, each followed by attention where `heads` is given. `UNet.run` calls them."""

    def __init__(self, config: UNetConfig, level: int, heads: int | None) -> None:
        super().__init__()
        widths = config.block_out_channels
        channels, previous = widths[level], widths[max(level - 1, 0)]
        inputs = [previous] + [channels] * (config.layers_per_block - 1)
        self.resnets = nn.ModuleList([_resnet(config, width, channels) for width in inputs])
        self.attentions = nn.ModuleList([_transformer(config, channels, heads) for _ in inputs] if heads else [])
        last = level == len(widths) - 1
        self.downsamplers = nn.ModuleList([] if last else [Downsample2D(channels)])


class MidBlock(nn.Module):
    """Residual block, attention, residual block at the lowest resolution."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        channels = config.block_out_channels[-1]
        self.resnets = nn.ModuleList([_resnet(config, channels, channels) for _ in range(2)])
        self.attentions = nn.ModuleList([_transformer(config, channels, config.heads[-1])])


class UpBlock(nn.Module):
    """One level on the way up: each residual block first takes in a skip from the way down."""

    def __init__(self, config: UNetConfig, level: int, heads: int | None) -> None:
        super().__init__()
        widths = config.block_out_channels
        channels, below = widths[level], widths[min(level + 1, len(widths) - 1)]
        layers = config.layers_per_block + 1
        inputs = [below] + [channels] * (layers - 1)
        skips = [channels] * (layers - 1) + [widths[max(level - 1, 0)]]
        self.resnets = nn.ModuleList([_resnet(config, i + s, channels) for i, s in zip(inputs, skips, strict=True)])
        self.attentions = nn.ModuleList([_transformer(config, channels, heads) for _ in inputs] if heads else [])
        self.upsamplers = nn.ModuleList([Upsample2D(channels)] if level > 0 else [])


@dataclass(frozen=True, eq=False)
class BoundLayer:
    """A layer of the walk with its modules, which `UNetEncoder.run` calls."""

    layer: Layer
    resnet: nn.Module | None
    attention: nn.Module | None
    resample: nn.Module | None


def joined(layer: Layer, x: Tensor, skip: Tensor) -> Tensor:
    """Returns features and skip one behind the other, as a layer on the way up reads them."""
    return torch.cat([x, skip], dim=1)


class UNetEncoder(nn.Module):
    """The way down and the middle, with the time embedding: what a UNet and a ControlNet have in common.

    `layers` are those of the walk that the network has, bound to its modules. `join` is the function that makes what a layer on
    the way up reads of features and skip, and so the place where an edit of skips enters.
    """

    layers: tuple[BoundLayer, ...]
    join: Callable[[Layer, Tensor, Tensor], Tensor]
    in_rows = False
    """Whether wide residual blocks run by rows (`unet_rows`)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        config.check_widths()
        self.config = config
        self.join = joined
        widths, heads = config.block_out_channels, self.heads()
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.time_embedding = TimestepEmbedding(widths[0], widths[0] * 4, config.time_cond_proj_dim)
        self.down_blocks = nn.ModuleList([DownBlock(config, i, heads[i]) for i in range(len(widths))])
        if config.has_middle:
            self.mid_block = MidBlock(config)

    def heads(self) -> list[int | None]:
        """Returns the heads of every level on the way down and up; None where it does not attend."""
        return [
            heads if attends else None for heads, attends in zip(self.config.heads, self.config.attends, strict=True)
        ]

    def embed(self, t: Tensor, dtype: torch.dtype, embedding: Tensor | None = None) -> Tensor:
        """Embeds timesteps (B,), and adds a guidance embedding (B, D), as the residual blocks read them: (B, E).

        One row stands for a whole batch.
        """
        sinusoids = timestep_embedding(t, self.config.block_out_channels[0]).to(dtype)
        return self.time_embedding(sinusoids, None if embedding is None else embedding.to(dtype))

    def run(
        self, layers: Sequence[BoundLayer], x: Tensor, time: Tensor, context: Tensor, skip_stack: list[Tensor],
        down: Sequence[Tensor] = (), skips: Sequence[Tensor] = (),
    ) -> Tensor:  # fmt: skip
        """Runs layers of the walk on x (B, C, h, w). `skip_stack` are the skips so far: the way up takes them from the end."""
        features, residuals = iter(down), iter(skips)
        for bound in layers:
            layer = bound.layer
            if bound.resnet is not None:
                parts = self._joined(layer, x, skip_stack.pop()) if layer.reads_skip else [x]
                del x  # which goes as soon as the block has read it
                x = self._residual(bound.resnet, parts, time)
            if bound.attention is not None:
                x = bound.attention(x, context)
            if bound.resample is not None:  # an upsampler makes a map as large as the skip that is read next
                size = (skip_stack[-1].shape[2:],) if isinstance(bound.resample, Upsample2D) else ()
                x = bound.resample(x, *size)
            if layer.is_down_end and down:
                x = x + next(features)
            if layer.keeps_skip:
                skip_stack.append(x + next(residuals) if skips else x)
            elif layer.is_middle and skips:
                x = x + next(residuals)
        return x

    def _joined(self, layer: Layer, x: Tensor, skip: Tensor) -> list[Tensor]:
        """Returns the maps that a layer on the way up reads joined: as they are, or where an edit joins them, as one."""
        return [x, skip] if self.join is joined else [self.join(layer, x, skip)]

    def _residual(self, block: nn.Module, parts: list[Tensor], time: Tensor) -> Tensor:
        """Returns what a residual block makes of maps that are joined along their channels."""
        if self.in_rows and sum(part.numel() for part in parts) > SMALL:
            made = resnet_by_rows(block, parts, time)
            parts.clear()  # or they would stay while what follows runs
            return made
        x = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        parts.clear()
        result: Tensor = block(x, time)
        return result

    def _bind(self, layer: Layer) -> BoundLayer:
        modules = (
            self.get_submodule(path) if path else None for path in (layer.resnet, layer.attention, layer.resample)
        )
        return BoundLayer(layer, *modules)


class UNet(UNetEncoder):
    """Predicts the noise in a latent: latent (B, in, h, w), timesteps (B,), context (B, T, D) -> eps (B, out, h, w).

    Networks with a `time_cond_proj_dim` D (latent consistency models) read the guidance scale too, where it is given: as
    `layers.guidance_embedding` (B, D) of it.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        widths, heads = config.block_out_channels, self.heads()
        self.up_blocks = nn.ModuleList([UpBlock(config, i, heads[i]) for i in reversed(range(len(widths)))])
        self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, widths[0], eps=config.norm_eps)
        self.conv_out = nn.Conv2d(widths[0], config.out_channels, 3, padding=1)
        self.layers = tuple(self._bind(layer) for layer in walk(config))

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor, embedding: Tensor | None = None,
        down: Sequence[Tensor] = (), skips: Sequence[Tensor] = (),
    ) -> Tensor:  # fmt: skip
        """`down` are features for the down ends, `skips` residuals for the skips and the middle, as `unet_walk` lists them."""
        x = self.run(self.layers, x, self.embed(t, x.dtype, embedding), context, [], down, skips)
        return self.output(x)

    def output(self, x: Tensor) -> Tensor:
        """Returns the model output (B, out, h, w) of what the last layer made."""
        return self.conv_out(silu(self.conv_norm_out(x)))


def _resnet(config: UNetConfig, in_channels: int, out_channels: int) -> ResnetBlock2D:
    time_channels = config.block_out_channels[0] * 4
    return ResnetBlock2D(in_channels, out_channels, config.norm_num_groups, config.norm_eps, time_channels)


def _transformer(config: UNetConfig, channels: int, heads: int) -> Transformer2DModel:
    return Transformer2DModel(channels, heads, config.cross_attention_dim, config.norm_num_groups)
