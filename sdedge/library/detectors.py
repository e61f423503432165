"""Detectors by the names that people type: installed ones, or paths. No torch."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import Remedy
from sdedge.library.by_name import Named

ROLE = "detector"


def find_detector(name: str) -> Path:
    """Returns a detector's file as `Named.file` does. A name may end in .pt, as ADetailer writes it."""
    return _called(name).file()


def detector_name(name: str) -> str:
    """Returns the whole name of the detector that is meant, as `Named.whole_name` does."""
    return _called(name).whole_name()


def _called(name: str) -> Named:
    return Named(name, ROLE, Remedy.ADD_DETECTOR, name.removesuffix(".pt"))
