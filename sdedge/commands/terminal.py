"""Printing what comes from files and prompts: a terminal is given no control characters out of them, a pipe the exact text.

Characters that turn the direction of writing, so that "gpj.exe" reads "exe.jpg", are shown as their codes: \\u202e.
"""

from __future__ import annotations

import sys

import click

from sdedge.text.clean import clean

# Unicode's property Bidi_Control.
_DIRECTIONS = {
    number: f"\\u{number:04x}" for number in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def harmless(text: str) -> str:
    """Returns text for a terminal: without control characters, those of the direction of writing as their codes."""
    return clean(text).translate(_DIRECTIONS)


def echo(message: object = "", err: bool = False, bold: bool = False) -> None:
    """Print a line. Control characters, which command a terminal, are dropped, and those of direction shown as codes, but for
    a standard output that is no terminal: there a path stays one that opens."""
    text = str(message)
    if err or sys.stdout.isatty():
        text = harmless(text)
    click.echo(click.style(text, bold=True) if bold else text, err=err)


def note(message: str) -> None:
    """Print a note: one line on standard error, whatever is in it."""
    echo(f"note: {one_line(message)}", err=True)


def one_line(text: str) -> str:
    """Harmless, without line ends, so that a text from a file cannot pass for another message of ours."""
    return " ".join(part for part in harmless(text).split("\n") if part)
