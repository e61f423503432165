"""`sdedge watermark`: whether a picture carries the invisible watermark."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from sdedge.commands.terminal import echo


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the finding as JSON.")
def watermark(image: Path, as_json: bool) -> None:
    """Look for Stable Diffusion's invisible watermark in the pixels of IMAGE."""
    from sdedge.images.source import read_source
    from sdedge.images.watermark import read_watermark

    finding = read_watermark(read_source(image)[0])
    measured = f"{finding.deviations:.1f} standard deviations from chance, {finding.agreeing} of {finding.bits} bits"
    if as_json:
        echo(json.dumps({"present": finding.present, **asdict(finding)}))
    elif finding.present:
        echo(f"{image} carries the watermark {finding.text} ({measured}).")
    else:
        echo(f"{image} carries no watermark that can be read ({measured}).")
