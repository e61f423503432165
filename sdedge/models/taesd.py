"""TAESD, a distilled autoencoder of plain convolutions (Bohan 2023), equal to diffusers' AutoencoderTiny.

It decodes v1's latents with a twentieth of the arithmetic and loses fine detail. Its latents are the scaled ones, so
its scaling factor is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.errors import ModelError
from sdedge.models.config import read_fields
from sdedge.models.vae import Posterior

MAGNITUDE = 3.0  # latents are squashed into -3 … 3


@dataclass(frozen=True)
class TinyConfig:
    """Shape of a tiny autoencoder (`config.json`); the defaults are TAESD's."""

    in_channels: int = 3
    out_channels: int = 3
    latent_channels: int = 4
    encoder_block_out_channels: tuple[int, ...] = (64, 64, 64, 64)
    decoder_block_out_channels: tuple[int, ...] = (64, 64, 64, 64)
    num_encoder_blocks: tuple[int, ...] = (1, 3, 3, 3)
    num_decoder_blocks: tuple[int, ...] = (3, 3, 3, 1)
    scaling_factor: float = 1.0

    @classmethod
    def from_json(cls, config: dict[str, Any]) -> Self:
        """Builds from a parsed `config.json`. Raises ModelError for values this network has not."""
        only = {"act_fn": "relu", "upsample_fn": "nearest", "upsampling_scaling_factor": 2, "latent_magnitude": 3}
        for key, value in only.items():
            if config.get(key, value) != value:
                raise ModelError(
                    f"The tiny VAE has {key}={repr(config[key])[:80]}, but only {value!r} is known; choose TAESD for v1."
                )
        if config.get("shift_factor"):
            shift = repr(config["shift_factor"])[:80]
            raise ModelError(f"The tiny VAE shifts latents by {shift}, which v1 does not; choose TAESD for v1.")
        read = cls(**read_fields("tiny VAE", cls, config))
        coders = (
            (read.encoder_block_out_channels, read.num_encoder_blocks),
            (read.decoder_block_out_channels, read.num_decoder_blocks),
        )
        if any(len(widths) != len(blocks) for widths, blocks in coders):
            raise ModelError("The tiny VAE has blocks for other levels than it has widths; choose TAESD for v1.")
        return read

    @property
    def downscale(self) -> int:
        """Pixels per latent cell along one axis."""
        return 2 ** (len(self.decoder_block_out_channels) - 1)


class TinyBlock(nn.Module):
    """Three 3x3 convolutions with ReLU, the input added before the last: (B, C, H, W) -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        convs = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), convs[2])

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + x)


class TinyEncoder(nn.Module):
    """Image (B, 3, H, W) in [-1, 1] -> scaled latent (B, 4, H/8, W/8)."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level, (width, blocks) in enumerate(zip(config.encoder_block_out_channels, config.num_encoder_blocks)):
            if level == 0:
                layers.append(nn.Conv2d(config.in_channels, width, 3, padding=1))
            else:
                layers.append(nn.Conv2d(width, width, 3, padding=1, stride=2, bias=False))
            layers += [TinyBlock(width) for _ in range(blocks)]
        layers.append(nn.Conv2d(config.encoder_block_out_channels[-1], config.latent_channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        return self.layers((image + 1) / 2)


class TinyDecoder(nn.Module):
    """Scaled latent (B, 4, h, w) -> image (B, 3, 8h, 8w), about [-1, 1]."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        widths, blocks = config.decoder_block_out_channels, config.num_decoder_blocks
        layers: list[nn.Module] = [nn.Conv2d(config.latent_channels, widths[0], 3, padding=1), nn.ReLU()]
        for level, (width, count) in enumerate(zip(widths, blocks)):
            layers += [TinyBlock(width) for _ in range(count)]
            if level < len(widths) - 1:
                layers += [
                    nn.Upsample(scale_factor=2, mode="nearest"),
                    nn.Conv2d(width, width, 3, padding=1, bias=False),
                ]
            else:
                layers.append(nn.Conv2d(width, config.out_channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(torch.tanh(z / MAGNITUDE) * MAGNITUDE) * 2 - 1


class TinyVAE(nn.Module):
    """Encoder and decoder with the calls of `VAE`."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = TinyEncoder(config)
        self.decoder = TinyDecoder(config)

    def encode(self, image: Tensor) -> Posterior:
        """Encodes an image (B, 3, H, W) in [-1, 1], sizes multiples of 8, to a posterior without spread."""
        mean = self.encoder(image)
        return Posterior(mean, torch.full_like(mean, -torch.inf))

    def decode(self, z: Tensor) -> Tensor:
        """Decodes a latent (B, 4, h, w) to an image (B, 3, 8h, 8w), about [-1, 1]."""
        return self.decoder(z)
