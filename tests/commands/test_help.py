"""The help of commands of many options: under headings, in one column, whatever the terminal's width."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from sdedge.commands.generate import generate
from sdedge.commands.headings import COLUMN, HeadedCommand
from sdedge.commands.root import cli
from sdedge.field_rows import CommandLine, Group
from sdedge.pass_parts import PARTS
from sdedge.request_fields import FIELDS
from tests.commands.test_usage import commands

MANY = 20
"""Options that a person still reads as one list."""
ALL = dict(commands(cli, click.Context(cli)))
HEADED = [path for path, command in ALL.items() if isinstance(command, HeadedCommand)]


def help_of(path: str, width: int) -> list[str]:
    result = CliRunner().invoke(cli, [*path.split()[1:], "--help"], env={"COLUMNS": str(width)}, terminal_width=width)
    return result.stdout.splitlines()


def sections(lines: list[str]) -> dict[str, list[str]]:
    """Returns the lines below each heading."""
    listed: dict[str, list[str]] = {}
    for line in lines:
        if re.fullmatch(r"\S.*:", line):
            listed[line.removesuffix(":")] = []
        elif listed and line:
            listed[list(listed)[-1]].append(line)
    return listed


def test_every_command_of_many_options_lists_them_under_headings():
    counts = {path: sum(isinstance(each, click.Option) for each in command.params) for path, command in ALL.items()}
    assert {path for path, count in counts.items() if count > MANY} == set(HEADED)
    assert set(HEADED) == {"sdedge generate", "sdedge queue add", "sdedge batch", "sdedge evaluate"}


@pytest.mark.parametrize("path", HEADED)
def test_headings_come_in_the_order_of_the_groups(path):
    headings = list(sections(help_of(path, 80)))
    assert headings == [group for group in Group if group in headings] and len(headings) >= 7


def test_options_stand_where_the_rows_of_the_tables_say():
    listed = sections(help_of("sdedge generate", 80))
    rows = [(row.command.flags[-1], row.group) for row in FIELDS.values() if isinstance(row.command, CommandLine)]
    rows += [(part.command.flags[-1], part.group) for part in PARTS.values()]
    for flag, group in rows:
        flag = flag.partition("/")[0]
        places = [
            heading for heading, lines in listed.items() if any(re.match(rf"  (-\w, )?{flag} ", each) for each in lines)
        ]
        assert places == [group], flag


def test_all_options_are_listed():
    lines = help_of("sdedge generate", 80)
    assert sum(bool(re.match(r"  -", line)) for line in lines) == len(generate.get_params(click.Context(generate))) - 1


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("path", HEADED)
def test_the_page_fits_has_two_columns_and_breaks_no_default(path, width):
    listed = [line for lines in sections(help_of(path, width)).values() for line in lines]
    assert max(map(len, listed)) <= width and listed
    for line in listed:
        option, text = line[: COLUMN + 4], line[COLUMN + 4 :]
        is_long = line.startswith("  -") and "  " not in line.strip()
        assert is_long or (option.endswith("  ") and text[:1].strip()), line
        assert line.count("[default:") == len(re.findall(r"\[default: [^]]*\]", line)), line
        assert "\xa0" not in line


def test_every_command_of_the_program_is_listed_once_under_a_heading():
    listed = sections(CliRunner().invoke(cli, ["--help"], terminal_width=80).stdout.splitlines())
    names = [
        line.split()[0] for heading, lines in listed.items() if heading not in ("Options", "Usage") for line in lines
    ]
    assert sorted(names) == sorted(cli.list_commands(click.Context(cli))) and "More" not in listed
    assert names[0] == "generate"
