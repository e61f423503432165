"""Hint pictures kept by their content, so that a job or a record names one by its hash, whatever becomes of the file."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sdedge.errors import InvalidRequest, OutputError
from sdedge.files import atomic_write, read_at_most
from sdedge.places import data_folder, expanded

SCHEME = "sha256:"
MAX_BYTES = 256 << 20  # a picture of this size is not kept
_REFERENCE = re.compile(r"sha256:([0-9a-f]{64})")


def hint_folder() -> Path:
    """Returns where kept hints are, named by their hashes."""
    return data_folder() / "hints"


def keep_hint(path: str) -> str:
    """Copies a hint to where its content stays, and returns the reference to it; a reference, and a file too large, stay as
    they are. Raises InvalidRequest for a file that cannot be read, OutputError where it cannot be kept."""
    if is_reference(path):
        return path
    content = _read(path)
    if len(content) > MAX_BYTES:
        return path
    digest = hashlib.sha256(content).hexdigest()
    target = hint_folder() / digest
    if not target.is_file():
        try:
            with atomic_write(target) as file:
                file.write(content)
        except OSError as error:
            raise OutputError(
                f"Cannot keep {path} in {hint_folder()}: {error.strerror or error}; free some space."
            ) from None
    return SCHEME + digest


def is_reference(hint: str) -> bool:
    """Returns whether a hint is named by its content rather than by a path."""
    return _REFERENCE.fullmatch(hint) is not None


def is_stored(hint: str) -> bool:
    """Returns whether a reference leads to a hint that is kept here."""
    return is_reference(hint) and (hint_folder() / hint.removeprefix(SCHEME)).is_file()


def hint_path(hint: str) -> Path:
    """Returns the file of a hint. Raises InvalidRequest for a reference to one that is not kept here."""
    if not is_reference(hint):
        return expanded(hint)
    if not is_stored(hint):
        raise InvalidRequest(
            f"The hint {hint[:19]}… is not kept on this machine; give the picture itself.", field="controls"
        )
    return hint_folder() / hint.removeprefix(SCHEME)


def _read(path: str) -> bytes:
    try:
        return read_at_most(expanded(path), MAX_BYTES)
    except OSError as error:
        raise InvalidRequest(
            f"Cannot read the hint {path}: {error.strerror or error}; check its path.", field="controls"
        ) from None
