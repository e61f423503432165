"""`sdedge convert coreml`: a model to a bundle of Core ML packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from converters.commands.progress import show
from converters.recipe import ATTENTIONS, COMPONENTS, COMPRESSIONS, COMPUTE_UNITS, TARGETS, PackageRecipe
from sdedge.commands.terminal import echo
from sdedge.commands.values import NameType
from sdedge.events import Progress
from sdedge.library.adapters import with_weight


class Sizes(click.ParamType):  # type: ignore[type-arg]
    """512x512,512x768."""

    name = "WxH[,WxH…]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[int, int], ...]:
        sizes = []
        for text in str(value).lower().replace("×", "x").split(","):
            parts = [part.strip() for part in text.split("x")]
            if len(parts) not in (1, 2) or not all(part.isdecimal() for part in parts):
                self.fail(f"{text!r} is not a size; write 512x768, or 512 for a square.", param, ctx)
            sizes.append((int(parts[0]), int(parts[-1])))
        return tuple(dict.fromkeys(sizes))


class Fused(click.ParamType):  # type: ignore[type-arg]
    """FILE or FILE:WEIGHT."""

    name = "FILE[:WEIGHT]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Path, float]:
        file, weight = with_weight(str(value))
        return Path(file), weight


class Names(click.ParamType):  # type: ignore[type-arg]
    """Components, comma-separated."""

    name = "NAME[,NAME…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        return tuple(part.strip().replace("-", "_") for part in str(value).split(","))


@click.command()
@click.argument("model")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder: new, empty, or a bundle to go on with."
)
@click.option(
    "--size",
    "sizes",
    type=Sizes(),
    help="Multiples of 64; of several, each gets a bundle in OUT.  [default: the model's]",
)
@click.option(
    "--attention",
    type=NameType(ATTENTIONS),
    default="split-einsum",
    show_default=True,
    help="original: GPUs; the others: Neural Engine.",
)
@click.option(
    "--compute-units",
    type=NameType(COMPUTE_UNITS),
    help="What sdedge runs it on.  [default: what suits the attention]",
)
@click.option(
    "--target",
    type=NameType(TARGETS),
    default="macOS13",
    show_default=True,
    help="Oldest system that shall run it.",
)
@click.option("--unet-batch-one", is_flag=True, help="One latent per call of the UNet instead of two.")
@click.option("--multifunction", is_flag=True, help="All sizes in one bundle on one set of weights; needs macOS15.")
@click.option("--chunk", is_flag=True, help="The UNet in two packages, for devices with little memory.")
@click.option("--compress", default="none", metavar="NAME", help=f"{', '.join(COMPRESSIONS)}, or mixed-50 for 50 dB.")
@click.option("--components", type=Names(), help=f"Only some of {', '.join(COMPONENTS)}.")
@click.option("--lora", "loras", type=Fused(), multiple=True, help="Fuse a LoRA into the weights; may be repeated.")
@click.option(
    "--controlnet",
    "controlnets",
    metavar="NAME",
    multiple=True,
    help="Convert a ControlNet, by its installed name or path, and a UNet that takes it; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def coreml(
    model: str, out: Path, sizes: tuple[tuple[int, int], ...] | None, attention: str, compute_units: str | None, target: str,
    unet_batch_one: bool, multifunction: bool, chunk: bool, compress: str, components: tuple[str, ...] | None,
    loras: tuple[tuple[Path, float], ...], controlnets: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Convert MODEL (a name, folder or file) to Core ML packages, on any system.

    A run that was interrupted goes on where it stopped; packages made by the same recipe are kept.
    """
    with show("packages", Phases(), as_json) as tell:
        from converters.coreml import convert, native_size

        sizes = sizes or (native_size(model),)
        for group in (sizes,) if multifunction else ((size,) for size in sizes):
            recipe = PackageRecipe(
                sizes=group, attention=attention, target=target, compute_units=compute_units, components=components,
                batch=1 if unet_batch_one else 2, chunk=chunk, compress=compress, loras=loras, controlnets=controlnets,
            )  # fmt: skip
            folder = out if len(group) == len(sizes) else out / f"{group[0][0]}x{group[0][1]}"
            for event in convert(model, folder, recipe):
                tell(event)


class Phases:
    """A line where a phase begins; work of many small pieces is one line."""

    def __init__(self) -> None:
        self.phase = ""

    def __call__(self, event: Progress) -> None:
        if event.phase != self.phase:
            echo(f"{event.phase} …", err=True)
            self.phase = event.phase
