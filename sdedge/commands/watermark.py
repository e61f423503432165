"""`sdedge watermark`: whether a picture carries the invisible watermark."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the finding as JSON.")
def watermark(image: Path, as_json: bool) -> None:
    """Look for Stable Diffusion's invisible watermark in the pixels of IMAGE."""
    from sdedge.images.source import read as open_picture
    from sdedge.images.watermark import read

    found = read(open_picture(image)[0])
    agreeing = round(found.agreement * found.bits)
    if as_json:
        click.echo(json.dumps({"present": found.present, "text": found.text, "agreeing": agreeing, "bits": found.bits}))
    elif found.present:
        click.echo(f"{image} carries the watermark {found.text} ({agreeing} of {found.bits} bits).")
    else:
        click.echo(f"{image} carries no watermark ({agreeing} of {found.bits} bits agree; chance gives half).")
