"""How many operations networks take, by arithmetic over their shapes. No torch.

Products, convolutions and attention count, a multiplication and an addition as two, as torch's FlopCounterMode has it; norms,
activations and sums do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sdedge.models.config import ControlNetConfig, T2IAdapterConfig, UNetConfig
from sdedge.models.unet_walk import Layer, encoder_walk, level_sizes, residual_shapes, walk

TOKENS = 77  # of a prompt
LatentSize = tuple[int, int]


def unet_operations(config: UNetConfig, size: LatentSize) -> int:
    """Returns how many operations a UNet takes for one latent of a size (h, w) and a prompt of 77 tokens."""
    pixels, width = size[0] * size[1], config.block_out_channels[0]
    return _walked(config, walk(config), size) + convolution(pixels, width, config.out_channels)


def controlnet_operations(config: ControlNetConfig, size: LatentSize) -> int:
    """Returns how many operations a ControlNet takes at a step for one latent (h, w), its hint being read already."""
    encoder = config.encoder
    leaving = sum(convolution(h * w, c, c, 1) for c, h, w in residual_shapes(encoder, *size))
    return _walked(encoder, encoder_walk(encoder), size) + leaving


def hint_operations(config: ControlNetConfig, size: LatentSize) -> int:
    """Returns how many operations the stack takes that reads a ControlNet's hint, for latents of a size (h, w)."""
    pixels = size[0] * size[1] * config.downscale**2
    total = convolution(pixels, config.hint_channels, config.hint_widths[0])
    for above, below in pairwise(config.hint_widths):
        total += convolution(pixels, above, above) + convolution(pixels // 4, above, below)
        pixels //= 4
    return total + convolution(pixels, config.hint_widths[-1], config.encoder.block_out_channels[0])


def adapter_operations(config: T2IAdapterConfig, size: LatentSize) -> int:
    """Returns how many operations a T2I-Adapter takes for the hint of latents of a size (h, w)."""
    channels = config.hint_channels * config.downscale**2
    total, (height, width) = 0, size
    if not config.is_light:
        total, channels = convolution(height * width, channels, config.widths[0]), config.widths[0]
    for level, out in enumerate(config.widths):
        if level:
            height, width = -(-height // 2), -(-width // 2)
        pixels, inner = height * width, out // 4 if config.is_light else out
        if config.is_light:
            total += convolution(pixels, channels, inner, 1) + convolution(pixels, inner, out, 1)
        elif channels != out:
            total += convolution(pixels, channels, out, 1)
        block = convolution(pixels, inner, inner) + convolution(pixels, inner, inner, 3 if config.is_light else 1)
        total += config.blocks * block
        channels = out
    return total


def tokens_operations(config: UNetConfig, tokens: int, size: LatentSize) -> int:
    """Returns how many operations cross attention to a picture's tokens takes at a step, for latents of a size (h, w)."""
    sizes = level_sizes(config, *size)
    attending = [layer.level for layer in walk(config) if layer.attention]
    return sum(4 * tokens * sizes[level][0] * sizes[level][1] * config.block_out_channels[level] for level in attending)


def vision_operations(side: int, patch: int, width: int, inner: int, layers: int, projection: int) -> int:
    """Returns how many operations a vision transformer takes for one picture: CLIP's tower and its projection."""
    patches = (side // patch) ** 2
    tokens = patches + 1
    layer = 4 * product(tokens, width, width) + 4 * tokens**2 * width + 2 * product(tokens, width, inner)
    return convolution(patches, 3, width, patch) + layers * layer + product(1, width, projection)


def convolution(pixels: int, channels: int, out: int, kernel: int = 3) -> int:
    """Returns the operations of a convolution with so many pixels in its result."""
    return 2 * pixels * channels * out * kernel**2


def product(rows: int, channels: int, out: int) -> int:
    """Returns the operations of a linear layer."""
    return 2 * rows * channels * out


def _walked(config: UNetConfig, layers: Sequence[Layer], size: LatentSize) -> int:
    """Returns the operations of layers of the walk, and of the time's embedding."""
    first = config.block_out_channels[0]
    embedding = product(1, first, 4 * first) + product(1, 4 * first, 4 * first)
    return embedding + sum(_of_layers(config, layers, size))


def _of_layers(config: UNetConfig, layers: Sequence[Layer], size: LatentSize) -> Iterator[int]:
    """Yields the operations of each part of each layer, following the channels along the walk."""
    sizes, widths = level_sizes(config, *size), config.block_out_channels
    channels, skips = config.in_channels, list[int]()
    for layer in layers:
        pixels, width = sizes[layer.level][0] * sizes[layer.level][1], widths[layer.level]
        if layer.resnet:
            read = channels + (skips.pop() if layer.reads_skip else 0)
            yield _resnet(pixels, read, width, 4 * widths[0])
            channels = width
        if layer.attention:
            yield _attention(pixels, width, config.cross_attention_dim)
        if layer.resample:
            out = widths[0] if layer.resample == "conv_in" else channels
            height, breadth = sizes[layer.level + layer.halves]
            yield convolution(height * breadth, channels, out)
            channels = out
        if layer.keeps_skip:
            skips.append(channels)


def _resnet(pixels: int, channels: int, out: int, time: int) -> int:
    shortcut = convolution(pixels, channels, out, 1) if channels != out else 0
    return convolution(pixels, channels, out) + product(1, time, out) + convolution(pixels, out, out) + shortcut


def _attention(pixels: int, width: int, context: int) -> int:
    """Returns the operations of a transformer block between two 1x1 convolutions: self, cross attention and feed-forward."""
    own = 4 * product(pixels, width, width) + 4 * pixels**2 * width
    cross = 2 * product(pixels, width, width) + 2 * product(TOKENS, context, width) + 4 * pixels * TOKENS * width
    forward = product(pixels, width, 8 * width) + product(pixels, 4 * width, width)
    return 2 * convolution(pixels, width, width, 1) + own + cross + forward
