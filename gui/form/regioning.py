"""Regions as the form has them: areas with prompts, added, changed and taken out. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gui.form.controlling import mask_fault
from gui.languages.texts import tr
from sdedge.regions import MAX_REGIONS, Area, Region

Regions = tuple[Region, ...]


PLACES: dict[str, Area] = {
    "left-half": (0, 0, 0.5, 1), "right-half": (0.5, 0, 1, 1), "upper-half": (0, 0, 1, 0.5), "lower-half": (0, 0.5, 1, 1),
    "left-third": (0, 0, 0.333, 1), "middle-third": (0.333, 0, 0.667, 1), "right-third": (0.667, 0, 1, 1),
    "upper-left": (0, 0, 0.5, 0.5), "upper-right": (0.5, 0, 1, 0.5), "lower-left": (0, 0.5, 0.5, 1),
    "lower-right": (0.5, 0.5, 1, 1), "middle": (0.25, 0.25, 0.75, 0.75),
}  # fmt: skip
"""Areas that have a name."""
UNNAMED = "unnamed"
"""What an area is called that has none: its sides say where it is."""
_NEAR = 0.006  # of the picture's side: what is dragged there is there


def place_of(area: Area) -> str:
    """Returns the name of an area, or UNNAMED."""
    near = (name for name, place in PLACES.items() if all(abs(a - b) < _NEAR for a, b in zip(area, place, strict=True)))
    return next(near, UNNAMED)


def free_place(regions: Regions) -> Area:
    """Returns the first area with a name that no region lies in; the left half where there is none."""
    free = (place for place in PLACES.values() if not any(_overlap(place, each.area) for each in regions))
    return next(free, PLACES["left-half"])


def _overlap(a: Area, b: Area) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > _NEAR and min(a[3], b[3]) - max(a[1], b[1]) > _NEAR


def with_region(regions: Regions, area: Area) -> Regions:
    """Returns the regions and one more, whose prompt is to be written; no more than a request holds."""
    left, top, right, bottom = area
    if len(regions) >= MAX_REGIONS or left >= right or top >= bottom:
        return regions
    return (*regions, Region("", area))


def changed(regions: Regions, number: int, **values: Any) -> Regions:
    """Returns the regions with one changed."""
    return tuple(replace(each, **values) if at == number else each for at, each in enumerate(regions))


def removed(regions: Regions, number: int) -> Regions:
    """Returns the regions without one."""
    return tuple(each for at, each in enumerate(regions) if at != number)


def fault_of(regions: Regions) -> str:
    """Returns what keeps regions from being drawn that the window can say better, in a sentence."""
    for number, region in enumerate(regions, 1):
        if not region.prompt.strip():
            return tr("Region {0} has no prompt; write what it shows, or take it out.").format(number)
        if fault := mask_fault(region.mask):
            return fault
    return ""


def label_of_region(number: int, region: Region) -> str:
    """Returns what a region is called on the canvas."""
    return f"{number + 1}  {' '.join(region.prompt.split())[:60]}".rstrip()
