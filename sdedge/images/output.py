"""Where pictures go and how they are written."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest, OutputError
from sdedge.files import atomic_write
from sdedge.images import metadata
from sdedge.images.naming import TEMPLATE, free_path, name
from sdedge.request import Request

if TYPE_CHECKING:
    import numpy as np

FORMATS = {"png": "png", "jpeg": "jpg", "webp": "webp"}


@dataclass(frozen=True)
class Output:
    """A folder, a file format and a name template; `private` leaves all metadata out of the files."""

    folder: Path
    format: str = "png"
    template: str = TEMPLATE
    private: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InvalidRequest(f"Unknown picture format {self.format!r}; choose one of {', '.join(FORMATS)}.")

    def check(self) -> None:
        """Raises OutputError before any work is done when the folder cannot be made or written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.folder / ".sdedge-check") as file:
                file.write(b"x")
            (self.folder / ".sdedge-check").unlink()
        except (OSError, OutputError) as error:
            reason = getattr(error.__cause__ or error, "strerror", None) or error
            raise OutputError(f"Cannot write pictures into {self.folder}: {reason}; choose another folder.") from error

    def write(self, pixels: np.ndarray, request: Request, facts: Mapping[str, object], number: int) -> Path:
        """Write one uint8 (H, W, 3) picture atomically under a new name and return its path. Raises OutputError."""
        stem = name(self.template, request, number, datetime.datetime.now())
        path = free_path(self.folder, stem, FORMATS[self.format])
        self.write_to(path, pixels, request, facts)
        return path

    def write_to(self, path: Path, pixels: np.ndarray, request: Request, facts: Mapping[str, object]) -> None:
        """Write one picture atomically to `path`, replacing what is there."""
        with atomic_write(path) as file:
            metadata.write(file, pixels, self.format, None if self.private else request, facts)
