"""Whether two machines draw a request with the same files: models, adapters and wildcards by their content. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from sdedge.engines.open import locate
from sdedge.errors import SdedgeError
from sdedge.library.adapters import embedding_files, embedding_names, find_lora, wildcards_chosen
from sdedge.library.control_models import find_control
from sdedge.library.detectors import find_detector
from sdedge.library.file_hashes import sampled_hash
from sdedge.library.upscalers import find_upscaler
from sdedge.passes import ENLARGERS
from sdedge.request import Request
from sdedge.text.tags import extract_loras

WILDCARDS = "wildcards"
_PARTS = {".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".json", ".txt", ".mlmodel", ".onnx"}
"""Endings of a model folder's files that say what it draws; a read-me beside them may differ."""


def weight_hashes(request: Request) -> dict[str, str]:
    """Returns a hash of each model and adapter of a request by its role and name, and of what its wildcards become.

    What is not here is left out: drawing it says so better. Of large files places spread over them are read.
    """
    texts = list(_texts(request))
    chosen = [wildcards_chosen(text, request.seed or 0, side).text for text, side in texts]
    hashes = {}
    for role, name, path in (*_models(request), *_adapters(chosen)):
        with suppress(OSError):
            hashes[f"{role} {name}"] = _digest(path)
    if chosen != [text for text, _ in texts]:
        hashes[WILDCARDS] = hashlib.sha256(json.dumps(chosen).encode()).hexdigest()
    return hashes


def _texts(request: Request) -> Iterator[tuple[str, str]]:
    """Yields the prompts of a request and of its passes, each with the side by which its wildcards are chosen."""
    yield request.prompt, ""
    yield request.negative, "negative"
    yield from ((region.prompt, f"region {i}") for i, region in enumerate(request.regions))
    for each in request.passes:
        yield from (
            (str(each.changes[n]), s) for n, s in (("prompt", ""), ("negative", "negative")) if n in each.changes
        )


def _models(request: Request) -> Iterator[tuple[str, str, Path]]:
    upscalers = [each.enlarge.by for each in request.passes if each.enlarge is not None]
    named = [
        ("model", request.model, locate),
        ("VAE", request.vae, locate),
        *(("control model", control.model, find_control) for control in request.controls),
        *(("upscaler", name, find_upscaler) for name in upscalers if name not in ENLARGERS),
        *(("detector", each.boxes.model, find_detector) for each in request.passes if each.boxes is not None),
    ]
    for role, name, find in named:
        if name:
            with suppress(SdedgeError):
                yield role, name, find(name)


def _adapters(texts: Iterable[str]) -> Iterator[tuple[str, str, Path]]:
    texts = list(texts)
    for text in texts:
        with suppress(SdedgeError):
            for tag in extract_loras(text)[1]:
                with suppress(SdedgeError):
                    yield "LoRA", tag.name, find_lora(tag.name)
    files = embedding_files()
    yield from (("embedding", name, files[name]) for name in (embedding_names(texts) if files else ()) if name in files)


def _digest(path: Path) -> str:
    """Returns a hash of a file, or of the names and contents of a model folder. Raises OSError."""
    if path.is_file():
        return _of_file(path)
    files = sorted(each for each in path.rglob("*") if each.suffix in _PARTS and each.is_file())
    named = [[each.relative_to(path).as_posix(), _of_file(each)] for each in files]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _of_file(path: Path) -> str:
    status = path.stat()
    return _cached_hash(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=4096)
def _cached_hash(path: Path, size: int, modified: int, changed: int) -> str:
    """Returns the hash of a file; read again when its size or one of its times is another one."""
    return f"{size}-{sampled_hash(path, size)}"
