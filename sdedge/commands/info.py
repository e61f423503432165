"""`sdedge info`: how a picture was made."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import click

from sdedge.commands.terminal import echo, note


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def info(image: Path, as_json: bool) -> None:
    """Show the settings that IMAGE carries: A1111, InvokeAI, Draw Things, Mochi, NovelAI or sdedge."""
    from sdedge.images.metadata import read
    from sdedge.request import Request

    found = read(image)
    if as_json:
        record = {"source": found.source, "request": found.fields, "details": found.details, "notes": found.notes}
        echo(json.dumps(record, ensure_ascii=False, default=str))
        return
    if not found.source:
        echo(f"{image} carries no settings.")
        return
    echo(f"Made by {found.source}", bold=True)
    for field in fields(Request):
        if field.name in found.fields:
            echo(f"  {field.name.replace('_', ' '):<20} {found.fields[field.name]}")
    for name, value in found.details.items():
        echo(f"  {name.replace('_', ' '):<20} {value}")
    for said in found.notes:
        note(said)
