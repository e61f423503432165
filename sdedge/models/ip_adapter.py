"""IP-Adapter (Ye et al. 2023, arXiv 2308.06721): a picture's encoding becomes tokens for every cross attention of a UNet.

All of it runs once a picture, keys and values included. Attributes are named by the keys of the published files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from sdedge.models.config import ImageProjectionKind, IPAdapterConfig

HEAD = 64
"""Width of the Perceiver's heads."""


class TokenProjection(nn.Module):
    """One linear layer from the pooled encoding to a few tokens (classic, light): (K, D) -> (K, T, C)."""

    def __init__(self, config: IPAdapterConfig) -> None:
        super().__init__()
        self.context = config.context
        self.proj = nn.Linear(config.encoding, config.tokens * config.context)
        self.norm = nn.LayerNorm(config.context)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x).unflatten(1, (-1, self.context)))


class PatchProjection(nn.Module):
    """Two linear layers over every token of the encoding (full-face): (K, T, D) -> (K, T, C)."""

    def __init__(self, config: IPAdapterConfig) -> None:
        super().__init__()
        width = config.encoding
        self.proj = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, config.context), nn.LayerNorm(config.context)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class PerceiverAttention(nn.Module):
    """Queries attend to the tokens of an encoding and to themselves: (K, T, D), (K, Q, D) -> (K, Q, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * HEAD, bias=False)
        self.to_kv = nn.Linear(width, 2 * heads * HEAD, bias=False)
        self.to_out = nn.Linear(heads * HEAD, width, bias=False)

    def forward(self, x: Tensor, queries: Tensor) -> Tensor:
        x, queries = self.norm1(x), self.norm2(queries)
        k, v = self.to_kv(torch.cat([x, queries], dim=1)).chunk(2, dim=-1)
        q, k, v = (y.unflatten(2, (self.heads, HEAD)).transpose(1, 2) for y in (self.to_q(queries), k, v))
        return self.to_out(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class PerceiverLayer(nn.ModuleList):
    """Attention and a feed-forward network, each with its residual: (K, T, D), (K, Q, D) -> (K, Q, D)."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        first, last = nn.Linear(width, inner, bias=False), nn.Linear(inner, width, bias=False)
        feed_forward = nn.Sequential(nn.LayerNorm(width), first, nn.GELU(), last)
        super().__init__([PerceiverAttention(width, heads), feed_forward])

    def forward(self, x: Tensor, queries: Tensor) -> Tensor:
        attention, feed_forward = self
        queries = queries + attention(x, queries)
        return queries + feed_forward(queries)


class PerceiverProjection(nn.Module):
    """A Perceiver whose learned queries gather the tokens of the encoding (plus, plus-face): (K, T, D) -> (K, Q, C)."""

    def __init__(self, config: IPAdapterConfig) -> None:
        super().__init__()
        width = config.width
        self.latents = nn.Parameter(torch.empty(1, config.tokens, width))
        self.proj_in = nn.Linear(config.encoding, width)
        self.layers = nn.ModuleList([PerceiverLayer(width, config.heads, config.inner) for _ in range(config.depth)])
        self.proj_out = nn.Linear(width, config.context)
        self.norm_out = nn.LayerNorm(config.context)

    def forward(self, x: Tensor) -> Tensor:
        x, queries = self.proj_in(x), self.latents.expand(x.shape[0], -1, -1)
        for layer in self.layers:
            queries = layer(x, queries)
        return self.norm_out(self.proj_out(queries))


class ImageKeys(nn.Module):
    """What one cross attention reads of the picture's tokens (K, T, D): keys and values (K, T, C)."""

    def __init__(self, context: int, channels: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(context, channels, bias=False)
        self.to_v_ip = nn.Linear(context, channels, bias=False)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_k_ip(tokens), self.to_v_ip(tokens)


_PROJECTIONS: dict[ImageProjectionKind, type[nn.Module]] = {
    ImageProjectionKind.TOKENS: TokenProjection,
    ImageProjectionKind.PERCEIVER: PerceiverProjection,
    ImageProjectionKind.PATCHES: PatchProjection,
}


class IPAdapter(nn.Module):
    """Makes keys and values for the cross attentions of a UNet, once a picture."""

    def __init__(self, config: IPAdapterConfig) -> None:
        super().__init__()
        self.config = config
        self.image_proj = _PROJECTIONS[config.kind](config)
        self.ip_adapter = nn.ModuleDict(
            {
                str(number): ImageKeys(config.context, channels)
                for number, channels in zip(config.numbers, config.channels, strict=True)
            }
        )

    def forward(self, encoding: Tensor) -> tuple[Tensor, ...]:
        """Returns keys and values (K, T, C) in turn, for each cross attention in the order of the UNet's walk, of K encodings:
        (K, D) pooled, or (K, T, D) of all tokens, as the kind of projection takes them."""
        tokens = self.image_proj(encoding)
        return tuple(tensor for keys in self.ip_adapter.values() for tensor in keys(tokens))
