"""The pictures of a batch: what determines each, by a hash that is the same on every machine. No torch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sdedge
from sdedge.errors import InvalidRequest
from sdedge.files import read_at_most
from sdedge.images.output import Output
from sdedge.library.control_models import check_pictures, settled_controls
from sdedge.library.hints import hint_path
from sdedge.library.pass_models import settled_passes
from sdedge.process.weight_hashes import weight_hashes
from sdedge.request import Request

MAX_FILE = 256 << 20  # bytes of a picture that is sent to other machines


@dataclass(frozen=True)
class PictureTask:
    """One picture of a batch, as a worker is told of it.

    number   of the picture in its batch, from 0
    hash     SHA-256 of everything that determines its file
    request  what is drawn; its seed is chosen
    output   format, and whether settings stand in the file; where it goes is not for the worker
    files    SHA-256 of the pictures that the request names, by the path or reference that names them
    weights  SHA-256 of the models and adapters it is drawn with, by role and name (`weight_hashes`)
    """

    number: int
    hash: str
    request: Request
    output: Output
    files: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)


def tasks_of(requests: Iterable[Request], count: int, output: Output) -> list[PictureTask]:
    """Returns a task for each of the `count` pictures of every request; of those that are the same in everything, one.

    A request without a seed gets one out of itself, so that the same file of requests always asks for the same pictures. Raises
    InvalidRequest and ModelError for pictures and models that are not there.
    """
    tasks: dict[str, PictureTask] = {}
    digests: dict[str, str] = {}
    plain = Output(Path(), output.format, private=output.private)
    for number, request in enumerate(_numbered(requests, count)):
        files = {name: _digest_of(name, digests) for name in named_pictures(request)}
        weights = weight_hashes(request)
        name = _hash([request.to_json(), files, weights, output.format, output.private, sdedge.__version__])
        tasks.setdefault(name, PictureTask(number, name, request, plain, files, weights))
    return list(tasks.values())


def _numbered(requests: Iterable[Request], count: int) -> Iterator[Request]:
    """Yields the request of each picture, with a seed, and with the hints of its controls kept by their content."""
    unseeded: Counter[str] = Counter()
    for request in requests:
        check_pictures(request)
        request = settled_passes(settled_controls(request))
        if request.seed is None:
            text = request.to_json()
            request = request.replace(seed=int(_hash([text, unseeded[text]])[:8], 16))
            unseeded[text] += 1
        for index in range(count):
            yield request.numbered(index)


def named_pictures(request: Request) -> list[str]:
    """Returns the paths and references by which a request names pictures."""
    hints = [name for control in request.controls for name in (control.hint, control.mask)]
    names = [request.image, request.mask, *hints, *(region.mask for region in request.regions)]
    return list(dict.fromkeys(name for name in names if name is not None))


def content_of(name: str) -> bytes:
    """Returns the bytes of a picture that a request names. Raises InvalidRequest."""
    path = hint_path(name)
    try:
        data = read_at_most(path, MAX_FILE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(f"Cannot read the picture {path}: {reason}; check its path.") from None
    if len(data) > MAX_FILE:
        raise InvalidRequest(f"The picture {path} has more than {MAX_FILE >> 20} MB; give a smaller one.")
    return data


def _digest_of(name: str, known: dict[str, str]) -> str:
    if name not in known:
        known[name] = hashlib.sha256(content_of(name)).hexdigest()
    return known[name]


def _hash(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
