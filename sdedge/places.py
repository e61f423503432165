"""Where the app keeps things on this machine."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
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


def scratch_folder() -> Path:
    """Returns the folder for large temporary files: the system's, or one on a disk where that lies in memory, as /tmp does on
    many systems. `TMPDIR` overrules it."""
    usual = Path(tempfile.gettempdir())
    if os.environ.get("TMPDIR") or not is_in_memory(usual):
        return usual
    for folder in (cache_folder(), Path("/var/tmp")):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK) and not is_in_memory(folder):
                return folder
    return usual


def is_in_memory(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Returns whether a folder's files take memory and no disk; False where the system does not say (all but Linux)."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    here, longest, kind = folder.resolve(), -1, ""
    for line in lines:  # 36 35 98:0 /root /mount/point options [more] - ext4 /dev/sda1 options
        place, _, source = line.partition(" - ")
        parts = place.split()
        mounted = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), parts[4])) if len(parts) > 4 else None
        if mounted is not None and here.is_relative_to(mounted) and len(mounted.parts) >= longest:
            longest, kind = len(mounted.parts), source.split(" ")[0]  # a later mount lies over an earlier one
    return kind in ("tmpfs", "ramfs")


def hub_cache() -> Path:
    """Returns the Hugging Face cache of this machine, by the variables and defaults huggingface_hub uses."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "hub"
