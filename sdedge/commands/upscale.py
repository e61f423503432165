"""`sdedge upscale`: pictures enlarged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdedge.commands.progress import counting
from sdedge.commands.terminal import echo, note
from sdedge.commands.values import number
from sdedge.controls import PICTURE_SUFFIXES
from sdedge.errors import InvalidRequest, OutOfMemory, OutputError
from sdedge.images.output import FORMATS, output_at
from sdedge.places import expanded

if TYPE_CHECKING:
    from sdedge.generation.upscale import PictureUpscaler


@dataclass(frozen=True)
class Target:
    """Where enlarged pictures go: into a folder under their own names, or to `file`."""

    folder: Path
    format: str
    file: str = ""

    def stem(self, image: Path) -> str:
        return Path(self.file).stem if self.file else image.stem

    @property
    def suffix(self) -> str:
        return Path(self.file).suffix.lstrip(".") if self.file else FORMATS[self.format]


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE…")
@click.option(
    "--model", default="lanczos", show_default=True, metavar="NAME", help="An upscaler: installed, a path, or lanczos."
)
@click.option(
    "--scale", type=number(), metavar="FACTOR", help="Of both sides.  [default: the upscaler's own, lanczos 2]"
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Folder, in which names are kept, or file.png for one picture.",
)
@click.option(
    "-f", "--format", "file_format", metavar="NAME", help="png, jpeg or webp.  [default: as --to says, or png]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option("--no-metadata", is_flag=True, help="Leave the settings out of the files.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines.")
def upscale(
    images: tuple[Path, ...], model: str, scale: float | None, to: Path, file_format: str | None, device: str,
    no_metadata: bool, as_json: bool,
) -> None:  # fmt: skip
    """Enlarge every IMAGE, also all pictures of a folder, and print the paths of the results.

    Nothing is overwritten: a name that is taken gets -2, -3 behind it. The settings in a picture are carried over, with what was
    done appended. What cannot be enlarged is said, and the others are done.
    """
    from sdedge.generation.upscale import choose_upscaler, load

    files = [*_pictures(images)]
    target = _target(to, file_format, len(files))
    choice = choose_upscaler(model)
    _check_scale(scale)
    upscaler = load(choice, device)
    output_at(target.folder, target.format).check()
    failed = 0
    for image in files:
        try:
            _enlarge_file(image, upscaler, scale, target, no_metadata, as_json)
        except (InvalidRequest, OutOfMemory) as error:
            if len(files) == 1:
                raise
            failed += 1
            note(str(error))
    if failed:
        raise OutputError(f"{failed} of {len(files)} pictures were not enlarged; the notes above say why.")


def _check_scale(scale: float | None) -> None:
    from sdedge.generation.upscale import MAX_SCALE

    if scale is not None and not 1 <= scale <= MAX_SCALE:
        raise InvalidRequest(f"The scale {scale:g} is out of range; enlarge by 1 to {MAX_SCALE} times, such as 2 or 4.")


def _pictures(images: tuple[Path, ...]) -> Iterator[Path]:
    """Yields the files that were named, and those of folders that are pictures by their names."""
    for image in images:
        place = expanded(image)
        if not place.is_dir():
            yield place
            continue
        inside = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
        pictures = {path: None for path in inside if path.suffix.lower() in PICTURE_SUFFIXES}
        if others := [entry.name for entry in place.iterdir() if entry not in pictures and entry.name[:1] != "."]:
            more = f" and {len(others) - 8} more" if len(others) > 8 else ""
            note(f"Left out of {image}, as no pictures by their names: {', '.join(sorted(others)[:8])}{more}.")
        if not pictures:
            raise InvalidRequest(f"There are no pictures in {image}; name a folder with some, or a picture.")
        yield from pictures


def _target(to: Path, file_format: str | None, count: int) -> Target:
    output = output_at(expanded(to), file_format)
    if output.file and count > 1:
        raise InvalidRequest(f"{to} is one file and there are {count} pictures; name a folder with --to.")
    return Target(output.folder, output.format, output.file)


def _enlarge_file(
    image: Path, upscaler: PictureUpscaler, scale: float | None, target: Target, private: bool, as_json: bool
) -> None:
    """Enlarges one picture and writes it under a free name."""
    from sdedge.files import write_new
    from sdedge.generation.upscale import target_size
    from sdedge.images import carried
    from sdedge.images.metadata import check_holds
    from sdedge.images.naming import names

    with counting(f"Enlarging {image.name}"[:60], as_json) as tell:
        picture = carried.read_picture(image)
        for line in picture.notes:
            note(line)
        size = target_size(picture.image.size, upscaler.scale if scale is None else scale)
        check_holds(target.format, *size)
        enlarged = upscaler.enlarge_image(picture.image, size, tell)
    factor = enlarged.width / picture.image.width
    done = {"Postprocess upscale by": f"{factor:.4g}", "Postprocess upscaler": upscaler.label}
    texts = {} if private else carried.with_done(picture.texts, done)
    data = carried.encode(enlarged, target.format, texts, picture.icc)
    path = write_new(names(target.folder, target.stem(image), target.suffix), data)
    echo(json.dumps({"event": "Enlarged", "path": str(path), "size": list(enlarged.size)}) if as_json else path)
