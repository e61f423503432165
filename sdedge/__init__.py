"""Stable Diffusion v1 for the machine in front of you.

    import sdedge

    for picture in sdedge.generate("a red house at night with two trees", count=2):
        picture.save(f"{picture.seed}.png")

The names in `__all__` are the public interface; everything else is the project's own and may change. Importing costs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "InvalidRequest", "Model", "ModelError", "OutOfMemory", "OutputError", "Picture", "Remedy", "Request", "SdedgeError",
    "events", "generate", "load",
]  # fmt: skip

if TYPE_CHECKING:
    from sdedge import events
    from sdedge.errors import InvalidRequest, ModelError, OutOfMemory, OutputError, Remedy, SdedgeError
    from sdedge.generation.save import Picture
    from sdedge.interface import Model, generate, load
    from sdedge.request import Request

_WHERE = {
    "sdedge.errors": ("InvalidRequest", "ModelError", "OutOfMemory", "OutputError", "Remedy", "SdedgeError"),
    "sdedge.generation.save": ("Picture",),
    "sdedge.interface": ("Model", "generate", "load"),
    "sdedge.request": ("Request",),
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for."""
    for module, names in _WHERE.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    if name == "events":
        return importlib.import_module("sdedge.events")
    raise AttributeError(f"module 'sdedge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
