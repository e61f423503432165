"""JSON that comes from elsewhere: one reader, which bounds its length, its depth, its containers and its integers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError, SdedgeError
from sdedge.files import read_at_most

MAX_BYTES = 4 << 20
MAX_DEPTH = 64
MAX_CONTAINERS = 400_000  # a tokenizer.json has about 50,000: one list for each merge
MAX_DIGITS = 20  # of an integer: any number of 64 bits

_NEXT_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+([\[\]{}])', re.DOTALL)
_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.DOTALL
)
_HALF_ESCAPE = 6  # characters of an escape of half a surrogate pair
_HALVES = re.compile("[\ud800-\udfff]")


def read_json(
    data: bytes | str, what: str, max_bytes: int = MAX_BYTES, error: type[SdedgeError] = ModelError,
    remedy: str = "get it again", keep_halves: bool = False, unique_keys: bool = False, long_integers: bool = False,
) -> Any:  # fmt: skip
    """Parses JSON (UTF-8, or as Unicode's byte order mark says). Half surrogates come out as U+FFFD, so that every string
    can be written, but for `keep_halves`, which paths of other bytes need; `NaN` and `Infinity`, which diffusers writes,
    are floats. Of a key that an object holds twice the last value counts; with `unique_keys` it is an error. With
    `long_integers` an integer of more than 20 digits is its text, so that one of them does not cost all the rest.

    `what` begins the sentence of the error ("The file x.json"), `remedy` ends it. Raises `error` for anything that is not JSON,
    is longer than `max_bytes` (characters, for a string), nests deeper than 64, or holds integers of more than 20 digits.
    """
    if len(data) > max_bytes:
        raise error(f"{what} is too large ({len(data)} bytes, at most {max_bytes} are read); {remedy}.")
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
        _check_nesting(text)
        if not keep_halves:
            text = _HALVES.sub("\ufffd", _ESCAPE.sub(_without_half, text) if "\\u" in text else text)
        integers = (_integer_or_text if long_integers else _integer) if _LONG_NUMBER.search(text) else None
        pairs = _unique if unique_keys else None
        return json.loads(text.removeprefix("\ufeff"), parse_int=integers, object_pairs_hook=pairs)
    except _Twice as fault:
        raise error(f"{what} gives {fault} twice; give it once.") from None
    except _TooMuch as fault:
        raise error(f"{what} {fault}; {remedy}.") from None
    except json.JSONDecodeError as fault:
        place = f"line {fault.lineno}, column {fault.colno}"
        raise error(f"{what} is not valid JSON ({fault.msg.lower()} at {place}); {remedy}.") from None
    except (ValueError, RecursionError):
        raise error(f"{what} is not valid JSON; {remedy}.") from None


def read_json_file(
    path: Path, max_bytes: int = MAX_BYTES, error: type[SdedgeError] = ModelError, remedy: str = "get it again"
) -> Any:
    """Returns the JSON in a regular file, parsed as `read_json` does. Raises `error` also for a file that cannot be read."""
    try:
        data = read_at_most(path, max_bytes)
    except (OSError, ValueError) as fault:
        raise error(f"Cannot read {path}: {getattr(fault, 'strerror', None) or fault}; {remedy}.") from None
    return read_json(data, str(path), max_bytes, error, remedy)


class _TooMuch(Exception):
    """What a text has beyond the bounds, as the end of a sentence."""


class _Twice(Exception):
    """A key that an object holds twice, as it is quoted."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise _Twice(f"{key!r:.60}")
        record[key] = value
    return record


def _check_nesting(text: str) -> None:
    depth = containers = position = 0
    while match := _NEXT_BRACKET.match(text, position):
        position = match.end()
        if match[1] in "]}":
            depth -= 1
            continue
        depth, containers = depth + 1, containers + 1
        if depth > MAX_DEPTH:
            raise _TooMuch(f"nests deeper than {MAX_DEPTH}")
        if containers > MAX_CONTAINERS:
            raise _TooMuch(f"holds more than {MAX_CONTAINERS} lists and objects")
        if depth < 0:
            raise ValueError("closed before it was opened")


def _without_half(escape: re.Match[str]) -> str:
    return "\\ufffd" if len(escape[0]) == _HALF_ESCAPE else escape[0]


def _integer_or_text(digits: str) -> int | str:
    return digits if len(digits.lstrip("-")) > MAX_DIGITS else int(digits)


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise _TooMuch(f"holds an integer of {len(digits)} digits")
    return int(digits)
