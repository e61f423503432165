"""What click refuses to read, said as all else is refused: in one sentence, with what was typed and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import click

_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())  # older ones show the help themselves
# Which arguments are too many click says in a sentence alone; where it says so otherwise, its own sentence is shown.
_BEYOND = re.compile(r"unexpected extra arguments? \((.*)\)", re.S)
_MUCH_LIKE = 0.75
"""Of two names' letters, the fraction that must be the same for one to be meant by the other."""


def asks_for_help(error: click.ClickException) -> bool:
    """Returns whether an error only says that nothing was typed behind a command of commands; its text is the help."""
    return isinstance(error, _HELP)


def usage_sentence(error: click.ClickException) -> str:
    """Returns the sentence of an error of click's own, in the style of `sdedge.errors`."""
    if not isinstance(error, click.UsageError):
        return error.format_message()
    look_up = "see --help" if error.ctx is None else f"see `{error.ctx.command_path} --help`"
    if isinstance(error, click.NoSuchOption):
        return f"There is no option {error.option_name}; {_instead(error.option_name, error.possibilities, look_up)}."
    if (name := getattr(error, "command_name", None)) is not None:
        return f"There is no command {name}; {_instead(name, _commands_beside(error.ctx), look_up)}."
    if isinstance(error, click.MissingParameter):
        line = f"write `{_usage(error.ctx)}`, or " if isinstance(error.param, click.Argument) else ""
        return f"{spoken(error.param)} is missing; {line}{look_up}."
    if isinstance(error, click.BadParameter):  # of a type that says what to write, behind what was written
        return f"{spoken(error.param)} {error.message}"
    if (beyond := _BEYOND.search(error.message)) is not None:
        too_many = f"`{_usage(error.ctx)}` takes no more, and behind it stands {beyond[1]}"
        return f"{too_many}; put words that belong together in quotes, or {look_up}."
    return f"{error.format_message().rstrip('.')}; {look_up}."


def _usage(ctx: click.Context | None) -> str:
    """Returns how a command is written with its arguments, without its options."""
    if ctx is None:
        return ""
    pieces = [piece for piece in ctx.command.collect_usage_pieces(ctx) if piece != "[OPTIONS]"]
    return " ".join((ctx.command_path, *pieces))


def _instead(name: str, known: Iterable[str] | None, look_up: str) -> str:
    """Returns what to do about a name that there is none of: to write the known one that is much like it, if any is."""
    similar = difflib.get_close_matches(name, known or (), 1, _MUCH_LIKE)
    return f"write {similar[0]}, or {look_up}" if similar else look_up


def _commands_beside(ctx: click.Context | None) -> list[str]:
    return ctx.command.list_commands(ctx) if ctx is not None and isinstance(ctx.command, click.Group) else []


def spoken(param: click.Parameter | None) -> str:
    """Returns how a parameter is typed: an option's longest name, an argument's in capitals."""
    if param is None:
        return "The value"
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.metavar or (param.name or "").upper()).rstrip(".…")
