"""From the name of a model to a running engine: embedded, installed, or a path."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdedge.backends.engine import Engine

EMBEDDED = "pocket"


def locate(model: str) -> Path:
    """Where a model is: the embedded one by its name, an installed one, or the path itself."""
    if model == EMBEDDED and not Path(model).exists():
        return Path(str(files("sdedge.resources"))) / "models" / EMBEDDED
    return Path(model).expanduser()


def load_engine(
    device: str = "auto", dtype: str | None = None, ema: bool | None = None
) -> Callable[[str, str | None], Engine]:
    """A function (model, vae) -> engine on the given device, as the Pipeline wants it."""
    from sdedge.backends.torch import TorchEngine

    def load(model: str, vae: str | None) -> Engine:
        return TorchEngine.load(locate(model), device, dtype, vae=locate(vae) if vae else None, ema=ema)

    return load
