"""`sdedge gui`."""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("files", nargs=-1, type=click.Path())
def gui(files: tuple[str, ...]) -> None:
    """Open the desktop app, with FILES if there are any: pictures to start from, or to restore settings from."""
    from gui.shell.x11 import missing_packages

    if packages := missing_packages():
        raise click.ClickException(
            f"The window cannot be opened without {', '.join(packages)} of the system; install them with its package manager, "
            f"on Debian or Ubuntu with `sudo apt install {' '.join(packages)}`."
        )
    try:
        from gui.shell.app import main
    except ImportError as error:
        raise click.ClickException(f"Qt cannot be loaded ({error}); run `make gui`, which installs it.") from error
    sys.exit(main(files))
