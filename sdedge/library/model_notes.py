"""What a person keeps beside a model, LoRA or embedding: notes, trigger words, a picture; and its trainer's words. No torch."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.json_values import read_json
from sdedge.library.models import Library
from sdedge.text.clean import clean, clean_name

LONGEST = 20_000  # characters of notes
MOST = 100  # trigger words
LONGEST_WORD = 200
SIDE = 256  # pixels of the picture's longer side
TRAINED = 12  # words of a trainer's captions, the most frequent ones
_LIMIT = 4 << 20  # bytes of a trainer's table of captions


@dataclass(frozen=True)
class ModelNote:
    """`triggers` are words that a prompt needs for it; `picture` is a JPEG of at most 256 pixels, or nothing."""

    text: str = ""
    triggers: tuple[str, ...] = ()
    picture: bytes = b""


class ModelNotes:
    """The notes of a library, by name and role ("model", "vae", "control", "upscaler", "detector", "lora", "embedding").

    They stay when a model is removed, and are there again with the next one of its name.
    """

    def __init__(self, library: Library) -> None:
        self._database = library.database

    def all(self) -> dict[tuple[str, str], ModelNote]:
        """Returns every note by (name, role)."""
        rows = self._database.execute("SELECT name, role, text, triggers, picture FROM model_notes").fetchall()
        return {(row["name"], row["role"]): _note(row) for row in rows}

    def of(self, name: str, role: str) -> ModelNote:
        """Returns what is noted; an empty note where nothing is."""
        query = "SELECT text, triggers, picture FROM model_notes WHERE name = ? AND role = ?"
        row = self._database.execute(query, (name, role)).fetchone()
        return ModelNote() if row is None else _note(row)

    def set_text(self, name: str, role: str, text: str) -> None:
        """Raises InvalidRequest for a text that is too long."""
        text = clean(text)
        if len(text) > LONGEST:
            raise InvalidRequest(f"The notes have {len(text)} characters; use at most {LONGEST}.")
        self._set(name, role, "text", text)

    def set_triggers(self, name: str, role: str, triggers: Iterable[str]) -> None:
        """Keeps exactly these words, each once. Raises InvalidRequest for too many or too long ones."""
        wanted = tuple(dict.fromkeys(filter(None, (clean_name(" ".join(word.split())).strip() for word in triggers))))
        if len(wanted) > MOST or any(len(word) > LONGEST_WORD for word in wanted):
            raise InvalidRequest(
                f"There are too many or too long trigger words; use {MOST} of {LONGEST_WORD} characters."
            )
        self._set(name, role, "triggers", "\n".join(wanted))

    def set_picture(self, name: str, role: str, path: Path | None) -> None:
        """Keeps a small copy of a picture; None takes it away. Raises InvalidRequest for what is no picture."""
        self._set(name, role, "picture", None if path is None else _small(path))

    def restore_picture(self, name: str, role: str, picture: bytes) -> None:
        """Keeps a picture that was kept here before."""
        self._set(name, role, "picture", picture or None)

    def _set(self, name: str, role: str, column: str, value: Any) -> None:
        query = (
            f"INSERT INTO model_notes (name, role, {column}) VALUES (?, ?, ?) ON CONFLICT (name, role) DO UPDATE SET"
        )
        self._database.execute(f"{query} {column} = excluded.{column}", (name, role, value))


def trained_words(path: Path) -> tuple[str, ...]:
    """Returns the words that a LoRA's file says it was trained with: its trigger phrase, or its captions' most frequent tags.

    Nothing for a file that says nothing, is damaged or gone.
    """
    try:
        status = path.stat()
    except OSError:
        return ()
    return _trained(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _trained(path: Path, changed: int, size: int) -> tuple[str, ...]:
    from sdedge.weights.files import open_tensors

    if path.suffix.lower() != ".safetensors":
        return ()
    try:
        header = open_tensors(path).metadata
        phrase = header.get("modelspec.trigger_phrase") or ""
        if phrase.strip():
            return tuple(_tidy(phrase.split(",")))[:TRAINED]
        return tuple(_tidy(_frequent(header.get("ss_tag_frequency") or "{}")))[:TRAINED]
    except SdedgeError:
        return ()


def _frequent(text: str) -> Sequence[str]:
    """Returns the tags of kohya's table {folder: {tag: count}}, the most frequent first."""
    tables = read_json(text, "The table of captions", _LIMIT, error=InvalidRequest)
    counts: dict[str, float] = {}
    for tags in tables.values() if isinstance(tables, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if isinstance(count, (int, float)):
                counts[tag] = counts.get(tag, 0) + count
    return sorted(counts, key=lambda tag: -counts[tag])


def _tidy(phrases: Iterable[str]) -> Iterable[str]:
    cleaned = (clean_name(" ".join(word.split())).strip() for word in phrases)
    return dict.fromkeys(word for word in cleaned if word and len(word) <= LONGEST_WORD)


def _note(row: Any) -> ModelNote:
    text, triggers, picture = (row[name] for name in ("text", "triggers", "picture"))
    return ModelNote(
        text if isinstance(text, str) else "",
        tuple(filter(None, re.split("\n", triggers))) if isinstance(triggers, str) else (),
        picture if isinstance(picture, bytes) else b"",
    )


def _small(path: Path) -> bytes:
    from sdedge.images.opening import opened
    from sdedge.images.source import flatten

    file = io.BytesIO()
    try:
        with opened(path) as image:
            image.draft("RGB", (SIDE, SIDE))
            small = flatten(image)
    except OSError as error:
        raise InvalidRequest(f"Cannot read {path}: {error.strerror or error}; choose another picture.") from error
    small.thumbnail((SIDE, SIDE))
    small.save(file, "JPEG", quality=85)
    return file.getvalue()
