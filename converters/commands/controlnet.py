"""`sdedge convert controlnet`: ControlNets added to a bundle of Core ML packages; what is in it stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from converters.commands.coreml import Fused, Phases
from converters.commands.progress import show
from sdedge.errors import ModelError, Remedy
from sdedge.library.manifest import Manifest


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("-m", "--model", metavar="NAME", help="The model it came from.  [default: as the bundle says]")
@click.option("--lora", "loras", type=Fused(), multiple=True, help="A LoRA that was fused; as given to the conversion.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def controlnet(
    bundle: Path, names: tuple[str, ...], model: str | None, loras: tuple[tuple[Path, float], ...], as_json: bool
) -> None:
    """Add ControlNets to BUNDLE, by their installed names or paths, with the sizes and options it was converted with.

    The first one brings a UNet that takes controls beside the plain one. Other packages are neither made again nor touched.
    """
    with show("packages", Phases(), as_json) as tell:
        from converters.additions import add_controlnets

        manifest = Manifest.read(bundle)
        for event in add_controlnets(bundle, manifest, names, model or _source_of(manifest), loras):
            tell(event)


def _source_of(manifest: Manifest) -> str:
    """Returns where the model is that a bundle names; never a path that stands in a file. Raises ModelError."""
    from sdedge.engines.open import locate_installed

    name: Any = manifest.source.get("name", "")
    try:
        return str(locate_installed(str(name)))
    except ModelError as error:
        raise ModelError(
            f"The model {str(name)!r:.80} that the bundle came from was not found; {Remedy.NAME_SOURCE}.",
            remedy=Remedy.NAME_SOURCE,
        ) from error
