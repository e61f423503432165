"""Where the app keeps things on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """Returns the app's own store (models, vocabulary, database): `SDEDGE_HOME`, or the platform's data directory."""
    chosen = os.environ.get("SDEDGE_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("sdedge", appauthor=False))


def cache_folder() -> Path:
    """Returns the folder of what can be made again and the system may remove: `SDEDGE_HOME`/cache, or the platform's folder
    of caches.
    """
    chosen = os.environ.get("SDEDGE_HOME")
    return (
        Path(chosen).expanduser() / "cache" if chosen else Path(platformdirs.user_cache_dir("sdedge", appauthor=False))
    )


def hub_cache() -> Path:
    """Returns the Hugging Face cache of this machine, by the variables and defaults huggingface_hub uses."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "hub"
