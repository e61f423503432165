"""Detectors by the names that people type: installed ones, or paths. No torch."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import ModelError, Remedy
from sdedge.library.by_name import installed, named
from sdedge.library.models import Library
from sdedge.text.clean import shown
from sdedge.weights.folders import existing

ROLE = "detector"


def find_detector(name: str) -> Path:
    """Returns a detector's file: a path that is there, or an installed one by its name, its hash, or a part of its name.

    A name may end in .pt, as ADetailer writes it. Raises ModelError for none, and InvalidRequest for several.
    """
    if (path := existing(name)) is not None:
        return path
    models = installed(ROLE)
    if (model := named(name.removesuffix(".pt"), models, "detector", "")) is None:
        known = ", ".join(model.name for model in models[:20])
        there = f"installed are {known}" if known else "none is installed"
        raise ModelError(
            f"There is no detector {shown(name)} ({there}); {Remedy.ADD_DETECTOR}, or give its path.",
            remedy=Remedy.ADD_DETECTOR,
        )
    library = Library()
    try:
        return library.locate(model.name)
    finally:
        library.close()
