"""`sdedge info`: how a picture was made."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from sdedge.commands.terminal import echo, note, one_line


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def info(image: Path, as_json: bool) -> None:
    """Show the settings that IMAGE carries: sdedge's, A1111's, ComfyUI's, InvokeAI's or another program's."""
    from sdedge.commands.rows import detail_rows, setting_rows
    from sdedge.images.metadata import read
    from sdedge.request_fields import FIELDS

    recorded = read(image)
    if as_json:
        record = {
            "source": recorded.source,
            "request": {name: FIELDS[name].type.to_json(value) for name, value in recorded.fields.items()},
            "details": recorded.details,
            "notes": recorded.notes,
            "not_honoured": [asdict(setting) for setting in recorded.unhonoured],
            "resources": [asdict(resource) for resource in recorded.resources],
        }
        echo(json.dumps(record, ensure_ascii=False, default=str))
        return
    if not recorded.source:
        echo(f"{image} carries no settings.")
        return
    echo(f"Made by {recorded.source}", bold=True)
    for row in (*setting_rows(recorded.fields), *detail_rows(recorded.details, recorded.fields)):
        echo(row)
    for setting in recorded.unhonoured:
        echo(f"  {'not honoured':<20} {setting.field} {_short(setting.value)}".rstrip() + f": {setting.reason}")
    for text in recorded.notes:
        note(text)


def _short(value: str) -> str:
    """Returns the beginning of a value for a line; lists and objects are left to --json."""
    return "" if value[:1] in ("{", "[") else one_line(value[:60])
