"""`sdedge gallery …`: pictures found again, by words and by how they were made."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from sdedge.commands.boards import board
from sdedge.commands.field_options import SIZE_TEXT
from sdedge.commands.opened_gallery import as_json, entry_of, open_gallery
from sdedge.commands.progress import counting
from sdedge.commands.rows import detail_rows, setting_rows, value_rows
from sdedge.commands.terminal import echo, note
from sdedge.commands.values import NameType, integer
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images.output import FORMATS
from sdedge.library.boards import Boards
from sdedge.library.gallery import Gallery, GalleryEntry, Search, sampler_name
from sdedge.library.gallery_export import Export
from sdedge.library.gallery_export import export as copies
from sdedge.library.gallery_order import Order, sorted_entries
from sdedge.library.gallery_scan import rescan as rescan_files
from sdedge.request_fields import FIELDS

_ABSENT = re.compile(r"-[^\W\d_]{2}|-\"")


class Day(click.ParamType):  # type: ignore[type-arg]
    """A day, as 2026-05-31, in local time."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        if isinstance(value, datetime.datetime):
            return value
        try:
            return datetime.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date; write it as 2026-05-31.", param, ctx)


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Numbers of pictures: 12, or 3-40, or several of these with commas between."""

    name = "NUMBERS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        numbers: list[int] = []
        for part in str(value).split(","):
            match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
            if match is None or int(match[2] or match[1]) - int(match[1]) not in range(1_000_000):
                self.fail(f"{part!r} is no number of a picture; write them as 12 or 3-40.", param, ctx)
            numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
        return tuple(numbers)


class WordsCommand(click.Command):
    """A command whose words may begin with a dash, as those that must be absent do: -night is no option -n."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        wanting = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        end = args.index("--") if "--" in args else len(args)
        absent = [i for i in range(end) if _ABSENT.match(args[i]) and not (i and args[i - 1] in wanting)]
        if absent:
            options = [arg for i, arg in enumerate(args[:end]) if i not in absent]
            args = [*options, "--", *(args[i] for i in absent), *args[end + 1 :]]
        return super().parse_args(ctx, args)


events = click.option("--events", is_flag=True, hidden=True, help="Print progress and result as JSON events.")


def searching(command: Any) -> Any:
    """The options that describe a Search."""
    for option in reversed(
        (
            click.argument("text", nargs=-1),
            click.option("-m", "--model", help="Name of the model, or the beginning of its hash."),
            click.option("--sampler", help="By any of its names."),
            click.option("--size", type=SIZE_TEXT, help="Pixels, such as 512x768."),
            click.option("--since", type=Day(), help="From this day on."),
            click.option("--until", type=Day(), help="Before this day."),
            click.option("--favourite", is_flag=True, help="Only favourites."),
            click.option("--tag", help="Only those with this tag."),
            click.option("--board", help="Only those on this board."),
            click.option("--missing", is_flag=True, help="Only those whose file is gone."),
        )
    ):
        command = option(command)
    return command


def _search(options: dict[str, Any]) -> Search:
    width, height = options["size"] or (None, None)
    return Search(
        text=" ".join(options["text"]), model=options["model"], width=width, height=height, tag=options["tag"],
        board=options["board"], sampler=sampler_name(options["sampler"]) if options["sampler"] else None,
        since=options["since"].timestamp() if options["since"] else None,
        until=options["until"].timestamp() if options["until"] else None,
        favourite=options["favourite"], missing=options["missing"],
    )  # fmt: skip


@click.group()
def gallery() -> None:
    """Search, show, group, export and check the pictures."""


gallery.add_command(board)


@gallery.command(cls=WordsCommand)
@searching
@click.option("-n", "--limit", type=integer(1), default=60, show_default=True, help="At most this many.")
@click.option(
    "--sort", type=NameType([*map(str, Order)]), default="newest", show_default=True, help="What comes first."
)
@as_json
def search(limit: int, sort: str, as_json: bool, **options: Any) -> None:
    """List pictures. TEXT is words of their prompts; "two words" stay together, -word must be absent."""
    with open_gallery() as gallery:
        wanted = _search(options)
        order = Order(sort)
        entries = (
            sorted_entries(gallery, wanted, order, limit) if order != Order.NEWEST else gallery.search(wanted, limit)
        )
        if as_json:
            echo(
                json.dumps({"count": gallery.count(wanted), "pictures": [record(gallery, entry) for entry in entries]})
            )
            return
        for entry in entries:
            echo(f"{entry.id:6}  {'*' if entry.favourite else ' '}  {entry.path}")
        total = len(entries) if len(entries) < limit else gallery.count(wanted)
        echo(f"{len(entries)} of {total}", err=True)


@gallery.command()
@click.argument("picture")
@click.option("--favourite/--no-favourite", default=None, help="Mark it, or take the mark away.")
@click.option("--tag", "tags", multiple=True, help="Add a tag; may be repeated.")
@click.option("--untag", multiple=True, help="Take a tag away.")
@as_json
def show(picture: str, favourite: bool | None, tags: tuple[str, ...], untag: tuple[str, ...], as_json: bool) -> None:
    """Show how PICTURE, a number or a path, was made; and mark it."""
    with open_gallery() as gallery:
        entry = entry_of(gallery, picture)
        if favourite is not None:
            gallery.set_favourite(entry.id, favourite)
        if tags or untag:
            gallery.set_tags(entry.id, {*gallery.tags(entry.id), *tags} - {*untag})
        known = record(gallery, gallery.get(entry.id))
        if as_json:
            echo(json.dumps(known))
            return
        for row in _rows(known):
            echo(row)


@gallery.command(cls=WordsCommand)
@searching
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder to copy into, or a .zip file."
)
@click.option("--format", "format", type=NameType([*FORMATS]), help="Write another format; as they are by default.")
@click.option("--id", "ids", type=Numbers(), multiple=True, help="These, as 12 or 3-40, not a search; may be repeated.")
@click.option("--no-metadata", is_flag=True, help="Leave the settings out of the copies.")
@as_json
@events
def export(
    out: Path, format: str | None, ids: tuple[tuple[int, ...], ...], no_metadata: bool, as_json: bool, events: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Copy the pictures that a search finds into a folder or a ZIP file; none there is overwritten."""
    with open_gallery() as gallery:
        wanted = [id for group in ids for id in group]
        faults: list[str] = []
        entries = _numbered(gallery, wanted, faults) if ids else _every(gallery, _search(options))
        total = len(wanted) if ids else gallery.count(_search(options))
        if not total:
            note("The search finds no picture; nothing was copied.")
            return
        done, last = len(faults), out
        with counting("Copying", events) as progress:
            for copy in copies(entries, Export(out, format, no_metadata)) if done < total else ():
                done += 1
                if copy.fault:
                    faults.append(copy.fault)
                elif events:
                    pass
                elif as_json:
                    echo(json.dumps({"id": copy.entry.id, "path": str(copy.path), "name": copy.name}))
                else:
                    echo(copy.path if copy.path.name == copy.name else f"{copy.path}: {copy.name}")
                if progress is not None:
                    progress(done, total)
                last = copy.path
    if events:
        echo(json.dumps({"event": "Exported", "pictures": done - len(faults), "path": str(last)}))
    if faults:
        raise SdedgeError(f"{len(faults)} of {done} pictures could not be copied. {faults[0]}")


@gallery.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@as_json
@events
def rescan(folder: Path | None, as_json: bool, events: bool) -> None:
    """Take the files as they are: adopt the pictures in FOLDER, or look again at every folder known."""
    with open_gallery() as gallery, counting("Looking at the files", events) as progress:
        total = gallery.count()
        scan = dataclasses.asdict(
            rescan_files(gallery, folder, lambda seen: progress(seen, max(seen, total)) if progress else None)
        )
    if events:
        echo(json.dumps({"event": "Rescanned", **scan}))
    elif as_json:
        echo(json.dumps(scan))
    else:
        for sentence in scan.pop("unreadable"):
            echo(sentence, err=True)
        echo(", ".join(f"{count} {name}" for name, count in scan.items()))


@gallery.command()
@as_json
@events
def verify(as_json: bool, events: bool) -> None:
    """Read every picture again and name those that are missing, changed or damaged, or were drawn otherwise than the gallery
    says; exit code 1 if there are any."""
    with open_gallery() as gallery, counting("Reading the pictures", events) as progress:
        faults = []
        for entry, fault in gallery.verify(progress):
            faults.append(fault)
            if not events:
                echo(json.dumps({"id": entry.id, "path": str(entry.path), "fault": fault}) if as_json else fault)
    if events:
        echo(json.dumps({"event": "Verified", "faults": faults}))
    elif faults:
        raise SdedgeError(f"{len(faults)} pictures are not as they were saved.")


def _rows(known: dict[str, Any]) -> Iterator[str]:
    """Yields what `record` knows as rows: of the file, then how it was made."""
    request, facts = known.pop("request"), known.pop("facts")
    for name, value in known.items():
        if value not in (None, "", [], {}) and value != request.get(name):
            yield from value_rows(name, value)
    try:
        settings = {name: row.type.from_json(request[name]) for name, row in FIELDS.items() if name in request}
    except InvalidRequest:  # of a later version
        settings = {}
        yield from value_rows("settings", request)
    yield from setting_rows(settings)
    yield from detail_rows(facts, settings)


def record(gallery: Gallery, entry: GalleryEntry) -> dict[str, Any]:
    """An entry as JSON for scripts."""
    names = ("id", "width", "height", "model", "model_hash", "seed", "favourite", "missing", "job", "source", "content")
    created = datetime.datetime.fromtimestamp(entry.created, datetime.UTC).isoformat(timespec="seconds")
    plain = {name: getattr(entry, name) for name in names}
    details = {
        "tags": gallery.tags(entry.id),
        "boards": Boards(gallery).of(entry.id),
        "request": json.loads(entry.request_json),
        "facts": entry.facts,
    }
    return {"path": str(entry.path), "created": created, **plain, **details}


def _numbered(gallery: Gallery, ids: Iterable[int], faults: list[str]) -> list[GalleryEntry]:
    """Returns the pictures of these numbers; of each that there is none of, adds a sentence to `faults`."""
    entries = []
    for id in ids:
        try:
            entries.append(gallery.get(id))
        except InvalidRequest as error:
            faults.append(str(error))
    return entries


def _every(gallery: Gallery, search: Search) -> Iterator[GalleryEntry]:
    after = None
    while page := gallery.search(search, 500, after):
        yield from page
        after = page[-1]
