"""A click group that knows its commands' names and one-line helps without importing them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


def imported(place: str) -> click.Command:
    """Returns the command at "module:command"."""
    module, _, attribute = place.partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command


class LazyGroup(click.Group):
    """Commands are imported when they run, so that `--help` and completion are instant.

    `table` maps a name to ("module:command", one line of help); an empty help is asked of the command itself.
    """

    def __init__(self, *args: object, table: Mapping[str, tuple[str, str]] | None = None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._table = dict(table or {})

    def table(self) -> Mapping[str, tuple[str, str]]:
        return self._table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        entry = self.table().get(name)
        if entry is None:
            return None
        return imported(entry[0])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text or self.help_of(ctx, name)) for name, (_, text) in self.table().items()])

    def help_of(self, ctx: click.Context, name: str) -> str:
        """Returns a command's own line of help, for which it is imported."""
        command = self.get_command(ctx, name)
        return command.get_short_help_str(80) if command else ""
