"""ControlNet (Zhang et al. 2023), equal to diffusers' ControlNetModel: the UNet's way down and middle, copied, and a hint."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import silu

from sdedge.models.config import ControlNetConfig
from sdedge.models.unet import UNetEncoder
from sdedge.models.unet_walk import encoder_walk


class HintEmbedding(nn.Module):
    """A stack of convolutions: hint (B, 3, H, W) -> features (B, C, H / 8, W / 8) that are added to the first convolution's."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.is_bgr = config.is_bgr
        widths = config.hint_widths
        self.conv_in = nn.Conv2d(config.hint_channels, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for above, below in pairwise(widths):
            self.blocks.append(nn.Conv2d(above, above, 3, padding=1))
            self.blocks.append(nn.Conv2d(above, below, 3, padding=1, stride=2))
        self.conv_out = nn.Conv2d(widths[-1], config.encoder.block_out_channels[0], 3, padding=1)

    def forward(self, hint: Tensor) -> Tensor:
        """Returns the features of a hint in 0 … 1."""
        x = silu(self.conv_in(hint.flip(1) if self.is_bgr else hint))
        for block in self.blocks:
            x = silu(block(x))
        return self.conv_out(x)


class ControlNet(UNetEncoder):
    """Makes residuals for a UNet's skips and middle.

    The hint enters as the features that a HintEmbedding makes of it, which are the same at every step.
    """

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__(config.encoder)
        self.is_pooled = config.is_pooled
        self.layers = tuple(self._bind(layer) for layer in encoder_walk(config.encoder))
        widths = config.encoder.block_out_channels
        skips = [widths[bound.layer.level] for bound in self.layers if bound.layer.keeps_skip]
        self.controlnet_down_blocks = nn.ModuleList([nn.Conv2d(width, width, 1) for width in skips])
        self.controlnet_mid_block = nn.Conv2d(widths[-1], widths[-1], 1)

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor, features: Tensor, embedding: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Returns a residual for each skip and for the middle, in the walk's order, none of them weighted yet.

        x (B, 4, h, w), t (B,) and context (B, T, D) are those of the UNet, features (1 | B, C, h, w) the hint's.
        """
        time = self.embed(t, x.dtype, embedding)
        first, *rest = self.layers
        x = self.run([first], x, time, context, []) + features
        skips = [x]
        x = self.run(rest, x, time, context, skips)
        residuals = [layer(skip) for layer, skip in zip(self.controlnet_down_blocks, skips, strict=True)]
        residuals.append(self.controlnet_mid_block(x))
        if self.is_pooled:
            residuals = [residual.mean(dim=(2, 3), keepdim=True) for residual in residuals]
        return tuple(residuals)
