"""`sdedge hint`: hints for ControlNets and T2I-Adapters out of photographs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.terminal import echo, note
from sdedge.commands.values import NameType, integer, number
from sdedge.controls import HintFit
from sdedge.errors import InvalidRequest
from sdedge.preprocessors import PREPROCESSORS, Preprocessor, Setting, settled
from sdedge.request_fields import parse_size
from sdedge.text.clean import shown
from sdedge.text.names import alike

if TYPE_CHECKING:
    import numpy as np

IMAGE, OUT = click.argument("image", type=click.Path()), click.argument("out", type=click.Path(path_type=Path))
SIZE = click.option(
    "--size",
    metavar="WxH",
    help="Bring the photo to the size that will be drawn first, so that lines are a pixel wide.",
)
RESIZE = click.option(
    "--resize",
    type=NameType(HintFit),
    default=HintFit.CROP.value,
    show_default=True,
    help="How a photo of other proportions is brought to --size: crop, stretch or pad, as a control's resize says.",
)
_READS = "Reads IMAGE, where transparent parts count as white, and writes OUT, a .png or .webp file, which is replaced."
FORMATS: dict[str, dict[str, Any]] = {".png": {"format": "PNG"}, ".webp": {"format": "WEBP", "lossless": True}}
"""How a hint is written, by suffix: without loss, since a JPEG's noise would be lines."""


def _sized(command: Any) -> Any:
    """Adds the options of the size that the photo is brought to, and how."""
    return SIZE(RESIZE(command))


class HintCommands(click.Group):
    """Commands of which an unknown one is refused in one sentence, as anything else is."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            near = alike(name, known)
            advice = f"did you mean {near}?" if near else f"choose one of {', '.join(known)}."
            raise InvalidRequest(f"There is no hint {shown(name)}; {advice}")
        return super().resolve_command(ctx, args)


@click.group(cls=HintCommands)
def hint() -> None:
    """Make a hint of a photo: what a ControlNet or T2I-Adapter reads to know what goes where.

    For example `sdedge hint canny photo.png edges.png`, and then `sdedge generate ... --control canny:edges.png`. Both at once
    is `--control canny:photo.png:canny`. Where a photo is transparent it counts as white.
    """


def _command(preprocessor: Preprocessor) -> click.Command:
    """Returns the command of a preprocessor, whose options are its settings."""

    def run(image: str, out: Path, size: str | None, resize: str, **values: float) -> None:
        from sdedge.images.preprocess import preprocess

        _check_out(out, image)
        preprocessing = settled(preprocessor, values, field="")
        _write(preprocess(_photo(image, size, resize), preprocessing), out)

    name, command = preprocessor.name, IMAGE(OUT(_sized(run)))
    for row in reversed(preprocessor.settings):
        command = _option(row)(command)
    text = f"{preprocessor.help}\n\n{_READS}"
    return click.command(name, help=text, short_help=preprocessor.help.split(". ")[0].rstrip(".") + ".")(command)


def _option(row: Setting) -> Any:
    kind = integer() if row.is_whole else number()
    return click.option(
        f"--{row.name}", type=kind, default=int(row.default) if row.is_whole else row.default, show_default=True,
        help=f"{row.help} {row.low:.12g} to {row.high:.12g}.",
    )  # fmt: skip


def _network_command(preprocessor: Preprocessor) -> click.Command:
    """Returns the command of a preprocessor that runs a network of the user's."""

    def run(image: str, out: Path, size: str | None, resize: str, model: str | None) -> None:
        from sdedge.generation.network_hints import network_hint
        from sdedge.generation.pose import shows_nobody
        from sdedge.library.hint_networks import find_hint_network, named_hint_network
        from sdedge.weights.hint_network import HintNetwork

        _check_out(out, image)
        kind = HintNetwork(f"{preprocessor.name}-network")
        folder = find_hint_network(kind, field="") if model is None else named_hint_network(model, kind)
        pixels = network_hint(_photo(image, size, resize), preprocessor.name, folder)
        if kind is HintNetwork.POSE and shows_nobody(pixels):
            note(f"No person was found in {image}, so that the hint is black.")
        _write(pixels, out)

    option = click.option("--model", metavar="FOLDER", help="Of the network.  [default: the installed one]")
    help_text = f"{preprocessor.help}\n\n{_NETWORKS[preprocessor.name]}\n\n{_READS}"
    command = click.command(preprocessor.name, help=help_text, short_help=preprocessor.help)
    return command(IMAGE(OUT(option(_sized(run)))))


_NETWORKS = {
    "depth": "Add the network's folder once with `sdedge models add`, such as depth-anything/Depth-Anything-V2-Small-hf.",
    "pose": "Add the network's folder once with `sdedge models add`, such as usyd-community/vitpose-base-simple. Where an "
    "RT-DETR is added too, each person that it finds is looked at; else the whole picture is one person's.",
}
for _row in PREPROCESSORS.values():
    hint.add_command(_network_command(_row) if _row.by_network else _command(_row))


@hint.command(short_help="The photo with a hole, for an inpainting ControlNet.")
@IMAGE
@click.argument("mask", type=click.Path())
@OUT
@_sized
def inpaint(image: str, mask: str, out: Path, size: str | None, resize: str) -> None:
    """The photo with a hole, for an inpainting ControlNet.

    Reads IMAGE and MASK, whose white is drawn anew, and writes OUT, a .png or .webp file that is transparent there. Transparent
    parts count as white in IMAGE and as black in MASK.
    """
    from sdedge.images.hint_colours import with_hole
    from sdedge.images.source import fit

    _check_out(out, image, mask)
    pixels = _photo(image, size, resize)
    height, width, _ = pixels.shape
    area = _photo(mask, None, paper=(0, 0, 0))
    if not size and area.shape != pixels.shape:
        raise InvalidRequest(
            f"The mask {mask} has {area.shape[1]}x{area.shape[0]} pixels and the photo {width}x{height}; give one of the photo's "
            "size.",
            field="mask",
        )
    _write(with_hole(pixels, fit(area, (width, height), resize).max(axis=2)), out)


def _photo(
    path: str, size: str | None, resize: str = "crop", paper: tuple[int, int, int] = (255, 255, 255)
) -> np.ndarray:
    """Returns a picture as uint8 (H, W, 3), brought to a size where one is given. Raises InvalidRequest."""
    from sdedge.images.source import fit, read_source

    wanted = None if size is None else parse_size(size)
    if wanted is not None and not all(1 <= side <= 8192 for side in wanted):
        raise InvalidRequest(f"A hint of {wanted[0]}x{wanted[1]} pixels is out of range; choose from 1x1 to 8192x8192.")
    pixels, notes = read_source(path, paper)
    for line in notes:
        note(line)
    return pixels if wanted is None else fit(pixels, wanted, resize)


def _check_out(out: Path, *sources: str) -> None:
    """Raises InvalidRequest for a file that no hint can be written to, and for one that is read, which would be lost."""
    if out.is_dir():
        raise InvalidRequest(f"{out} is a folder; name a file in it, such as {out / 'hint.png'}.")
    if out.suffix.lower() not in FORMATS:
        raise InvalidRequest(f"{out} names no hint; end it in .png or .webp, which keep every line.")
    above = next(folder for folder in out.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise InvalidRequest(f"{above} is a file and no folder, so {out} cannot be made; name a folder.")
    for source in filter(os.path.exists, sources):
        if out.exists() and os.path.samefile(source, out):
            raise InvalidRequest(f"{out} is the picture that is read, and would be lost; give the hint another name.")


def _write(pixels: np.ndarray, out: Path) -> None:
    from PIL import Image

    from sdedge.files import atomic_write

    if not out.parent.exists():
        note(f"The folder {out.parent} is made for it.")
    with atomic_write(out) as file:
        Image.fromarray(pixels).save(file, **FORMATS[out.suffix.lower()])
    echo(out)
