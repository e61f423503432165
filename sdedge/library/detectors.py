"""Detectors by the names that people type: installed ones, or paths. No torch."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import Remedy
from sdedge.library.by_name import find_file

ROLE = "detector"


def find_detector(name: str) -> Path:
    """Returns a detector's file as `find_file` does. A name may end in .pt, as ADetailer writes it."""
    return find_file(name, ROLE, Remedy.ADD_DETECTOR, name.removesuffix(".pt"))
