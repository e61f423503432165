"""The variational autoencoder of Stable Diffusion v1, equal to diffusers' AutoencoderKL."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import silu

from sdedge.models.config import VAEConfig
from sdedge.models.layers import Attention, Downsample2D, ResnetBlock2D, Upsample2D

EPS = 1e-6


@dataclass(frozen=True)
class Posterior:
    """A diagonal Gaussian over latents: mean and log variance, each (B, 4, h, w)."""

    mean: Tensor
    logvar: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Returns `mean + std * noise`; the noise comes from the caller so that seeds stay in one place."""
        return self.mean + (0.5 * self.logvar).exp() * noise


class SpatialAttention(Attention):
    """One-head self attention over all pixels with its own norm and residual: (B, C, H, W) -> same."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, heads=1, bias=True)
        self.group_norm = nn.GroupNorm(groups, channels, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # it takes a map and nothing beside it
        B, C, H, W = x.shape
        h = self.group_norm(x).view(B, C, H * W).transpose(1, 2)  # (B, HW, C)
        return x + super().forward(h).transpose(1, 2).reshape(B, C, H, W)  # x first: its memory layout is kept


class MidBlock(nn.Module):
    """Residual block, attention, residual block."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock2D(channels, channels, groups, EPS, None) for _ in range(2)])
        self.attentions = nn.ModuleList([SpatialAttention(channels, groups)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class DownBlock(nn.Module):
    """Residual blocks, then a halving of the resolution except at the last level."""

    def __init__(self, in_channels: int, out_channels: int, layers: int, groups: int, last: bool) -> None:
        super().__init__()
        widths = [in_channels] + [out_channels] * (layers - 1)
        self.resnets = nn.ModuleList([ResnetBlock2D(w, out_channels, groups, EPS, None) for w in widths])
        self.downsamplers = nn.ModuleList([] if last else [Downsample2D(out_channels, asymmetric=True)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class UpBlock(nn.Module):
    """Residual blocks, then a doubling of the resolution except at the last level."""

    def __init__(self, in_channels: int, out_channels: int, layers: int, groups: int, last: bool) -> None:
        super().__init__()
        widths = [in_channels] + [out_channels] * (layers - 1)
        self.resnets = nn.ModuleList([ResnetBlock2D(w, out_channels, groups, EPS, None) for w in widths])
        self.upsamplers = nn.ModuleList([] if last else [Upsample2D(out_channels)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class Encoder(nn.Module):
    """Image (B, 3, H, W) in [-1, 1] -> moments (B, 8, H/8, W/8)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            DownBlock(widths[max(i - 1, 0)], width, config.layers_per_block, groups, last=i == len(widths) - 1)
            for i, width in enumerate(widths)
        )
        self.mid_block = MidBlock(widths[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=EPS)
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    """Latent (B, 4, h, w) -> image (B, 3, 8h, 8w), about [-1, 1]."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels[::-1], config.norm_num_groups
        self.conv_in = nn.Conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.mid_block = MidBlock(widths[0], groups)
        self.up_blocks = nn.ModuleList(
            UpBlock(widths[max(i - 1, 0)], width, config.layers_per_block + 1, groups, last=i == len(widths) - 1)
            for i, width in enumerate(widths)
        )
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=EPS)
        self.conv_out = nn.Conv2d(widths[-1], config.out_channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(silu(self.conv_norm_out(x)))


class VAE(nn.Module):
    """Encoder and decoder. Latents here are unscaled; the engine applies `config.scaling_factor`."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        config.check_widths()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quant_conv = nn.Conv2d(2 * config.latent_channels, 2 * config.latent_channels, 1)
        self.post_quant_conv = nn.Conv2d(config.latent_channels, config.latent_channels, 1)

    def encode(self, image: Tensor) -> Posterior:
        """Encodes an image (B, 3, H, W) in [-1, 1], sizes multiples of 8, to a posterior over unscaled latents."""
        mean, logvar = self.quant_conv(self.encoder(image)).chunk(2, dim=1)
        return Posterior(mean, logvar.clamp(-30.0, 20.0))

    def decode(self, z: Tensor) -> Tensor:
        """Decodes an unscaled latent (B, 4, h, w) to an image (B, 3, 8h, 8w), about [-1, 1]."""
        return self.decoder(self.post_quant_conv(z))
