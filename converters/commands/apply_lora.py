"""`sdedge convert apply-lora`: a converted bundle with LoRAs in its weights, for other apps."""

from __future__ import annotations

from pathlib import Path

import click

from converters.commands.coreml import Fused, Phases
from converters.commands.progress import show


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder: new or empty.")
@click.option("--lora", "loras", type=Fused(), multiple=True, required=True, help="A LoRA to put in; may be repeated.")
@click.option("-m", "--model", metavar="NAME", help="The model it came from.  [default: as the bundle says]")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def apply_lora(
    bundle: Path, out: Path, loras: tuple[tuple[Path, float], ...], model: str | None, as_json: bool
) -> None:
    """Put LoRAs into a copy of BUNDLE, a folder of Core ML packages, in seconds and without Xcode.

    The copy is what a conversion with the LoRAs makes, for any app. Weights in half precision are exact; where the model had
    wider numbers or the bundle has fewer bits, the model's are read again if it is installed, and else the difference is said.
    `sdedge generate --model BUNDLE` needs no copy: it takes `<lora:name:0.8>` in the prompt.
    """
    with show("packages with LoRAs", Phases(), as_json) as tell:
        from converters.apply_lora import apply_loras
        from sdedge.engines.open import locate, locate_installed

        def find(name: str) -> Path:
            return locate(model) if model else locate_installed(name)  # a path that stands in a file is never followed

        for event in apply_loras(bundle, out, loras, find):
            tell(event)
