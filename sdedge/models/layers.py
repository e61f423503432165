"""Building blocks that the UNet and the VAE share, named as the diffusers checkpoints name them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.attention import AttentionFunction, sdpa
from sdedge.models.unet_rows import SMALL, token_pieces


def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    """Sinusoids of timesteps (B,) -> float32 (B, dim), cosines first (Ho et al. 2020; diffusers `flip_sin_to_cos`).

    Always float32: in float16 a timestep near 999 has a spacing of 0.5.
    """
    half = dim // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t.to(torch.float32)[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def guidance_embedding(scale: Tensor, dim: int) -> Tensor:
    """Sinusoids of guidance scales (B,) -> float32 (B, dim), sines first, of (scale - 1) 1000 (Luo et al. 2023, LCM)."""
    half = dim // 2
    frequencies = torch.exp(
        torch.arange(half, dtype=torch.float32, device=scale.device) * -(math.log(10000) / (half - 1))
    )
    angles = (scale.to(torch.float32) - 1)[:, None] * 1000 * frequencies[None]
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=-1), (0, dim % 2))


def linear_of(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Returns a layer of these very tensors, (out, in) and (out,), which does not learn."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer


class TimestepEmbedding(nn.Module):
    """Two linear layers over the sinusoids: (B, in) -> (B, out). A `condition` (B, D), projected, is added to them first."""

    def __init__(self, in_channels: int, out_channels: int, condition: int | None = None) -> None:
        super().__init__()
        self.cond_proj = nn.Linear(condition, in_channels, bias=False) if condition else None
        self.linear_1 = nn.Linear(in_channels, out_channels)
        self.linear_2 = nn.Linear(out_channels, out_channels)

    def forward(self, sinusoids: Tensor, condition: Tensor | None = None) -> Tensor:
        if condition is not None and self.cond_proj is not None:
            sinusoids = sinusoids + self.cond_proj(condition)
        return self.linear_2(F.silu(self.linear_1(sinusoids)))


class ResnetBlock2D(nn.Module):
    """GroupNorm, SiLU, 3x3 convolution, twice; the time embedding is added between, the input at the end."""

    def __init__(self, in_channels: int, out_channels: int, groups: int, eps: float, time_channels: int | None) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=eps)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_channels, out_channels) if time_channels else None
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=eps)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else None

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        if time is not None and self.time_emb_proj is not None:
            h = h + self.time_emb_proj(F.silu(time))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.conv_shortcut(x) if self.conv_shortcut is not None else x)


class Downsample2D(nn.Module):
    """Halve height and width by a strided convolution: padded by 1 in the UNet, below and right only in the VAE."""

    def __init__(self, channels: int, asymmetric: bool = False) -> None:
        super().__init__()
        self.asymmetric = asymmetric
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=0 if asymmetric else 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.asymmetric else x)


class Upsample2D(nn.Module):
    """Nearest-neighbour doubling, or to a given (H, W) when the level below had an odd size; then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        H, W = size or (x.shape[2] * 2, x.shape[3] * 2)
        return self.conv(F.interpolate(x, size=(H, W), mode="nearest"))


class Attention(nn.Module):
    """Multi-head attention (B, T, C) x (B, S, context) -> (B, T, C); self attention when no context is given.

    `attend` is the function between the projections, and so the place where an edit of attention enters: it is replaced by a
    function around it. Other forms of the layer override `project` and `project_out` alone.
    """

    attend: AttentionFunction

    def __init__(self, channels: int, heads: int, context: int | None = None, bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.attend = sdpa
        self.to_q = nn.Linear(channels, channels, bias=bias)
        self.to_k = nn.Linear(context or channels, channels, bias=bias)
        self.to_v = nn.Linear(context or channels, channels, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor, context: Tensor | None = None, add: Tensor | None = None) -> Tensor:
        """`add` (B, T, C), the residual, is summed with the result."""
        attended = self.attend(*self.project(x, x if context is None else context), self.heads)  # which then go
        return self.project_out(attended, add)

    def project(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns queries of x, keys and values of the context."""
        return self.to_q(x), *self.project_context(context)

    def project_context(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Returns keys and values of a context."""
        return self.to_k(context), self.to_v(context)

    def project_out(self, x: Tensor, add: Tensor | None) -> Tensor:
        """Returns the last projection of the heads' results, and `add` summed with it."""
        return _summed(self.to_out[0](x), add)


def _summed(x: Tensor, add: Tensor | None) -> Tensor:
    return x if add is None else add + x


class GEGLU(nn.Module):
    """Linear to twice the width, one half gated by the erf GELU of the other (Shazeer 2020)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_channels, out_channels * 2)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU with four times the width, then back: (B, T, C) -> (B, T, C)."""

    in_rows = False
    """Whether many tokens go through piece by piece."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GEGLU(channels, channels * 4), nn.Identity(), nn.Linear(channels * 4, channels))

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """`add` (B, T, C), the residual, is summed with the result."""
        if self.in_rows and x.numel() > SMALL:
            return torch.cat([_summed(self.net(piece), its) for piece, its in token_pieces(x, add, 8)], dim=1)
        return _summed(self.net(x), add)


class BasicTransformerBlock(nn.Module):
    """Self attention, cross attention over the context, feed-forward; each with its LayerNorm and residual."""

    def __init__(self, channels: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = Attention(channels, heads, context)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = self.attn1(self.norm1(x), add=x)
        x = self.attn2(self.norm2(x), context, add=x)
        return self.ff(self.norm3(x), add=x)


class Transformer2DModel(nn.Module):
    """A transformer block over the pixels of a feature map, between two 1x1 convolutions: (B, C, H, W) -> same."""

    def __init__(self, channels: int, heads: int, context: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([BasicTransformerBlock(channels, heads, context)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        B, C, H, W = x.shape
        h = self.proj_in(self.norm(x))
        h = h.permute(0, 2, 3, 1).reshape(B, H * W, C)
        for block in self.transformer_blocks:
            h = block(h, context)
        h = h.reshape(B, H, W, C).permute(0, 3, 1, 2)  # (B, C, H, W), channels-last
        h = h.contiguous() if x.is_contiguous() else h
        return self.proj_out(h) + x


def wrap_edges(module: nn.Module, on: bool) -> None:
    """Pads every convolution circularly, or with zeros as trained."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and any(layer.padding):
            layer.padding_mode = "circular" if on else "zeros"
