"""Options of the command line that are derived from the table of request fields, and the fields that they set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from sdedge.commands.headings import option
from sdedge.commands.values import NumberType
from sdedge.field_rows import CommandLine, Group, RequestField
from sdedge.field_types import FieldType, Flag, Float, Integer
from sdedge.pass_parts import PARTS, PassPart, read_parts
from sdedge.request_fields import FIELDS, SIZE, parse_size

Command = TypeVar("Command", bound=Callable[..., Any])


class ValueText(click.ParamType):  # type: ignore[type-arg]
    """A text that a function reads, and refuses in the sentence of a field's type."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._read(value) if isinstance(value, str) else value


SIZE_TEXT = ValueText("WxH", parse_size)


def field_options(group: Group) -> Callable[[Command], Command]:
    """Returns a decorator that gives a command the options of a group in the tables' order, those of passes' parts first."""

    def decorate(command: Command) -> Command:
        rows = [row for row in FIELDS.values() if row.group is group and isinstance(row.command, CommandLine)]
        for row in reversed(rows):
            command = field_option(row.name)(command)
        for part in reversed([part for part in PARTS.values() if part.group is group]):
            command = part_option(part)(command)
        return size_option()(command) if group is Group.CANVAS else command

    return decorate


def field_option(name: str, **changes: Any) -> Callable[[Command], Command]:
    """Returns the decorator of one field's option; `changes` are click's own settings that differ in a command."""
    row = FIELDS[name]
    line = row.command
    assert isinstance(line, CommandLine), name
    settings: dict[str, Any] = {"help": _help(line, row), "metavar": line.metavar, **_settings(row.type, row, line)}
    return option(row.group, *line.flags, name, **{**settings, **changes})


def part_option(part: PassPart) -> Callable[[Command], Command]:
    """Returns the decorator of the option of a part of a pass."""
    line = part.command
    return option(part.group, *line.flags, part.name, metavar=line.metavar, help=_help(line, None))


def size_option() -> Callable[[Command], Command]:
    """Returns the decorator of the option that sets both sides."""
    line = SIZE.command
    return option(Group.CANVAS, *line.flags, SIZE.name, metavar=line.metavar, type=SIZE_TEXT, help=_help(line, None))


def _help(line: CommandLine, row: RequestField | None) -> str:
    said = line.default
    if (
        said is None
        and row is not None
        and isinstance(row.default, str | float | int)
        and not isinstance(row.type, Flag)
    ):
        said = row.type.format(row.default) or None
    return line.help if said is None else f"{line.help}  [default: {said}]"


def _settings(type: FieldType, row: RequestField, line: CommandLine) -> dict[str, Any]:
    if isinstance(type, Flag):
        return {"is_flag": True, "default": None}
    if type.repeated:
        return {"multiple": True}
    if isinstance(type, Integer | Float):
        return {"type": NumberType(int if isinstance(type, Integer) else float, field=row.name)}
    numbers = len((line.metavar or "").split())
    if numbers > 1:
        return {"nargs": numbers, "type": NumberType(float, field=row.name)}
    if type.annotation is not str and type.from_json([]) == ():
        return {"type": ValueText(line.metavar or "LIST", lambda text: type.parse(row.name, text))}
    return {}


def fields_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the request fields that options set, by name. Raises InvalidRequest for a name that there is none of."""
    values: dict[str, Any] = {}
    implied: dict[str, Any] = {}
    for name, row in FIELDS.items():
        value = options.get(name)
        if value is None or (row.type.repeated and not value):
            continue
        if row.type.repeated:
            values[name] = row.type.parse_all(name, value)
        elif isinstance(value, str):
            spread = row.type.spread(name, value)
            values[name] = spread.pop(name)
            implied |= spread
        else:
            values[name] = value
    if options.get(SIZE.name) is not None:
        values |= dict(zip(SIZE.sets, options[SIZE.name], strict=True))
    if parts := {name: text for name in PARTS if (text := options.get(name)) is not None}:
        values["passes"] = FIELDS["passes"].type.lay(values.get("passes"), read_parts(parts))
    return {**implied, **values}
