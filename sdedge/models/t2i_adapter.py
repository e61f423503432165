"""T2I-Adapter (Mou et al. 2023), full and light, equal to diffusers' T2IAdapter: a hint becomes features for the way down."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pixel_unshuffle, relu

from sdedge.models.config import T2IAdapterConfig


class AdapterResnetBlock(nn.Module):
    """Two convolutions with a ReLU between, and the input added: (B, C, H, W) -> same."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.block1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.block2 = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.block2(relu(self.block1(x))) + x


class AdapterBlock(nn.Module):
    """One level of a full adapter: half the size, but on the first one, a 1x1 convolution where the width changes, blocks."""

    def __init__(self, in_channels: int, out_channels: int, blocks: int) -> None:
        super().__init__()
        self.in_conv = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else None
        self.resnets = nn.Sequential(*(AdapterResnetBlock(out_channels, kernel=1) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets(x if self.in_conv is None else self.in_conv(x))


class LightAdapterBlock(nn.Module):
    """One level of a light adapter: blocks between two 1x1 convolutions, in a quarter of the width."""

    def __init__(self, in_channels: int, out_channels: int, blocks: int) -> None:
        super().__init__()
        width = out_channels // 4
        self.in_conv = nn.Conv2d(in_channels, width, 1)
        self.resnets = nn.Sequential(*(AdapterResnetBlock(width, kernel=3) for _ in range(blocks)))
        self.out_conv = nn.Conv2d(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_conv(self.resnets(self.in_conv(x)))


class AdapterLevels(nn.Module):
    """The levels of an adapter after the hint's pixels were folded into channels."""

    def __init__(self, config: T2IAdapterConfig) -> None:
        super().__init__()
        channels, widths = config.hint_channels * config.downscale**2, config.widths
        self.conv_in = None if config.is_light else nn.Conv2d(channels, widths[0], 3, padding=1)
        kind, first = (LightAdapterBlock, channels) if config.is_light else (AdapterBlock, widths[0])
        pairs = zip((first, *widths), widths, strict=False)
        self.body = nn.ModuleList([kind(above, width, config.blocks) for above, width in pairs])


class T2IAdapter(nn.Module):
    """Makes the features that a UNet adds at the ends of its down blocks, once a picture."""

    def __init__(self, config: T2IAdapterConfig) -> None:
        super().__init__()
        self.config = config
        self.adapter = AdapterLevels(config)

    def forward(self, hint: Tensor) -> tuple[Tensor, ...]:
        """Returns a feature map (B, C, h, w) for each level, largest first, of a hint (B, 1 | 3, H, W) in 0 … 1."""
        x = pixel_unshuffle(hint, self.config.downscale)
        x = x if self.adapter.conv_in is None else self.adapter.conv_in(x)
        features: list[Tensor] = []
        for level, block in enumerate(self.adapter.body):
            # As large as the UNet's map, whose convolution halves an odd side upwards.
            x = block(avg_pool2d(x, 2, ceil_mode=True) if level else x)
            features.append(x)
        return tuple(features)
