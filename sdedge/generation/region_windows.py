"""Regions drawn by window: of each the UNet sees its own part of the canvas and nothing else.

A model draws what it has learned: one main thing in the middle. Of two regions on a canvas that is wider than its pictures it
often draws the thing of one. Given each region as a picture by itself it draws both, under every branch of guidance, as with the
windows of MultiDiffusion (Bar-Tal et al. 2023). The last steps are no other: where the UNet saw all of the canvas below a sigma
of 0.3, 0.6 or 1.6, it dissolved 8, 15 or 20% of the first embedded model's objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from sdedge.generation.regions import blended_areas, blended_fractions
from sdedge.models.unet_inputs import Predict, UNetInputs, Window
from sdedge.regions import RegionMethod
from sdedge.request import Resolved
from sdedge.sampling.guidance import COND
from sdedge.sampling.pag import PERTURBED
from sdedge.sampling.regions import ALONE, REGION


def region_windows(predict: Predict, request: Resolved, downscale: int, native: tuple[int, int]) -> Predict:
    """Returns a `predict` that asks for each region alone in its own part, in calls that have branches of such regions.

    `native` is the height and width in latents of the pictures that the model learned; no part is smaller than both it and the
    canvas.
    """
    if not any(region.by is RegionMethod.WINDOW for region in request.regions):
        return predict
    areas = blended_areas(request, downscale)
    prompt, *fractions = blended_fractions(areas)
    parts = [
        (window_around(mask, native), fraction)
        for mask, fraction, is_alone in zip(areas.masks, fractions, areas.alone, strict=True)
        if is_alone
    ]
    return _RegionWindows(predict, prompt, parts)


def window_around(mask: Tensor, native: tuple[int, int]) -> Window:
    """Returns the part of a canvas in which a mask (h, w) is not 0, grown on both sides to a size where it is smaller."""
    spans = [_span(mask.any(1 - axis).nonzero().flatten(), mask.shape[axis], native[axis]) for axis in (0, 1)]
    (top, height), (left, width) = spans
    return Window(top, left, height, width, (mask.shape[0], mask.shape[1]))


def _span(covered: Tensor, length: int, least: int) -> tuple[int, int]:
    """Returns where a part of a side begins and how long it is: around all places covered, at least so long if the side is."""
    first, last = int(covered.min()), int(covered.max()) + 1
    size = min(max(last - first, least), length)
    start = min(max((first + last - size) // 2, 0), length - size)
    return start, size


@dataclass
class _RegionWindows:
    """`predict` row by row: each branch on all of the canvas where it counts, and in each part.

    The prompt's own output is seen where no region is; that of a region in its part. Of what the prompt is guided away from, the
    output is each part's own in its region, or guidance would tell a part from the canvas in place of a prompt from none.

    prompt  (h, w) the prompt's fraction of each latent
    parts   of each region that is drawn by window: its part of the canvas, and its fraction (h, w)
    """

    predict: Predict
    prompt: Tensor
    parts: list[tuple[Window, Tensor]]
    _contexts: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)

    def __call__(self, inputs: UNetInputs) -> Tensor:
        if ALONE not in inputs.branches:
            return self.predict(inputs)
        out, rows, parts = torch.zeros_like(inputs.x), len(inputs.x) // len(inputs.branches), iter(self.parts)
        for k, name in enumerate(inputs.branches):
            window = next(parts)[0] if name == ALONE else None
            for row in range(k * rows, (k + 1) * rows):
                if window is not None:
                    window.crop(out[row]).copy_(self._row(inputs, row, name, window))
                else:
                    out[row] = self._of_canvas(inputs, row, name)
        return out

    def _of_canvas(self, inputs: UNetInputs, row: int, name: str) -> Tensor:
        """Returns the output (4, h, w) of a row whose branch is of all of the canvas."""
        if name == REGION or (name in (COND, PERTURBED) and self.prompt.any()):
            return self._row(inputs, row, name)
        out = torch.zeros_like(inputs.x[row])
        if name in (COND, PERTURBED):  # nothing is made of them
            return out
        rest = (1 - torch.stack([fraction for _, fraction in self.parts]).sum(0)).to(out)
        if rest.abs().max() > 1e-6:  # what rounding leaves is nothing to ask for
            out += rest * self._row(inputs, row, name)
        for window, fraction in self.parts:
            window.crop(out).add_(self._row(inputs, row, name, window) * window.crop(fraction).to(out))
        return out

    def _row(self, inputs: UNetInputs, row: int, name: str, window: Window | None = None) -> Tensor:
        """Returns the output (4, h, w) of one row alone, of a part of the canvas or of all of it."""
        seen = inputs if window is None else inputs.cropped(window)
        alone = seen.of_row(row, self._context_rows(inputs.context)[row])
        assert alone is not None, "regions by window stand by themselves, so that no row needs another"
        return self.predict(replace(alone, branches=(name,)))[0]

    def _context_rows(self, context: Tensor) -> list[Tensor]:
        """Returns the rows of a context (1, T, D): the same tensors at every step, since engines cache by them."""
        if context not in self._contexts:
            self._contexts[context] = [row.clone() for row in context.split(1)]
        rows: list[Tensor] = self._contexts[context]
        return rows
