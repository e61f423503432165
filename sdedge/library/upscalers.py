"""Upscalers by the names that people type: installed ones, or paths. No torch."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import ModelError, Remedy
from sdedge.library.by_name import installed, named
from sdedge.library.models import Library, Model
from sdedge.text.clean import shown
from sdedge.weights.folders import existing

ROLE = "upscaler"
LANCZOS = "lanczos"
"""The name of enlarging without a network, by a filter that is always there."""

_LABELS = {
    "r-esrgan 4x+": "RealESRGAN_x4plus",
    "r-esrgan 4x+ anime6b": "RealESRGAN_x4plus_anime_6B",
    "r-esrgan 2x+": "RealESRGAN_x2plus",
    "r-esrgan general 4xv3": "realesr-general-x4v3",
    "r-esrgan animevideo": "realesr-animevideov3",
}
"""What the A1111 web UI calls the published files."""


def installed_upscalers() -> list[Model]:
    """Returns the installed upscalers."""
    return installed(ROLE)


def find_upscaler(name: str) -> Path:
    """Returns an upscaler's file: a path that is there, or an installed one by its name, its hash, or a part of its name.

    Raises ModelError for none, and InvalidRequest for several.
    """
    if (path := existing(name)) is not None:
        return path
    models = installed_upscalers()
    if (model := named(_LABELS.get(name.casefold(), name), models, "upscaler", "")) is None:
        known = ", ".join([LANCZOS, *(model.name for model in models[:20])])
        raise ModelError(
            f"There is no upscaler {shown(name)} (there are {known}); {Remedy.ADD_UPSCALER}, or give its path.",
            remedy=Remedy.ADD_UPSCALER,
        )
    library = Library()
    try:
        return library.locate(model.name)
    finally:
        library.close()
