"""Running the UNet in part: its outer layers on deep features kept from another step (DeepCache, Ma et al. 2023).

The features that climb back up change slowly from step to step, the outermost layers quickly. `whole` runs everything
and also returns what enters the last `depth` layers of the way up; `outer` takes that in place of running the rest.
`depth` counts layers (a residual block and its attention), from 1 to all of the highest resolution: more cost more
and stray less, and what they gain over one is measured in docs/speed-modes.md.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from sdedge.models.layers import ResnetBlock2D, Transformer2DModel
from sdedge.models.unet import UNet

DEPTH = 1


def whole(
    unet: UNet, x: Tensor, t: Tensor, context: Tensor, depth: int = DEPTH, embedding: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """eps (B, out, h, w) as `unet` gives it, and the deep features (B, C, h, w) entering the last `depth` layers."""
    joined: list[Tensor] = []
    resnet, _ = _layers(unet.up_blocks[-1])[-depth]
    hook = resnet.register_forward_pre_hook(lambda _, given: joined.append(given[0]))
    try:
        eps = unet(x, t, context, embedding)
    finally:
        hook.remove()
    skip = unet.config.block_out_channels[0]  # the layer reads its features joined with a skip of this width
    return eps, joined[0][:, :-skip].clone()


def outer(
    unet: UNet, x: Tensor, t: Tensor, context: Tensor, deep: Tensor, depth: int = DEPTH, embedding: Tensor | None = None
) -> Tensor:
    """eps (B, out, h, w) from the outer layers alone: latent, timesteps and context of now, `deep` of another step."""
    time = unet.embed(t, x.dtype, embedding)
    x = unet.conv_in(x)
    skips = [x]
    for resnet, attention in _layers(unet.down_blocks[0])[: depth - 1]:
        x = attention(resnet(x, time), context)
        skips.append(x)
    x = deep
    for resnet, attention in _layers(unet.up_blocks[-1])[-depth:]:
        x = attention(resnet(torch.cat([x, skips.pop()], dim=1), time), context)
    return unet.conv_out(silu(unet.conv_norm_out(x)))


def _layers(block: nn.Module) -> list[tuple[ResnetBlock2D, Transformer2DModel]]:
    return list(zip(block.resnets, block.attentions, strict=True))  # type: ignore[arg-type]
