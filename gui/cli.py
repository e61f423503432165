"""`sdedge gui`."""

from __future__ import annotations

import gc
import sys

import click


@click.command()
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--install-desktop", is_flag=True, help="Put the app into the menu of a Linux desktop, and leave.")
@click.option("--remove-desktop", is_flag=True, help="Take it out of there, and leave; pictures and models stay.")
def gui(files: tuple[str, ...], install_desktop: bool, remove_desktop: bool) -> None:
    """Open the desktop app, with FILES if there are any: pictures to start from, or to restore settings from."""
    if install_desktop or remove_desktop:
        _change_desktop(files, install_desktop, remove_desktop)
        return
    from gui.shell.imports import keep_imports_plain
    from gui.shell.x11 import missing_packages
    from sdedge.interpreter import how_to_install

    if packages := missing_packages():
        raise click.ClickException(
            f"The window cannot be opened without {', '.join(packages)} of the system; install them with its package manager, "
            f"on Debian or Ubuntu with `sudo apt install {' '.join(packages)}`."
        )
    gc.disable()  # until the first paint, as what is made for it stays
    try:
        keep_imports_plain()
        from gui.shell.app import main
    except ImportError as error:
        raise click.ClickException(f"Qt cannot be loaded ({error}); {how_to_install('PySide6-Essentials')}.") from error
    sys.exit(main(files))


def _change_desktop(files: tuple[str, ...], install: bool, remove: bool) -> None:
    from gui.shell import desktop_entry

    if files or (install and remove):
        raise click.UsageError("Give one of --install-desktop and --remove-desktop, without files.")
    if not sys.platform.startswith(("linux", "freebsd")):
        raise click.ClickException("This desktop has no such menu; on a Mac, `make app` makes an app for the Dock.")
    if install:
        click.echo(desktop_entry.install_desktop())
    else:
        click.echo("removed" if desktop_entry.remove_desktop() else "it was not there", err=True)
