"""Regions in a picture: their masks at the latents' size, and how they join the branches and the guide of a request."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sdedge.errors import InvalidRequest
from sdedge.images.mask import read_grey
from sdedge.library.hints import hint_path
from sdedge.models.region_masks import region_fractions
from sdedge.regions import Region, RegionMethod
from sdedge.request import Resolved
from sdedge.sampling.guidance import Branches, Guide
from sdedge.sampling.regions import RegionAreas, RegionGuidance, region_branches
from sdedge.text.clean import shown
from sdedge.text.conditioning import Context

SHAPE_TOLERANCE = 0.02


def with_regions(
    branches: Branches, request: Resolved, downscale: int, contexts: Callable[[float], Context]
) -> Branches:
    """Returns the branches of a request with what its regions ask for: an edit of attention, or branches of their own."""
    if not request.regions:
        return branches
    attention, prediction = (_areas(request, downscale, method) for method in RegionMethod)
    return region_branches(branches, contexts, attention, prediction)


def guided_by_region(guide: Guide, request: Resolved, downscale: int) -> Guide:
    """Returns a guide that blends the predictions of the request's regions first, where it has any of that method."""
    areas = _areas(request, downscale, RegionMethod.PREDICTION)
    if not areas.numbers:
        return guide
    size = areas.masks.shape[1], areas.masks.shape[2]
    return RegionGuidance(guide, region_fractions(areas.masks, areas.weights, areas.bases, size))


def _areas(request: Resolved, downscale: int, method: RegionMethod) -> RegionAreas:
    """Returns where the regions of one method are, at the latents' size."""
    size = request.height // downscale, request.width // downscale
    numbered = [(number, region) for number, region in enumerate(request.regions) if region.by is method]
    masks = [region_mask(region, size) for _, region in numbered]
    return RegionAreas(
        tuple(number for number, _ in numbered),
        torch.stack(masks) if masks else torch.zeros(0, *size),
        torch.tensor([region.weight for _, region in numbered]),
        torch.tensor([region.base for _, region in numbered]),
    )


def check_masks(request: Resolved, downscale: int) -> None:
    """Raises InvalidRequest for a region's mask that cannot be used, before anything is drawn."""
    for region in request.regions:
        if region.mask is not None:
            region_mask(region, (request.height // downscale, request.width // downscale))


def region_mask(region: Region, size: tuple[int, int]) -> Tensor:
    """Returns how much of each latent of `size` (h, w) a region covers, by area: (h, w) in 0 … 1."""
    return _rectangle(region, size) if region.mask is None else _painted(region, region.mask, size)


def _rectangle(region: Region, size: tuple[int, int]) -> Tensor:
    left, top, right, bottom = region.area
    rows, columns = _covered(top, bottom, size[0]), _covered(left, right, size[1])
    return rows[:, None] * columns


def _covered(start: float, stop: float, cells: int) -> Tensor:
    """Returns how much of each of so many cells lies between two fractions of all."""
    edges = torch.arange(cells + 1, dtype=torch.float64).clamp(start * cells, stop * cells)
    return edges.diff().float()


def _painted(region: Region, path: str, size: tuple[int, int]) -> Tensor:
    """Returns a mask's file at a size (h, w). Raises InvalidRequest where it is no picture of the shape, or black."""
    h, w = size
    try:
        grey, _ = read_grey(hint_path(path))
    except InvalidRequest as error:
        raise InvalidRequest(str(error), field="regions") from error
    if abs(grey.width / grey.height / (w / h) - 1) > SHAPE_TOLERANCE + 1 / min(h, w):
        raise InvalidRequest(
            f"The mask of the region {shown(region.prompt)} is {grey.width}x{grey.height}, which is not the shape of the "
            "picture; give one of its proportions.",
            field="regions",
        )
    mask = np.asarray(grey.resize((w, h), Image.Resampling.BOX), np.float32) / 255
    if not mask.any():
        raise InvalidRequest(
            f"The mask of the region {shown(region.prompt)} is black everywhere; paint the region white.",
            field="regions",
        )
    return torch.from_numpy(mask)
