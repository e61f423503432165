"""Names for picture files, from a template, safe on macOS, Windows and Linux. No torch."""

from __future__ import annotations

import datetime
import itertools
import re
import string
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from sdedge.errors import InvalidRequest
from sdedge.request import Request
from sdedge.text.clean import clean_name

TEMPLATE = "{date}-{seed}-{prompt:40}"
PRIVATE = "{date}-{time}-{number}"  # says nothing of how the picture was made
FIELDS = ("date", "time", "seed", "model", "prompt", "sampler", "steps", "guidance", "width", "height", "number")
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
LONGEST = 150  # characters; the systems allow 255 bytes


def name(template: str, request: Request, number: int, now: datetime.datetime) -> str:
    """Returns the file name without its ending: fields filled in, forbidden characters dropped, cut to a safe length.

    A field may give its greatest length, as in `{prompt:40}`. Raises InvalidRequest for an unknown field.
    """
    parts = []
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidRequest(f"The name template {template!r} is broken ({error}); try {TEMPLATE!r}.") from error
    for text, field, width, _ in pieces:
        parts.append(text)
        if field is not None:
            parts.append(_value(template, field, width or "", request, number, now))
    safe = re.sub(r"[\s_]+", "_", re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "", clean_name("".join(parts))))
    safe = safe.encode("utf-8")[:LONGEST].decode("utf-8", "ignore").strip(" ._-")
    return f"_{safe}" if RESERVED.match(safe) else safe or str(number)


def _value(template: str, field: str, width: str, request: Request, number: int, now: datetime.datetime) -> str:
    values = {
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H%M%S"),
        "number": f"{number:05d}",
        "model": last_part(request.model),
    }
    if field not in FIELDS or (width and not width.isdecimal()):
        raise InvalidRequest(
            f"The name template {template!r} has the unknown field {{{field}{':' + width if width else ''}}}; "
            f"use {', '.join('{' + f + '}' for f in FIELDS)}, with a length as in {{prompt:40}}."
        )
    value = values.get(field) or str(getattr(request, field, ""))
    return value[: int(width)].strip() if width else value


def names(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """Yields `folder/stem.suffix`, then with -2, -3 …: for `sdedge.files.write_new`, which takes the first that is free."""
    yield folder / f"{stem}.{suffix}"
    for number in itertools.count(2):
        yield folder / f"{stem}-{number}.{suffix}"


def last_part(path: str) -> str:
    """Returns the file's name in a path of any system, without an ending of weights."""
    name = PureWindowsPath(PurePosixPath(path).name).name
    return re.sub(r"\.(safetensors|ckpt|pt|pth|bin)$", "", name, flags=re.I)
