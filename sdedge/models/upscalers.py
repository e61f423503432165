"""Networks that enlarge pictures: RRDBNet (ESRGAN, Real-ESRGAN) and SRVGGNet ("compact"), attributes named by their files' keys.

Wang et al. 2018, "ESRGAN"; Wang et al. 2021, "Real-ESRGAN". Called, they work on the whole picture at once; `strips` runs them in
memory that grows with the picture's width only.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.upscaler_config import RRDBConfig, SRVGGConfig, UpscalerConfig

SLOPE = 0.2
"""Of the leaky ReLU below zero."""
RESIDUAL = 0.2
"""What each residual branch is multiplied by."""


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each of which reads the input and the results of all before it."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for i in range(5):
            setattr(self, f"conv{i + 1}", conv3x3(features + i * growth, growth if i < 4 else features))

    @property
    def convs(self) -> list[nn.Conv2d]:
        return [getattr(self, f"conv{i + 1}") for i in range(5)]

    def forward(self, x: Tensor) -> Tensor:
        maps, *_, last = [x], *self.convs
        for conv in self.convs[:-1]:
            maps.append(F.leaky_relu(conv(torch.cat(maps, 1)), SLOPE))
        return x + last(torch.cat(maps, 1)) * RESIDUAL


class RRDB(nn.Module):
    """Three residual dense blocks as one residual block."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(features, growth)
        self.rdb2 = ResidualDenseBlock(features, growth)
        self.rdb3 = ResidualDenseBlock(features, growth)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rdb3(self.rdb2(self.rdb1(x))) * RESIDUAL


class RRDBNet(nn.Module):
    """Residual-in-residual dense blocks at the picture's size, then doublings by the nearest pixel, each with a convolution."""

    def __init__(self, config: RRDBConfig) -> None:
        super().__init__()
        self.config = config
        features = config.features
        self.conv_first = conv3x3(3 * config.unshuffle**2, features)
        self.body = nn.ModuleList(RRDB(features, config.growth) for _ in range(config.blocks))
        self.conv_body = conv3x3(features, features)
        for i in range(config.doublings):
            setattr(self, f"conv_up{i + 1}", conv3x3(features, features))
        self.conv_hr = conv3x3(features, features)
        self.conv_last = conv3x3(features, 3)

    @property
    def blocks(self) -> Iterator[RRDB]:
        return (block for block in self.body if isinstance(block, RRDB))

    @property
    def ups(self) -> list[nn.Conv2d]:
        """The convolution of each doubling."""
        return [getattr(self, f"conv_up{i + 1}") for i in range(self.config.doublings)]

    def forward(self, image: Tensor) -> Tensor:
        """Returns an image (B, 3, H, W) of 0..1 enlarged; sides must be multiples of `config.unshuffle`."""
        first = self.conv_first(F.pixel_unshuffle(image, self.config.unshuffle))
        x = first
        for block in self.body:
            x = block(x)
        x = first + self.conv_body(x)
        for conv in self.ups:
            x = F.leaky_relu(conv(F.interpolate(x, scale_factor=2, mode="nearest")), SLOPE)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), SLOPE))


class SRVGGNet(nn.Module):
    """Plain convolutions with PReLU whose last one makes the pixels of each square, added to the input's nearest pixel."""

    def __init__(self, config: SRVGGConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = [conv3x3(3, config.features), nn.PReLU(config.features)]
        for _ in range(config.convs):
            layers += [conv3x3(config.features, config.features), nn.PReLU(config.features)]
        layers.append(conv3x3(config.features, 3 * config.scale**2))
        self.body = nn.ModuleList(layers)

    @property
    def layers(self) -> Iterator[tuple[nn.Conv2d, nn.PReLU]]:
        """Yields each convolution but the last, with its activation."""
        for conv, activation in zip(self.body[:-1:2], self.body[1::2], strict=True):
            assert isinstance(conv, nn.Conv2d) and isinstance(activation, nn.PReLU)
            yield conv, activation

    @property
    def last(self) -> nn.Conv2d:
        conv = self.body[-1]
        assert isinstance(conv, nn.Conv2d)
        return conv

    def forward(self, image: Tensor) -> Tensor:
        """Returns an image (B, 3, H, W) of 0..1 enlarged."""
        x: Tensor = image
        for layer in self.body:
            x = layer(x)
        return F.pixel_shuffle(x, self.config.scale) + F.interpolate(image, scale_factor=self.config.scale)


Upscaler = RRDBNet | SRVGGNet


def upscaler(config: UpscalerConfig) -> Upscaler:
    """Returns a network of this shape."""
    return RRDBNet(config) if isinstance(config, RRDBConfig) else SRVGGNet(config)
