"""Looking at a model before it enters the library: which files it is made of, what it is, and its hashes. No torch."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError, OutputError, Remedy
from sdedge.files import open_regular
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.text.names import composed
from sdedge.weights import folders
from sdedge.weights.checkpoint import Checkpoint, is_vae, open_checkpoint, open_vae
from sdedge.weights.control import holds_control, open_control
from sdedge.weights.detector import holds_detector, open_detector
from sdedge.weights.files import check_inside
from sdedge.weights.hint_network import hint_network_kind, open_hint_network
from sdedge.weights.image_encoder import KIND as IMAGE_ENCODER
from sdedge.weights.image_encoder import holds_image_encoder, open_image_encoder
from sdedge.weights.upscaler import holds_upscaler, open_upscaler

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all)"""

_PIECE = 4 << 20
_LEGACY_OFFSET, _LEGACY_SIZE = 0x100000, 0x10000
_TEXT_FILES = ("*.json", "*.txt", "*.md", "LICEN[CS]E*", "*/*.json", "*/*.txt")

# First ten digits of the SHA-256 of published files, as the web UIs show them.
_PUBLISHED = {
    "fe4efff1e1": "v1-4", "14749efc0a": "v1-4", "cc6cb27103": "v1-5", "e1441589a6": "v1-5", "6ce0161689": "v1-5",
    "c6bbc15e32": "v1-5 inpainting",
}  # fmt: skip


@dataclass(frozen=True)
class ImportSource:
    """A model on disk: `files` by their place in the library, relative to the model's own path."""

    path: Path
    role: str
    kind: str
    files: dict[str, Path]
    report: list[str]
    inpainting: bool

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())


@dataclass(frozen=True)
class Hashed:
    """Size and hashes of one file; `legacy` are the eight digits web UIs showed before 2023."""

    size: int
    sha256: str
    legacy: str


def examine(path: str | Path) -> ImportSource:
    """Opens a model, a VAE, a control model, an image encoder, a network for hints, an upscaler, a detector or a converted bundle
    and lists the files it needs.

    Raises ModelError if it is none of these.
    """
    if is_bundle(path):
        return _bundle(Path(path))
    location = folders.locate(path)
    if holds_detector(location):
        detector = open_detector(location)
        files = _files_of(location, detector.tensors)
        return ImportSource(location, "detector", "YOLOv8", files, [], False)
    if holds_control(location):
        model = open_control(location)
        return ImportSource(location, "control", model.kind, _files_of(location, model.tensors), [], False)
    if holds_image_encoder(location):
        files = _files_of(location, open_image_encoder(location).tensors)
        return ImportSource(location, "control", IMAGE_ENCODER, files, [], False)
    if (network := hint_network_kind(location)) is not None:
        files = _files_of(location, open_hint_network(location))
        return ImportSource(location, "control", network, files, [], False)
    if holds_upscaler(location):
        upscaler = open_upscaler(location)
        files = _files_of(location, upscaler.tensors)
        return ImportSource(location, "upscaler", upscaler.architecture, files, [], False)
    if is_vae(location):
        tensors, _ = open_vae(location)
        files = _files_of(location, tensors)
        return ImportSource(
            location, "vae", "folder" if location.is_dir() else location.suffix.lstrip("."), files, [], False
        )
    checkpoint = open_checkpoint(location)
    files = {}
    for part in checkpoint.components.values():
        files |= _files_of(location, part)
    if checkpoint.safety_checker is not None:
        files |= _safety_files(location, checkpoint.safety_checker)
    return ImportSource(location, "model", checkpoint.kind, files, checkpoint.report, checkpoint.in_channels == 9)


def _bundle(root: Path) -> ImportSource:
    kind = Manifest.read(root).kind
    return ImportSource(root, "model", kind, _by_place(root, root.rglob("*")), [], False)


def _files_of(root: Path, tensors: Mapping[str, Any]) -> dict[str, Path]:
    """Returns the weight files behind the tensors, and for a folder the texts beside them."""
    if root.is_file():
        return {root.name: root}
    weights = {tensor.file.path for tensor in tensors.values()}
    return _by_place(root, {*weights, *(path for pattern in _TEXT_FILES for path in root.glob(pattern))})


def _safety_files(root: Path, folder: Path) -> dict[str, Path]:
    for pattern in ("*.safetensors", "*.bin"):
        if files := _by_place(root, folder.glob(pattern)):
            return files
    return {}


def hash_of_checkpoint(checkpoint: Checkpoint) -> str:
    """Returns the SHA-256 of an opened model's file, or one hash for the files of its folder. Raises OutputError."""
    if checkpoint.path.is_file():
        return hash_file(checkpoint.path).sha256
    tensors = {f"{part} {name}": tensor for part, own in checkpoint.components.items() for name, tensor in own.items()}
    files = _files_of(checkpoint.path, tensors)
    return hash_of_folder({name: hash_file(path) for name, path in files.items()})


def _by_place(root: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """Returns the regular files among these by their place in `root`. Raises ModelError for a link that leads out of it:
    what is in a folder that somebody made is hashed and copied by its own bytes alone."""
    files = {path.relative_to(root).as_posix(): path for path in sorted(paths) if path.is_file()}
    for path in files.values():
        check_inside(root, path)
    return files


def hash_file(path: Path, copy_to: Path | None = None, progress: Callable[[int], None] | None = None) -> Hashed:
    """Reads a file once for its SHA-256 and legacy hash, and copies it on the way if asked.

    `progress` is called with the bytes of each piece. Raises OutputError for what cannot be read or written.
    """
    digest, window, size = hashlib.sha256(), b"", 0
    try:
        with open_regular(path) as source, _maybe_open(copy_to) as target:
            while piece := source.read(_PIECE):
                digest.update(piece)
                start, end = _LEGACY_OFFSET - size, _LEGACY_OFFSET + _LEGACY_SIZE - size
                window += piece[max(start, 0) : max(end, 0)]
                target.write(piece)
                size += len(piece)
                if progress:
                    progress(len(piece))
            target.flush()
            if copy_to is not None:
                os.fsync(target.fileno())
    except OSError as error:
        reason = error.strerror or error
        if copy_to is None:
            raise OutputError(f"Cannot read {path}: {reason}; check the disk.") from None
        raise OutputError(f"Cannot copy {path} to {copy_to}: {reason}; free some space or link it.") from None
    return Hashed(size, digest.hexdigest(), hashlib.sha256(window).hexdigest()[:8])


def _maybe_open(path: Path | None) -> Any:
    return open(path if path is not None else os.devnull, "wb")


def hash_of_folder(files: Mapping[str, Hashed]) -> str:
    """Returns one hash for a folder: SHA-256 of its list of `sha256  path` lines. It is not an A1111 hash."""
    lines = "".join(f"{files[name].sha256}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def is_published(sha256: str) -> bool:
    """Returns whether a file is one of the published v1 checkpoints, which are under CreativeML OpenRAIL-M."""
    return sha256[:10] in _PUBLISHED


def base_of(source: ImportSource, name: str, sha256: str) -> str:
    """Returns which version a model is made for, as `guess_base` does; nothing for what works on finished pictures."""
    return "" if source.role in ("upscaler", "detector") else guess_base(name, sha256, source.inpainting)


def guess_base(name: str, sha256: str, inpainting: bool) -> str:
    """Returns 'v1-4', 'v1-5 inpainting', ... from a published file's hash or the name; plain 'v1' when neither says."""
    if sha256[:10] in _PUBLISHED:
        return _PUBLISHED[sha256[:10]]
    match = re.search(r"v1[-_.]([1-5])(?!\d)", name)
    return (f"v1-{match.group(1)}" if match else "v1") + (" inpainting" if inpainting else "")


def check_name(name: str) -> str:
    """Returns a name in composed form; drives of a Mac give the names of files in another. Raises ModelError."""
    name = composed(name)
    if not re.fullmatch(r"[\w][\w .+-]{0,99}", name) or name.endswith((".", " ")):
        raise ModelError(
            f"{name!r} cannot be a model's name, which has letters, digits, spaces, '.', '+', '-' and '_'; {Remedy.SET_NAME}.",
            remedy=Remedy.SET_NAME,
        )
    return name
