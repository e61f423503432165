"""Help under headings: what options are about is said by the field table's rows, and by those that belong to a command alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from sdedge.field_rows import Group

COLUMN = 28
"""Characters of the first column at most; a longer option has a line of its own."""
_DEFAULT = re.compile(r"\[default: [^][]*\]")
_JOINED = "\xa0"
"""Stands for the spaces of a default until lines are broken, so that none is broken in two."""


class HeadedOption(click.Option):
    """An option that is listed in a group."""

    def __init__(self, *args: Any, group: Group, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.group = group


class HeadedCommand(click.Command):
    """A command of many options, whose help lists them by group; what says no group is about this run."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[Group, list[tuple[str, str]]] = {group: [] for group in Group}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            if row is not None and isinstance(param, click.Option):
                text = _DEFAULT.sub(lambda match: match[0].replace(" ", _JOINED), row[1])
                sections[getattr(param, "group", Group.RUN)].append((row[0].ljust(COLUMN), text))
        for group, rows in sections.items():
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows, COLUMN)  # which is as wide in every section

    def get_help(self, ctx: click.Context) -> str:
        return super().get_help(ctx).replace(_JOINED, " ")


def option(group: Group, *flags: str, **settings: Any) -> Callable[[Any], Any]:
    """Returns the decorator of an option that is no field's, listed in a group."""
    return click.option(*flags, cls=HeadedOption, group=group, **settings)
