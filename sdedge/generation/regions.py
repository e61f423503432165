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
    attention = _areas(request, downscale, RegionMethod.ATTENTION)
    return region_branches(branches, contexts, attention, blended_areas(request, downscale))


def guided_by_region(guide: Guide, request: Resolved, downscale: int) -> Guide:
    """Returns a guide that blends the predictions of the request's regions first, where it has any of that method."""
    areas = blended_areas(request, downscale)
    return RegionGuidance(guide, blended_fractions(areas)) if areas.numbers else guide


def blended_areas(request: Resolved, downscale: int) -> RegionAreas:
    """Returns where the regions are whose predictions are blended, at the latents' size."""
    return _areas(request, downscale, RegionMethod.PREDICTION, RegionMethod.WINDOW)


def blended_fractions(areas: RegionAreas) -> Tensor:
    """Returns how much of each latent is the prompt's and each region's, (1 + R, h, w)."""
    size = areas.masks.shape[1], areas.masks.shape[2]
    return region_fractions(areas.masks, areas.weights, areas.bases, size)


def _areas(request: Resolved, downscale: int, *methods: RegionMethod) -> RegionAreas:
    """Returns where the regions of some methods are, at the latents' size."""
    size = request.height // downscale, request.width // downscale
    numbered = [(number, region) for number, region in enumerate(request.regions) if region.by in methods]
    masks = [region_mask(region, size) for _, region in numbered]
    return RegionAreas(
        tuple(number for number, _ in numbered),
        torch.stack(masks) if masks else torch.zeros(0, *size),
        torch.tensor([region.weight for _, region in numbered]),
        torch.tensor([region.base for _, region in numbered]),
        tuple(region.by is RegionMethod.WINDOW for _, region in numbered),
    )


def check_regions(request: Resolved, downscale: int) -> None:
    """Raises InvalidRequest for a region's mask that cannot be used, and for ways that do not go together, before anything is
    drawn."""
    ways = {region.by for region in request.regions}
    if RegionMethod.WINDOW in ways and RegionMethod.ATTENTION in ways:
        raise InvalidRequest(
            "Some regions are drawn by window and others by attention, which would read their prompts in those windows; write "
            "by=window or by=prediction into all of them.",
            field="regions",
        )
    windows = request.windows
    if RegionMethod.WINDOW in ways and windows and not windows.covers(request.width, request.height):
        raise InvalidRequest(
            "Regions that are drawn by window do not go with a picture that is drawn in windows itself; write by=attention into "
            "each region, or leave the windows out.",
            field="regions",
        )
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
