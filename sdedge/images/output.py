"""Where pictures go and how they are written."""

from __future__ import annotations

import datetime
import io
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest, OutputError
from sdedge.files import atomic_write, sweep_parts, write_new
from sdedge.images.naming import PRIVATE, TEMPLATE, name, names
from sdedge.request import Request

if TYPE_CHECKING:
    import numpy as np

FORMATS = {"png": "png", "jpeg": "jpg", "webp": "webp"}
LARGEST = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}
"""Pixels of a side that a file of each format holds."""
SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
UNSUPPORTED_SUFFIXES = {
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".avif",
    ".heic",
    ".jxl",
    ".jfif",
    ".tga",
    ".psd",
    ".svg",
    ".pdf",
}


SHEET = "sheet"
"""Among the facts of a file that shows several pictures."""


@dataclass(frozen=True)
class Output:
    """A folder, a file format and a name template; `private` leaves all metadata out of the files, and prompt and seed out of
    their names, unless a template of one's own asks for them.

    `file` is a file's own name with its suffix, in place of a template; `numbered` puts the picture's number behind it.
    """

    folder: Path
    format: str = "png"
    template: str = TEMPLATE
    private: bool = False
    file: str = ""
    numbered: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InvalidRequest(f"Unknown picture format {self.format!r}; choose one of {', '.join(FORMATS)}.")

    def check(self) -> None:
        """Raises OutputError before any work is done when the folder cannot be made or written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            trial = self.folder / f".sdedge-check-{os.getpid()}-{secrets.token_hex(4)}"  # every process its own
            descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:  # no disk needs to keep it, so none is waited for as for a picture
                os.write(descriptor, b"x")
            finally:
                os.close(descriptor)
                trial.unlink()
            sweep_parts(self.folder)
        except (OSError, OutputError) as error:
            reason = getattr(error.__cause__ or error, "strerror", None) or error
            raise OutputError(f"Cannot write pictures into {self.folder}: {reason}; choose another folder.") from error

    def holding(self, width: int, height: int) -> Output:
        """Returns where a picture of a size goes: here, or into a PNG of the same name where this format does not hold it."""
        if max(width, height) <= LARGEST[self.format]:
            return self
        return replace(self, format="png", file=Path(self.file).with_suffix(".png").name if self.file else "")

    def write(self, pixels: np.ndarray, request: Request, facts: Mapping[str, object], number: int) -> Path:
        """Writes one uint8 (H, W, 3) picture atomically under a new name and returns its path. Raises OutputError."""
        return write_new(self.names(request, number), self.encode(pixels, request, facts))

    def write_sheet(self, sheet: np.ndarray, request: Request, alone: bool = True) -> Path:
        """Writes a sheet of several pictures under a new name, as `write` does; `alone` as `sheet_names` says. Its record says
        that it is one; a sheet that the format does not hold becomes a PNG."""
        output = self.holding(sheet.shape[1], sheet.shape[0])
        return write_new(output.sheet_names(request, alone), output.encode(sheet, request, {SHEET: True}))

    def names(self, request: Request, number: int) -> Iterator[Path]:
        """Yields the names a picture may get, in the order of preference. `number` counts from 1."""
        if self.file:
            path = Path(self.file)
            stem = f"{path.stem}-{number}" if self.numbered else path.stem
            return names(self.folder, stem, path.suffix.lstrip("."))
        template = PRIVATE if self.private and self.template == TEMPLATE else self.template
        return names(self.folder, name(template, request, number, datetime.datetime.now()), FORMATS[self.format])

    def sheet_names(self, request: Request, alone: bool = True) -> Iterator[Path]:
        """Yields the names a sheet of several pictures may get; `alone` when no single pictures are saved beside it."""
        if self.file:
            path = Path(self.file)
            return names(self.folder, path.stem if alone else f"{path.stem}-grid", path.suffix.lstrip("."))
        about = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}" if self.private else request.seed
        return names(self.folder, f"grid-{about}", FORMATS[self.format])

    def encode(self, pixels: np.ndarray, request: Request, facts: Mapping[str, object]) -> bytes:
        """Returns one uint8 (H, W, 3) picture as the bytes of its file."""
        from sdedge.images import metadata  # brings Pillow, which nobody needs before there is a picture

        file = io.BytesIO()
        metadata.write(file, pixels, self.format, None if self.private else request, facts)
        return file.getvalue()

    def write_to(self, path: Path, pixels: np.ndarray, request: Request, facts: Mapping[str, object]) -> None:
        """Writes one picture atomically to `path`, replacing what is there."""
        with atomic_write(path) as file:
            file.write(self.encode(pixels, request, facts))


def output_at(
    path: Path, format: str | None = None, template: str | None = None, private: bool = False, many: bool = False
) -> Output:
    """Returns an Output for what a person names: a folder, or a file by a picture's suffix; `many` pictures are numbered then.

    Raises InvalidRequest when format, template and suffix do not go together.
    """
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in {*SUFFIXES, *UNSUPPORTED_SUFFIXES}:
        if path.is_file():
            raise InvalidRequest(f"{path} is a file; name a folder, or a picture that ends in .png, .jpg or .webp.")
        return Output(path, format or "png", template or TEMPLATE, private)
    if suffix not in SUFFIXES:
        raise InvalidRequest(
            f"{path} ends in {suffix}, which is not written here; use .png, .jpg or .webp, or name a folder."
        )
    if format not in (None, SUFFIXES[suffix]):
        raise InvalidRequest(f"{path} ends in {suffix} and the format is {format}; leave one of them out.")
    if template:
        raise InvalidRequest(
            f"{path} is a file's name, so there is no use for the template {template!r}; leave one of them out."
        )
    return Output(path.parent, SUFFIXES[suffix], TEMPLATE, private, path.name, many)
