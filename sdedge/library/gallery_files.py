"""Picture files as the gallery sees them: found, read, measured, checked. No torch."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from sdedge.errors import InvalidRequest
from sdedge.files import atomic_write, canonical, open_regular
from sdedge.request import Request
from sdedge.text.clean import clean

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
THUMBNAIL = 320  # pixels of the longer side
GROUP = 100  # files looked at, and rows written, at a time


def columns(fields: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the searchable columns from what is known of a picture."""
    seed = fields.get("seed")
    return {
        "width": fields.get("width") or 0,
        "height": fields.get("height") or 0,
        "model": _text(facts.get("model_name") or fields.get("model")),
        "model_hash": _text(facts.get("model_hash")),
        "sampler": _text(fields.get("sampler")),
        "seed": "" if seed is None else str(seed),  # up to 2**64 - 1, more than SQLite's integers hold
        "prompt": _text(fields.get("prompt")),
        "negative": _text(fields.get("negative")),
    }


def _text(value: Any) -> str:
    return clean(str(value or ""))


def read_picture(path: Path) -> dict[str, Any]:
    """Returns the columns of a picture file made by anyone. Raises InvalidRequest or OSError."""
    from sdedge.images import metadata

    recorded = metadata.read(path)
    measured = measure(path)
    try:
        request = metadata.to_request(recorded) if recorded.source else Request()
    except InvalidRequest:
        request = Request()
    facts = json.dumps(dict(recorded.details), default=str)
    return {
        **(columns(recorded.fields, recorded.details) if recorded.source else {}),
        **measured,
        "created": measured["modified"] / 1e9,
        "source": recorded.source,
        "request": request.to_json(),
        "facts": facts,
    }


def measure(path: Path) -> dict[str, Any]:
    """Returns what the file itself tells: size in pixels and bytes, time, and the hash of its content."""
    from sdedge.images.opening import opened

    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        content = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    with opened(path) as image:
        width, height = image.size
    return {
        "width": width, "height": height, "bytes": status.st_size, "modified": status.st_mtime_ns, "content": content,
    }  # fmt: skip


def thumbnail(store: Path, path: Path, content: str) -> Path:
    """Returns a JPEG of at most 320 pixels of the picture at `path`, made once and kept in the folder `store` by its content.

    Any thread may call it. Raises SdedgeError for a file that is missing, damaged or too large to open safely.
    """
    small = thumbnail_path(store, content)
    if not small.exists():
        from sdedge.images.opening import opened

        with opened(path) as image:
            image.draft("RGB", (THUMBNAIL, THUMBNAIL))
            reduced = image.convert("RGB")
            reduced.thumbnail((THUMBNAIL, THUMBNAIL))
        with atomic_write(small) as file:
            reduced.save(file, "JPEG", quality=85)
    return small


def thumbnail_path(store: Path, content: str) -> Path:
    """Returns where the thumbnail of a picture with this SHA-256 is kept."""
    return store / "thumbnails" / content[:2] / f"{content}.jpg"


def fault_of(path: Path, content: str) -> str | None:
    """Returns what is wrong with a file that had the SHA-256 `content`, in words; None when nothing is."""
    from sdedge.images.opening import opened

    try:
        with open_regular(path) as file:
            data = file.read()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    if hashlib.sha256(data).hexdigest() == content:
        return None
    try:
        with opened(path) as image:
            image.load()
    except InvalidRequest:
        return f"{path} is damaged: it has changed since it was saved and cannot be decoded"
    return f"{path} was changed by another program since it was saved; a rescan takes it as it is"


def record_fault(row: Mapping[str, Any], path: Path) -> str | None:
    """Returns where the gallery's row of a picture of ours disagrees with what its file says, in words; None where it does not.

    A file without settings says nothing, and one of another program is read by rules that grow.
    """
    from sdedge.images import metadata

    if row["source"] != "sdedge":
        return None
    recorded = metadata.read(path)
    if recorded.source != "sdedge":
        return None
    known = columns(recorded.fields, recorded.details)
    differing = [name for name in ("prompt", "negative", "seed", "sampler", "model") if known[name] != row[name]]
    if not differing:
        return None
    return (
        f"{path} says another {' and '.join(differing)} than the gallery ({known[differing[0]][:80]!r} instead of"
        f" {str(row[differing[0]])[:80]!r}); what the file says is how it was drawn"
    )


def gallery_path(path: Path) -> Path:
    """Returns the path under which a picture has its row: its folder as the file system lists it, however a person typed it."""
    return canonical(path.parent) / path.name


def spellings(path: Path) -> list[str]:
    """Returns that path, and with the file's name in the other Unicode forms that some file systems list it in."""
    canon = gallery_path(path)
    names = dict.fromkeys([canon.name, *(unicodedata.normalize(form, canon.name) for form in ("NFC", "NFD"))])
    return [str(canon.with_name(name)) for name in names]


def groups(roots: Iterable[Path]) -> Iterator[list[Path]]:
    """Yields picture files below the folders, in the order of their names, some at a time."""
    group: list[Path] = []
    for root in roots:
        for folder, inner, files in os.walk(root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(files):
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    group.append(Path(folder, name))
                if len(group) == GROUP:
                    yield group
                    group = []
    if group:
        yield group


def outermost(folders: Iterable[Path]) -> list[Path]:
    """Returns the folders without those that lie inside another."""
    folders_alone: list[Path] = []
    for folder in sorted(folders):
        if not any(folder.is_relative_to(outer) for outer in folders_alone):
            folders_alone.append(folder)
    return folders_alone


def literal(text: str) -> str:
    """Returns text that a glob takes as it is."""
    return re.sub(r"([*?[])", r"[\1]", text)
