"""Running the UNet in part: its outer layers on deep features kept from another step (DeepCache, Ma et al. 2023).

The features that climb back up change slowly from step to step, the outermost layers quickly. `full` runs everything
and also returns what enters the last `depth` layers of the way up; `outer` takes that in place of running the rest.
`depth` counts layers (a residual block and its attention), from 1 to all of the highest resolution: more cost more
and stray less, and what they gain over one is measured in docs/notebook.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sdedge.models.unet import UNet

DEPTH = 1


def full(
    unet: UNet, x: Tensor, t: Tensor, context: Tensor, depth: int = DEPTH, embedding: Tensor | None = None,
    down: Sequence[Tensor] = (), skips: Sequence[Tensor] = (),
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Returns eps (B, out, h, w) as `unet` gives it, and the deep features (B, C, h, w) entering the last `depth` layers."""
    time, skip_stack = unet.embed(t, x.dtype, embedding), list[Tensor]()
    features = unet.run(unet.layers[:-depth], x, time, context, skip_stack, down, skips)
    return unet.output(unet.run(unet.layers[-depth:], features, time, context, skip_stack)), features


def outer(
    unet: UNet, x: Tensor, t: Tensor, context: Tensor, features: Tensor, depth: int = DEPTH, embedding: Tensor | None = None,
    down: Sequence[Tensor] = (), skips: Sequence[Tensor] = (),
) -> Tensor:  # fmt: skip
    """Returns eps (B, out, h, w) from the outer layers alone: inputs of now, deep `features` of another step."""
    time, skip_stack = unet.embed(t, x.dtype, embedding), list[Tensor]()
    unet.run(unet.layers[:depth], x, time, context, skip_stack, down, skips)
    return unet.output(unet.run(unet.layers[-depth:], features, time, context, skip_stack))
