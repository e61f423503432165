"""`sdedge gui`."""

from __future__ import annotations

import click


@click.command()
def gui() -> None:
    """Open the desktop app."""
    raise click.UsageError("The desktop app is not there yet.")
