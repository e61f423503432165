"""What the answers of a denoiser depend on, in parts that are compared one by one: a journal holds for equal parts alone.

Noise, masks, pictures and the sampler need no part: each answer is kept with a checksum of the latents that it was asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import sdedge
from sdedge.engines.open import locate
from sdedge.engines.protocol import Capability, Engine
from sdedge.errors import SdedgeError
from sdedge.generation.prompts import embedding_vectors
from sdedge.library.adapters import look_up_lora
from sdedge.library.control_models import find_control
from sdedge.library.file_hashes import sampled_hash
from sdedge.library.hints import hint_path
from sdedge.machine.findings import findings, processor
from sdedge.request import Resolved
from sdedge.text.tags import extract_loras
from sdedge.weights.folders import existing

_LIBRARIES = ("torch", "torchsde", "numpy", "openvino", "coremltools")
_ELSEWHERE = {"SDEDGE_HOME"}


def key_of(engine: Engine, requests: Sequence[Resolved]) -> dict[str, str]:
    """Returns the parts for one batch, each a short text; `journals.PARTS` names them."""
    request = requests[0]
    settings = {name: value for name, value in os.environ.items() if name.startswith("SDEDGE_")}
    return {
        "sdedge": sdedge.__version__,
        "libraries": _libraries(),
        "machine": _digest(_machine()),
        "engine": f"{engine.description} {engine.numerics}".strip(),
        "model": _digest(_models(request)),
        "adapters": _digest(part for each in requests for part in _adapters(engine, each)),
        "files": _digest([*_controls(engine, request), *sorted(engine.added), *_named(json.loads(request.to_json()))]),
        "settings": _digest(f"{name}={settings[name]}" for name in sorted(settings.keys() - _ELSEWHERE)),
    }


def content_of(path: Path) -> str:
    """Returns a fingerprint of a file, or of all files in a folder: names, sizes, times, and what they hold.

    Of a large file places spread over it are read, so that it takes a moment; its times tell a change between them.
    """
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return _digest(part for file in files if not file.name.startswith(".") for part in _file(path, file))


def _file(root: Path, path: Path) -> Iterator[str]:
    status = path.stat()
    changed = status.st_ctime_ns if os.name == "posix" else 0
    stamp = status.st_size, status.st_mtime_ns, changed
    yield f"{path.relative_to(root)} {stamp}"
    yield _held(path, *stamp)


@lru_cache(maxsize=4096)
def _held(path: Path, size: int, modified: int, changed: int) -> str:
    """Returns a hash of what a file holds; read again when its size or one of its times is another one."""
    return sampled_hash(path, size)


def _models(request: Resolved) -> Iterator[str]:
    for name in (request.model, request.vae):
        yield "" if name is None else _of_model(name)


def _of_model(name: str) -> str:
    try:
        return content_of(locate(name))
    except (SdedgeError, OSError):
        return f"no file {name}"


def _adapters(engine: Engine, request: Resolved) -> Iterator[str]:
    for tag in extract_loras(request.prompt)[1]:
        yield content_of(look_up_lora(tag.name).path)
    for name, rows in sorted(embedding_vectors(engine, request).by_name.items()):
        yield name + hashlib.sha256(rows.cpu().float().numpy().tobytes()).hexdigest()


def _controls(engine: Engine, request: Resolved) -> Iterator[str]:
    for control in request.controls:
        if Capability.CONVERTED_CONTROLS in engine.can:  # it lies in the model's folder, which is a part of its own
            yield engine.find_control(control.model).name
        else:
            yield content_of(find_control(control.model))
        for picture in (control.hint, control.mask):
            yield "" if picture is None else content_of(hint_path(picture))


def _named(value: object) -> Iterator[str]:
    """Yields the content of every file that stands anywhere in a request: pictures, masks, models beside the model's own."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _named(each)
    elif isinstance(value, str) and (path := existing(value)) is not None and path.is_file():
        yield content_of(path)


def _machine() -> Iterator[str]:
    yield from (platform.node(), platform.machine(), _processor(), str(torch.get_num_threads()))
    for finding in findings().values():
        yield from finding.choices  # not how long anything took: a machine may be measured again and found the same


@cache
def _processor() -> str:
    return processor()


@cache
def _libraries() -> str:
    return " ".join(f"{name} {_version(name)}" for name in _LIBRARIES)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"


def _digest(parts: Iterable[str]) -> str:
    """Returns one short hash of several texts."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:32]
