"""Printing what comes from files and prompts: a terminal is given no control characters out of them, a pipe the exact text."""

from __future__ import annotations

import io
import sys

import click

from sdedge.text.clean import clean


def echo(message: object = "", err: bool = False, bold: bool = False) -> None:
    """Print a line. Control characters, which command a terminal, are dropped, but for a standard output that is no
    terminal: there a path stays one that opens."""
    text = str(message)
    if err or sys.stdout.isatty():
        text = clean(text)
    click.echo(click.style(text, bold=True) if bold else text, err=err)


def note(message: str) -> None:
    """Print a note: one line on standard error, whatever is in it."""
    echo(f"note: {one_line(message)}", err=True)


def one_line(text: str) -> str:
    """Cleaned, without line ends, so that a text from a file cannot pass for another message of ours."""
    return " ".join(part for part in clean(text).split("\n") if part)


def show_usage_error(error: click.ClickException) -> None:
    """As `error.show()` does, with what was typed, such as a file's name, cleaned."""
    shown = io.StringIO()
    error.show(shown)
    echo(shown.getvalue().rstrip("\n"), err=True)
