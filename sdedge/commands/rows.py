"""What is known of a picture or model as rows for people: a name and a value in words, never JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from sdedge.errors import ModelError
from sdedge.field_types import Flag
from sdedge.json_values import read_json
from sdedge.request import Request
from sdedge.request_fields import FIELDS, SIZE

_NAME = 20
"""Characters of a name that has its value beside it."""
_CHECK = "canary"
_CHECK_IN_WORDS = (
    "not finished when this was drawn; `sdedge doctor` shows what came of it. (An engine is checked once on a machine, beside "
    "its first pictures, which takes a minute or two.)"
)


def setting_rows(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yields rows of request fields by name, in a request's order; each part of one that has several is a row."""
    for name in (field.name for field in fields(Request)):
        value, row = settings.get(name), FIELDS[name]
        if value is None or (name in SIZE.sets and all(side in settings for side in SIZE.sets)):
            if name == SIZE.sets[0] and value is not None:
                yield from _row(SIZE.name, "x".join(str(settings[side]) for side in SIZE.sets))
            continue
        spoken = _part_name(name) if row.type.repeated else name
        for text in row.type.parts_in_words(value):
            yield from _row(spoken, text)


def _part_name(name: str) -> str:
    return {"passes": "pass"}.get(name, name.removesuffix("s"))


def detail_rows(details: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """Yields rows of what else a file says, but what is among the settings, or told twice; lists and objects are indented."""
    for name, value in details.items():
        if name == _CHECK:
            yield from _row("check of the engine", _CHECK_IN_WORDS)
        elif not (name == "version" and value == details.get("sdedge")) and value != settings.get(
            name.removesuffix("_name")
        ):
            yield from value_rows(name, value)


def value_rows(name: str, value: Any, depth: int = 0) -> Iterator[str]:
    """Yields rows of a value as JSON has it, of which lists and objects are indented below their name; of an empty one none."""
    value = _unpacked(value)
    if value in ("", [], {}, ()):
        return
    if isinstance(value, Mapping):
        yield f"{'  ' * (depth + 1)}{_spoken(name)}"
        for key, each in value.items():
            yield from value_rows(str(key), each, depth + 1)
    elif isinstance(value, list | tuple) and any(isinstance(each, Mapping | list | tuple) for each in value):
        yield f"{'  ' * (depth + 1)}{_spoken(name)}"
        for number, each in enumerate(value, 1):
            yield from value_rows(str(number), each, depth + 1)
    elif isinstance(value, list | tuple):
        yield from _row(name, ", ".join(map(_text, value)), depth)
    else:
        yield from _row(name, _text(value), depth)


def _unpacked(value: Any) -> Any:
    """Returns the list or object that a text is the JSON of, as other programs have some; another value as it is."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        record = read_json(value, "The value")
    except ModelError:
        return value
    return record if isinstance(record, Mapping | list) else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return Flag().format(value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _row(name: str, text: str, depth: int = 0) -> Iterator[str]:
    """Yields a name and its value, whose further lines stand below the first."""
    lead = f"{'  ' * (depth + 1)}{_spoken(name):<{max(_NAME - 2 * depth, 0)}} "
    first, *more = text.split("\n")
    yield f"{lead}{first}"
    yield from (f"{' ' * len(lead)}{line}" for line in more)
