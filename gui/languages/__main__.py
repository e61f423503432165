"""`python -m gui.languages`: what the code says is brought into Qt Linguist's files, and they are compiled."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gui.languages.checks import faults, wanted
from gui.languages.linguist import compile_file, merged, read, write_file
from gui.languages.sources import rooms, texts_of

TREE = Path(__file__).parents[2]
FOLDER = TREE / "resources" / "languages"
ROOMS = click.argument("only", nargs=-1, metavar="[ROOM]...")


@click.group()
def languages() -> None:
    """Texts of the app in Qt Linguist's files, `resources/languages/CODE/ROOM.ts`, and compiled beside them."""


@languages.command()
@click.option("--add", default="", metavar="CODE", help="Begin another language, such as fr or pt_BR.")
@ROOMS
def update(add: str, only: tuple[str, ...]) -> None:
    """Bring each text of the code into the files: new ones unfinished, old ones marked as vanished."""
    codes = [*_codes(), *([add] if add and not (FOLDER / add).exists() else [])]
    for code in codes:
        others = {
            source: m for file in sorted((FOLDER / code).glob("*.ts")) for source, m in read(file).items() if m.forms
        }
        for room in only or rooms(TREE):
            file = FOLDER / code / f"{room}.ts"
            messages = merged(read(file), wanted(code, texts_of(TREE, room)), others)
            if messages:
                write_file(file, code, room, messages.values(), "../../../")
            open_ones = sum(message.unfinished for message in messages.values())
            click.echo(f"{code}/{room}.ts: {len(messages)} texts, {open_ones} to translate")


@languages.command()
@ROOMS
def release(only: tuple[str, ...]) -> None:
    """Compile the files by Qt's lrelease, which comes with PySide6."""
    for file in _files(only):
        try:
            compile_file(file)
        except FileNotFoundError as error:
            raise click.ClickException(
                f"There is no {error.filename}; install PySide6-Essentials as it comes."
            ) from error


@languages.command()
@ROOMS
def check(only: tuple[str, ...]) -> None:
    """Say what is missing, unfinished or broken, and fail if anything is."""
    said = [fault for file in _files(only) for fault in faults(file, texts_of(TREE, file.stem))]
    for fault in said:
        click.echo(fault)
    sys.exit(bool(said))


def _codes() -> list[str]:
    return sorted(place.name for place in FOLDER.glob("*") if place.is_dir())


def _files(only: tuple[str, ...]) -> list[Path]:
    return [file for file in sorted(FOLDER.glob("*/*.ts")) if not only or file.stem in only]


if __name__ == "__main__":
    languages()
