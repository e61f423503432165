"""The walk through the UNet: its layers in the order they run, and the places where features enter. No torch.

Every form of the UNet iterates this one list: the plain and the fused network, the streamed one (which reads weights ahead),
feature reuse (which walks its ends alone), and the exported graphs. The places, with v1's numbers:

    down_ends        4    what the last layer of a down block makes, before it is kept as a skip and halved (T2I-Adapter)
    skips           12    what is kept for the way up (ControlNet)
    middle           1    what the middle block makes (ControlNet)
    cross_attention 16    over the context
    self_attention  16    over the pixels of a feature map; the last before the way up is the deepest (PAG)
    up_block         4    whose number says how features and skips are joined (FreeU)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdedge.models.config import UNetConfig


@dataclass(frozen=True)
class Layer:
    """One layer by the paths of its modules, which run in this order where they are there.

    level   of the maps that its convolutions read: 0 is the latent's own resolution, each further one half of the last
    heads   of its attention
    """

    level: int
    resnet: str = ""
    attention: str = ""
    resample: str = ""
    heads: int | None = None
    reads_skip: bool = False
    """It reads the last skip beside what the layer before it made."""
    halves: bool = False
    """It makes a map of the next level's size."""
    is_down_end: bool = False
    keeps_skip: bool = False
    is_middle: bool = False
    up_block: int | None = None
    """The number of its block on the way up, the lowest being 0 (FreeU)."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the modules that are there."""
        return tuple(path for path in (self.resnet, self.attention, self.resample) if path)

    @property
    def self_attention(self) -> str:
        """The path of the attention over the map's own pixels; "" where there is none."""
        return self.attention and f"{self.attention}.transformer_blocks.0.attn1"

    @property
    def cross_attention(self) -> str:
        """The path of the attention over the context; "" where there is none."""
        return self.attention and f"{self.attention}.transformer_blocks.0.attn2"


def walk(config: UNetConfig) -> tuple[Layer, ...]:
    """Returns the layers from the first convolution to the last layer before the output's norm."""
    return (*encoder_walk(config), *_up(config))


def encoder_walk(config: UNetConfig) -> tuple[Layer, ...]:
    """Returns the layers up to the end of the middle block, of which control nets are copies."""
    return (Layer(0, resample="conv_in", keeps_skip=True), *_down(config), *_middle(config))


def level_sizes(config: UNetConfig, height: int, width: int) -> list[tuple[int, int]]:
    """Returns height and width of the maps of every level, for latents of a size."""
    sizes = [(height, width)]
    for _ in config.block_out_channels[1:]:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def feature_shapes(config: UNetConfig, height: int, width: int) -> list[tuple[int, int, int]]:
    """Returns the shapes (C, h, w) at the down ends, for latents of a size: what `UNetInputs.down` holds."""
    sizes = level_sizes(config, height, width)
    ends = [layer.level for layer in walk(config) if layer.is_down_end]
    return [(config.block_out_channels[level], *sizes[level]) for level in ends]


def residual_shapes(config: UNetConfig, height: int, width: int) -> list[tuple[int, int, int]]:
    """Returns the shapes (C, h, w) of the skips and of the middle, for latents of a size: what `UNetInputs.skips` holds."""
    sizes = level_sizes(config, height, width)
    layers = [layer for layer in walk(config) if layer.keeps_skip or layer.is_middle]
    return [(config.block_out_channels[layer.level], *sizes[layer.level + layer.halves]) for layer in layers]


def image_numbers(config: UNetConfig) -> list[int]:
    """Returns the numbers that files of IP-Adapters give the cross attentions, in the order of the walk.

    They are 1, 3, 5 … down and then up, and the middle's comes last.
    """
    in_middle = [layer.attention.startswith("mid_block") for layer in walk(config) if layer.attention]
    order = sorted(range(len(in_middle)), key=lambda place: in_middle[place])
    return [2 * order.index(place) + 1 for place in range(len(in_middle))]


def deepest_self_attention(config: UNetConfig) -> str:
    """Returns the path of the last self attention before the way up: the middle's, in UNets that have one."""
    return [layer.self_attention for layer in encoder_walk(config) if layer.attention][-1]


def attention_channels(config: UNetConfig) -> list[int]:
    """Returns the channels of the cross attentions, in the order of the walk."""
    return [config.block_out_channels[layer.level] for layer in walk(config) if layer.attention]


def _down(config: UNetConfig) -> Iterator[Layer]:
    depth = len(config.block_out_channels)
    for level in range(depth):
        block, is_last = f"down_blocks.{level}", level == depth - 1
        for i in range(config.layers_per_block):
            yield Layer(
                level,
                resnet=f"{block}.resnets.{i}",
                attention=f"{block}.attentions.{i}" if config.attends[level] else "",
                heads=config.heads[level] if config.attends[level] else None,
                is_down_end=i == config.layers_per_block - 1,
                keeps_skip=True,
            )
        if not is_last:
            yield Layer(level, resample=f"{block}.downsamplers.0", halves=True, keeps_skip=True)


def _middle(config: UNetConfig) -> Iterator[Layer]:
    if not config.has_middle:
        return
    lowest = len(config.block_out_channels) - 1
    yield Layer(lowest, resnet="mid_block.resnets.0", attention="mid_block.attentions.0", heads=config.heads[-1])
    yield Layer(lowest, resnet="mid_block.resnets.1", is_middle=True)


def _up(config: UNetConfig) -> Iterator[Layer]:
    depth = len(config.block_out_channels)
    for block, level in enumerate(reversed(range(depth))):
        has_attention = config.attends[level]
        for i in range(config.layers_per_block + 1):
            yield Layer(
                level,
                resnet=f"up_blocks.{block}.resnets.{i}",
                attention=f"up_blocks.{block}.attentions.{i}" if has_attention else "",
                heads=config.heads[level] if has_attention else None,
                reads_skip=True,
                up_block=block,
            )
        if level > 0:  # its convolution reads the map when it is enlarged
            yield Layer(level - 1, resample=f"up_blocks.{block}.upsamplers.0")
