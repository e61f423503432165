"""Hashes of LoRAs and embeddings as pictures record them, read once for each file and kept while it is as it is. No torch.

A web UI's `Lora hashes` are the SHA-256 of a safetensors file behind its header, so that a changed title changes nothing; what
sites call AutoV2, and `TI hashes`, is the SHA-256 of the whole file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError, OutputError
from sdedge.files import atomic_write, open_regular
from sdedge.json_values import read_json_file
from sdedge.places import cache_folder

LORA_DIGITS, EMBEDDING_DIGITS = 12, 12  # of a hash as the web UI writes it
MAX_CACHED = 5000  # files whose hashes are kept
SMALL_FILE = 1 << 20
"""Bytes of a file up to which `sampled_hash` reads all of it; of larger ones their ends and places between them."""
_PLACES, _PLACE, _ENDS = 64, 4096, 1 << 16
_PIECE = 4 << 20
_LENGTH = 8  # bytes of a safetensors file that say how long its header is
_SHORTEST = 8  # digits that tell files apart


@dataclass(frozen=True)
class FileHashes:
    """SHA-256 in hexadecimal of the whole `file`, and of its `tensors` alone where it has a safetensors header."""

    file: str
    tensors: str

    def fit(self, hash: str) -> bool:
        """Returns whether a hash of a picture, of eight digits or more, may be this file's."""
        digits = hash.lower()
        return len(digits) >= _SHORTEST and (self.file.startswith(digits) or self.tensors.startswith(digits))


def hashes_of(path: Path) -> FileHashes:
    """Returns the hashes of a file; it is read only where it has changed since. Raises OSError."""
    return next(iter(hashes_of_all([path]).values()))


def hashes_of_all(paths: Iterable[Path]) -> dict[Path, FileHashes]:
    """Returns the hashes of files, reading those that changed since. Raises OSError for one that cannot be read."""
    cached, fresh, hashes = _cached(), {}, {}
    for path in paths:
        status = path.stat()
        key = f"{os.path.abspath(path)}|{status.st_mtime_ns}|{status.st_size}"
        known = cached.get(key)
        if isinstance(known, list) and len(known) == 2 and all(isinstance(digits, str) for digits in known):
            hashes[path] = FileHashes(*known)
        else:
            hashes[path] = _read(path)
            fresh[key] = [hashes[path].file, hashes[path].tensors]
    if fresh:
        _keep({**cached, **fresh})
    return hashes


def sampled_hash(path: Path, size: int) -> str:
    """Returns a SHA-256 of a file of so many bytes, and of a large one of places spread over it: it takes a moment, and tells
    other weights, but not every changed byte. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        if size <= SMALL_FILE:
            digest.update(file.read(SMALL_FILE))
        else:
            digest.update(file.read(_ENDS))
            for place in range(1, _PLACES + 1):
                file.seek(size * place // (_PLACES + 1))
                digest.update(file.read(_PLACE))
            file.seek(size - _ENDS)
            digest.update(file.read(_ENDS))
    return digest.hexdigest()


def _read(path: Path) -> FileHashes:
    file_digest, tensors_digest = hashlib.sha256(), hashlib.sha256()
    with open_regular(path) as file:
        start = _header_end(file, path)
        position = 0
        while piece := file.read(_PIECE):
            file_digest.update(piece)
            tensors_digest.update(piece[max(0, start - position) :])
            position += len(piece)
    return FileHashes(file_digest.hexdigest(), tensors_digest.hexdigest())


def _header_end(file: Any, path: Path) -> int:
    """Returns where the header of a safetensors file ends; 0 for any other."""
    if path.suffix.lower() != ".safetensors":
        return 0
    length = int.from_bytes(file.read(_LENGTH), "little")
    file.seek(0)
    return _LENGTH + length if length < 1 << 32 else 0


def _place() -> Path:
    return cache_folder() / "file-hashes.json"


def _cached() -> dict[str, Any]:
    try:
        record = read_json_file(_place())
    except ModelError:
        return {}
    return record if isinstance(record, dict) else {}


def _keep(record: Mapping[str, Any]) -> None:
    newest = dict(list(record.items())[-MAX_CACHED:])
    try:
        _place().parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(_place()) as file:
            file.write(json.dumps(newest).encode())
    except (OSError, OutputError):
        return  # they are read again
