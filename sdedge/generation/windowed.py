"""Tiled diffusion: the UNet sees a window of the canvas at a time, and its outputs are blended under every branch of guidance.

MultiDiffusion (Bar-Tal et al. 2023) takes the mean where windows overlap, Mixture of Diffusers (Jiménez 2023) a mean that is
weighed by a Gaussian around each window's middle. Guidance, sampler and noise see one canvas, and memory grows with the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sdedge.models.unet_inputs import Predict, UNetInputs, Window
from sdedge.request import Resolved
from sdedge.sampling.reuse import step_finder
from sdedge.windows import Blend

VARIANCE = 0.01
"""Of the Gaussian, in squares of a window's side: that of Mixture of Diffusers."""


def windowed(predict: Predict, request: Resolved, downscale: int, timesteps: Sequence[float]) -> Predict:
    """Returns a `predict` that asks for one window after another, where the request's windows are smaller than its picture."""
    windows = request.windows
    if windows is None or windows.size is None or windows.covers(request.width, request.height):
        return predict
    part = windows.part_of(request.width, request.height)
    w, h = (side // downscale for side in part)
    overlap = (windows.overlap or 0) // downscale
    step_of, weights = step_finder(timesteps), window_weights(h, w, windows.blend)

    def predict_in_windows(inputs: UNetInputs) -> Tensor:
        canvas = inputs.x.shape[2], inputs.x.shape[3]
        steps = [max(h - overlap, 1), max(w - overlap, 1)]
        offsets = (0, 0)
        if windows.jitter:
            offsets = jitter(request.seed, step_of(float(inputs.t[0])), (steps[0], steps[1]))
        total, sums = torch.zeros_like(inputs.x), inputs.x.new_zeros(canvas)
        own = weights.to(inputs.x)
        for window in placed(canvas, (h, w), overlap, offsets):
            window.crop(total).add_(predict(inputs.cropped(window)).to(total) * own)
            window.crop(sums).add_(own)
        return total.div_(sums)

    return predict_in_windows


def placed(
    canvas: tuple[int, int], size: tuple[int, int], overlap: int, offsets: tuple[int, int] = (0, 0)
) -> Iterator[Window]:
    """Yields windows of a size (h, w) that cover a canvas, row by row; the last of each is shifted back to the edge.

    `offsets` move the windows up and left by so many latents, fewer than one is from the next.
    """
    rows, columns = (starts(canvas[i], size[i], max(size[i] - overlap, 1), offsets[i]) for i in range(2))
    for top in rows:
        for left in columns:
            yield Window(top, left, *size, canvas)


def starts(length: int, size: int, stride: int, offset: int = 0) -> list[int]:
    """Returns where windows of a size begin along a side: every `stride`, the first at 0 and the last at the end."""
    last = max(length - size, 0)
    return sorted({min(max(place, 0), last) for place in range(-offset, last + stride, stride)})


def window_weights(h: int, w: int, blend: Blend) -> Tensor:
    """Returns the weight of each latent of a window, (h, w): all 1, or a Gaussian's density around its middle."""
    if blend is Blend.MULTIDIFFUSION:
        return torch.ones(h, w)
    return torch.outer(_density(h), _density(w))


def _density(size: int) -> Tensor:
    """Returns exp(-((i - middle) / size)^2 / (2 variance)) / sqrt(2 pi variance) for each i below a size."""
    places = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / size
    return (torch.exp(-(places**2) / (2 * VARIANCE)) / math.sqrt(2 * math.pi * VARIANCE)).float()


def jitter(seed: int, step: int, strides: tuple[int, int]) -> tuple[int, int]:
    """Returns how far the windows of a step lie up and left of their places, drawn from the picture's seed and the step."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    down, right = (int(torch.randint(stride, (), generator=generator)) for stride in strides)
    return down, right
