"""What earlier attempts left of pictures: a look at the journals in a folder, by their headers. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sdedge.generation.journal_file import read_header, read_journal
from sdedge.request import Request

SUFFIX = ".journal"


@dataclass(frozen=True)
class Unfinished:
    """A picture that was begun and not saved.

    run     which run of pictures it belongs to
    number  of the picture in its run, from 0
    seed, variation_seed  of the picture
    changed  when its journal was last written, in Unix seconds
    """

    path: Path
    run: str
    number: int
    seed: int
    variation_seed: int | None
    changed: float

    @property
    def saved(self) -> int:
        """How many pictures of its batch, from the first on, are saved already."""
        try:
            return int(saved_mark(self.path.parent, self.path.name.partition("-")[0]).read_bytes()[:9])
        except (OSError, ValueError):
            return 0

    def is_of(self, request: Request) -> bool:
        """Returns whether it is the picture of a request, and some of it is drawn."""
        is_same = (self.seed, self.variation_seed) == (request.seed, request.variation_seed)
        recorded = read_journal(self.path) if is_same else None
        return recorded is not None and bool(recorded.answers)


def unfinished(folder: Path, run: str) -> Unfinished | None:
    """Returns the latest picture of a run that has a journal; None where there is none."""
    every = [header for path in journals_in(folder) if (header := _unfinished(path)) and header.run == run]
    return max(every, key=lambda each: each.changed, default=None)


def journals_in(folder: Path, beginning: str = "") -> list[Path]:
    """Returns the journals in a folder whose names begin so. (A glob would keep a compiled pattern of every picture.)"""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in names if name.startswith(beginning) and name.endswith(SUFFIX)]


def saved_mark(folder: Path, batch: str) -> Path:
    """Returns the file, beside a batch's journals and gone with them, that says how many of its pictures are saved."""
    return folder / f"{batch}-saved{SUFFIX}"


def _unfinished(path: Path) -> Unfinished | None:
    header = read_header(path)
    if header is None:
        return None
    values = header.get("run"), header.get("number"), header.get("seed"), header.get("variation_seed")
    run, number, seed, variation_seed = values
    if not isinstance(run, str) or type(number) is not int or type(seed) is not int:
        return None
    if variation_seed is not None and type(variation_seed) is not int:
        return None
    try:
        return Unfinished(path, run, number, seed, variation_seed, path.stat().st_mtime)
    except OSError:
        return None
