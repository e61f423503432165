"""Where the app keeps things on this machine."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs

from sdedge.errors import OutputError


def expanded(path: str | Path) -> Path:
    """Returns a path with the home folder in place of its `~` or `~name`; one of nobody, which may be a file's name, stays."""
    return Path(os.path.expanduser(path))


def data_folder() -> Path:
    """Returns the app's own store (models, vocabulary, database): `SDEDGE_HOME`, or the platform's data directory.

    Raises OutputError where there is neither, as in a container whose user has no entry and no HOME.
    """
    chosen = os.environ.get("SDEDGE_HOME")
    return _at_home(chosen or _of_platform(platformdirs.user_data_dir))


def cache_folder() -> Path:
    """Returns the folder of what can be made again and the system may remove: `SDEDGE_HOME`/cache, or the platform's folder
    of caches. Raises OutputError as `data_folder` does.
    """
    chosen = os.environ.get("SDEDGE_HOME")
    return _at_home(os.path.join(chosen, "cache") if chosen else _of_platform(platformdirs.user_cache_dir))


def pictures_folder() -> Path:
    """Returns the person's own folder of pictures. Raises OutputError as `data_folder` does."""
    return _at_home(_of_platform(lambda *names, **options: platformdirs.user_pictures_dir()))


def _of_platform(folder: Callable[..., str]) -> str:
    """Returns a folder for sdedge as platformdirs names it; "~" where that finds no home folder and says so by an exception."""
    try:
        return folder("sdedge", appauthor=False)
    except RuntimeError:
        return "~"


def _at_home(text: str) -> Path:
    place = expanded(text)
    if place.parts[:1] and place.parts[0].startswith("~"):
        raise OutputError(
            f"There is no home folder for {place}: HOME is not set, or the user has no entry; set SDEDGE_HOME to a folder."
        )
    return place


def scratch_folder() -> Path:
    """Returns the folder for large temporary files: the system's, or one on a disk where that lies in memory, as /tmp does on
    many systems. `TMPDIR` overrules it."""
    usual = Path(tempfile.gettempdir())
    if os.environ.get("TMPDIR") or not is_in_memory(usual):
        return usual
    for place in (cache_folder, lambda: Path("/var/tmp")):
        with suppress(OSError, OutputError):
            folder = place()
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
        return expanded(os.environ["HF_HUB_CACHE"])
    if os.environ.get("HF_HOME"):
        return expanded(os.environ["HF_HOME"]) / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(cache) / "huggingface" / "hub"
