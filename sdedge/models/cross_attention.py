"""What cross attention attends to beside, or in place of, the context: pictures (IP-Adapter) and regions (attention couple)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sdedge.models.image_tokens import beside
from sdedge.models.region_masks import by_region, level_fractions
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import ImageTokens, RegionMasks
from sdedge.models.unet_walk import level_sizes, walk


@contextmanager
def attending_to(
    unet: UNet, pictures: Sequence[ImageTokens], regions: Sequence[RegionMasks] = (), size: tuple[int, int] = (0, 0)
) -> Iterator[None]:
    """Within: every cross attention of `unet` (plain, fused, streamed or int8) attends to the pictures as well, and by region to
    the regions' contexts, for latents of `size` (h, w); after: neither."""
    layers = [layer for layer in walk(unet.config) if layer.attention]
    attentions: list[Any] = [unet.get_submodule(layer.cross_attention) for layer in layers]
    plain = [attention.attend for attention in attentions]
    fractions = [level_fractions(region, level_sizes(unet.config, *size)) for region in regions]
    for i, (layer, attention) in enumerate(zip(layers, attentions, strict=True)):
        if regions:
            attention.attend = by_region(plain[i], attention, regions, [each[layer.level] for each in fractions])
        if pictures:
            attention.attend = beside(plain[i], attention.attend, pictures, i, layer.level)
    try:
        yield
    finally:
        for attention, attend in zip(attentions, plain, strict=True):
            attention.attend = attend
