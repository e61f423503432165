"""Regions as the form has them: areas with prompts, added, changed and taken out. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gui.form.controlling import mask_fault
from gui.languages.texts import tr
from sdedge.regions import MAX_REGIONS, Area, Region

Regions = tuple[Region, ...]


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
