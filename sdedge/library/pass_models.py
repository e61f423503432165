"""Passes whose upscalers and detectors have the names that they are installed under. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sdedge.library.detectors import detector_name
from sdedge.library.upscalers import upscaler_name
from sdedge.passes import ENLARGERS, Pass
from sdedge.request import Request


def settled_passes(request: Request) -> Request:
    """Returns a request whose passes name installed upscalers and detectors by their whole names, as its file records them.

    Raises as `find_upscaler` and `find_detector`.
    """
    passes = tuple(with_models(each, upscaler_name, detector_name) for each in request.passes)
    return request if passes == request.passes else request.replace(passes=passes)


def with_models(each: Pass, upscaler: Callable[[str], str], detector: Callable[[str], str]) -> Pass:
    """Returns a pass with its upscaler, where it is none of our enlargers, and its detector by the names that these give."""
    enlarge, boxes = each.enlarge, each.boxes
    if enlarge is not None and enlarge.by not in ENLARGERS:
        enlarge = replace(enlarge, by=upscaler(enlarge.by))
    if boxes is not None:
        boxes = replace(boxes, model=detector(boxes.model))
    return replace(each, enlarge=enlarge, boxes=boxes)
