"""`sdedge backup …`: everything but the models in one file, and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from sdedge.commands.opened_gallery import as_json, open_gallery
from sdedge.commands.progress import counting
from sdedge.commands.terminal import echo, note
from sdedge.places import expanded, pictures_folder


@click.group()
def backup() -> None:
    """Put everything that you made into one file, and read it back, here or on another machine."""


@backup.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="In the place of a file that is there.")
@as_json
def write(file: Path, replace: bool, as_json: bool) -> None:
    """Write the pictures with their marks, boards, waiting jobs, settings, styles and wildcards into FILE, a ZIP archive."""
    from sdedge.library.backup import write_backup

    with open_gallery() as gallery, counting("Writing", as_json) as progress:
        written = write_backup(gallery.store, expanded(file), progress, replace)
    if as_json:
        echo(json.dumps({"event": "BackupWritten", "path": str(file), **dataclasses.asdict(written)}))
        return
    for sentence in written.left_out:
        note(sentence)
    echo(
        f"{written.pictures} pictures, {written.jobs} waiting jobs and {written.files} files of settings are in {file}"
    )


@backup.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the pictures.  [default: sdedge/restored in Pictures]",
)
@as_json
def read(file: Path, out: Path | None, as_json: bool) -> None:
    """Bring back what FILE holds. Pictures, settings and styles that are here stay as they are."""
    from sdedge.library.backup_reading import read_backup

    out = out or pictures_folder() / "sdedge" / "restored"
    with open_gallery() as gallery, counting("Reading", as_json) as progress:
        came = read_backup(gallery.store, expanded(file), expanded(out).absolute(), progress)
    if as_json:
        echo(json.dumps({"event": "BackupRead", "out": str(out), **dataclasses.asdict(came)}))
        return
    for sentence in came.left_out:
        note(sentence)
    for model in came.models:
        note(f"The model {model} is not in the library; add it again.")
    echo(f"{came.pictures} pictures came back into {out}, {came.here} were here; {came.jobs} jobs, {came.files} files")
