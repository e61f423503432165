"""Upscalers by the names that people type: installed ones, or paths. No torch."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import Remedy
from sdedge.library.by_name import Named, installed
from sdedge.library.models import Model
from sdedge.passes import ENLARGERS

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
    """Returns an upscaler's file as `Named.file` does; names of the A1111 web UI's stand for the published files."""
    return _called(name).file()


def upscaler_name(name: str) -> str:
    """Returns the whole name of the upscaler that is meant, as `Named.whole_name` does."""
    return _called(name, tuple(ENLARGERS)).whole_name()


def _called(name: str, always: tuple[str, ...] = (LANCZOS,)) -> Named:
    return Named(name, ROLE, Remedy.ADD_UPSCALER, _LABELS.get(name.casefold(), ""), always)
