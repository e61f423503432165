"""`sdedge generate`: pictures from a prompt."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from sdedge.commands.engine_options import engine_options
from sdedge.commands.field_options import field_options
from sdedge.commands.headings import HeadedCommand, option
from sdedge.commands.requested import requests_of
from sdedge.commands.resuming import CommandJournals
from sdedge.commands.terminal import echo, note
from sdedge.commands.values import integer
from sdedge.errors import InvalidRequest, OutputError
from sdedge.events import Cancelled, ImageDone
from sdedge.field_rows import Group
from sdedge.library.control_models import check_pictures, settled_controls
from sdedge.library.pass_models import settled_passes
from sdedge.request import Request, Resolved

if TYPE_CHECKING:
    from sdedge.events import Event
    from sdedge.generation.pipeline import Pipeline
    from sdedge.generation.save import Picture
    from sdedge.images.output import Output
    from sdedge.process.prover import CanaryProver


FILE: Any = click.Path(path_type=Path)


@dataclass(frozen=True)
class Series:
    """What of the command line is about a job as a whole: how many pictures of each request, and where they go."""

    count: int
    batch: int
    same_seed: bool
    output: Output
    names: Mapping[str, str] = field(default_factory=dict)
    """Of the files that pictures to start from become, where each keeps its own."""
    damaged: int = 0
    """How many files of that folder should have been pictures to start from, and cannot be read."""
    drawn: frozenset[str] = frozenset()
    """The pictures to start from whose files are there already."""

    @property
    def settings(self) -> dict[str, Any]:
        """What makes it another job where it is another."""
        return {name: value for name, value in vars(self).items() if name != "drawn"}

    def to_draw(self, requests: Iterable[Request]) -> list[Request]:
        """Returns those of the requests whose pictures are not there yet."""
        return [request for request in requests if request.image not in self.drawn]

    def output_of(self, request: Request) -> Output:
        """Returns where a request's pictures go."""
        name = self.names.get(request.image or "")
        return self.output if name is None else replace(self.output, file=name)

    @classmethod
    def of(cls, options: dict[str, Any], prompts: int = 1) -> Series:
        """Makes a series of the options as click gives them, for so many prompts. Raises InvalidRequest."""
        from sdedge.images.output import output_at

        many = options["count"] * prompts > 1
        output = output_at(options["out"], options["file_format"], options["template"], options["no_metadata"], many)
        return cls(options["count"], options["batch"], options["same_seed"], output)

    def tell_damaged(self) -> None:
        """Raises OutputError where there are any: the others are done by then."""
        if self.damaged:
            many = len(self.names) + self.damaged
            raise OutputError(f"{self.damaged} of {many} pictures could not be read; the notes above say why.")


@click.command(cls=HeadedCommand)
@click.argument("prompt", required=False)
@field_options(Group.PROMPT)
@option(
    Group.PROMPT,
    "--style",
    "styles",
    multiple=True,
    metavar="NAME",
    help="A style of styles.csv; may be repeated.",
)
@option(
    Group.PROMPT, "--from-file", type=FILE, metavar="FILE", help="A prompt per line; or CSV, JSON lines of settings."
)
@option(
    Group.PROMPT,
    "--like",
    type=FILE,
    metavar="PICTURE",
    help="Take the settings of a picture, whose models are installed; options change them.",
)
@option(Group.CANVAS, "-c", "--count", type=integer(1), default=1, show_default=True, help="How many pictures.")
@option(Group.CANVAS, "-b", "--batch", type=integer(1, 64), default=1, show_default=True, help="Drawn at a time.")
@field_options(Group.CANVAS)
@option(Group.CANVAS, "--same-seed", is_flag=True, help="Every prompt of a file starts from the same seed.")
@field_options(Group.SAMPLING)
@field_options(Group.GUIDANCE)
@field_options(Group.IMAGE)
@option(
    Group.IMAGE, "--images", type=FILE, metavar="FOLDER", help="Pictures to start from, one by one; names are kept."
)
@field_options(Group.CONTROL)
@field_options(Group.LARGER)
@field_options(Group.DETAIL)
@field_options(Group.MODEL)
@engine_options
@option(Group.MODEL, "--ema/--no-ema", default=None, help="Which weights to take from a file that has both.")
@option(
    Group.OUTPUT,
    "-o",
    "--out",
    type=FILE,
    metavar="PATH",
    default=Path("out"),
    show_default=True,
    help="Folder, or file.png for a name.",
)
@option(
    Group.OUTPUT,
    "-f",
    "--format",
    "file_format",
    metavar="NAME",
    help="png, jpeg or webp.  [default: as --out says, or png]",
)
@option(Group.OUTPUT, "--name", "template", metavar="TEXT", help="File name template, such as {seed}-{prompt:40}.")
@option(Group.OUTPUT, "--no-metadata", is_flag=True, help="Leave the settings out of the files.")
@option(Group.OUTPUT, "--grid", is_flag=True, help="Also save all pictures as one grid.")
@option(Group.OUTPUT, "--columns", type=integer(1), help="Columns of the grid.")
@option(Group.OUTPUT, "--grid-only", is_flag=True, help="Save the grid and not the single pictures.")
@field_options(Group.OUTPUT)
@option(
    Group.RUN, "--resume", is_flag=True, help="Go on where this very command was cut off, with the seed it had chosen."
)
@option(Group.RUN, "--keep-journal", is_flag=True, help="Keep each picture's journal of steps after it is saved.")
@option(Group.RUN, "--dry-run", is_flag=True, help="Print the request as it would be drawn, as JSON, with all notices.")
@option(Group.RUN, "--json", "as_json", is_flag=True, help="Print events as JSON lines.")
@option(Group.RUN, "-q", "--quiet", is_flag=True, help="Print nothing but the paths.")
def generate(prompt: str | None, **options: Any) -> None:
    """Draw pictures from PROMPT and print their paths.

    LoRAs are written into the prompt, as in "a castle <lora:ink:0.8>"; embeddings by their names. Ctrl-C stops after the current
    step and keeps what is finished.
    """
    requests, series = asked(prompt, options)
    from sdedge.commands.progress import show
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.generation.save import Picture
    from sdedge.process.prover import CanaryProver

    prover = CanaryProver()
    load = load_engine(options["device"], options["dtype"], options["ema"], options["memory"], prover.allows)
    pipeline = Pipeline(load)
    if options["dry_run"]:
        # all of them, so that a refused run prints none
        left = series.to_draw(requests)
        tried = [_tried(pipeline, each, series, prover, each is left[-1]) for each in left]
        for resolved, sentences in tried:
            echo(resolved.to_json())
            for sentence in sentences:
                note(sentence)
        return
    series.output.check()
    pictures: list[Picture] = []
    total, alone = series.count * len(series.to_draw(requests)), options["grid_only"]
    begun = CommandJournals(requests, series.count, series.settings, options["resume"], options["keep_journal"])
    pipeline = Pipeline(load, begun.journals, prover)
    runs = _runs(pipeline, requests, series, begun, pictures if options["grid"] or alone else None, not alone)
    with interruptible() as interrupted, show(total, options["as_json"], options["quiet"]) as tell:
        for events in runs:
            with contextlib.closing(cast(Any, events)):  # also on Ctrl-C, so that its journal is whole
                for event in events:
                    if not isinstance(event, Picture):
                        tell(event)
                    if isinstance(event, ImageDone):
                        begun.journals.note_saved(event.index)
                    if interrupted():
                        break
            if interrupted():
                break
        if pictures:
            tell(_save_grid(pictures, series, options, total))
        if interrupted():
            tell(Cancelled(len(pictures)))
            raise KeyboardInterrupt
    series.tell_damaged()


def asked(prompt: str | None, options: dict[str, Any]) -> tuple[list[Request], Series]:
    """Returns the requests that the options describe, one for each picture of a folder, and the job they are, of which some may
    be drawn already. Raises InvalidRequest."""
    folder = options["images"]
    if options.get("columns") and not (options["grid"] or options["grid_only"]):
        raise InvalidRequest("--columns is for a grid; add --grid, or leave it out.")
    if options["same_seed"] and options["from_file"] is None:
        raise InvalidRequest("--same-seed is for the prompts of a file; add --from-file FILE, or leave it out.")
    if folder is None:
        requests = requests_of(prompt, options)
        return requests, Series.of(options, len(requests))
    from sdedge.commands import image_folder

    image_folder.check_options(options)
    pictures, damaged = image_folder.pictures_of(folder)
    (base,) = requests_of(prompt, {**options, "image": str(pictures[0])})
    series = Series.of(options)
    names = image_folder.file_names(pictures, series.output.format)
    drawn = image_folder.drawn_already(names, series.output.folder)
    return [base.replace(image=image) for image in names], replace(series, names=names, damaged=damaged, drawn=drawn)


def _tried(
    pipeline: Pipeline, request: Request, series: Series, prover: CanaryProver, last: bool
) -> tuple[Resolved, list[str]]:
    """Returns the request with its open choices made, and what drawing it says before a step, with what it costs; `last` says
    that no other comes after it. Raises as drawing it does."""
    check_pictures(request)
    pipeline.check_controls(request)
    resolved = pipeline.resolve(request)
    prover.foretell(pipeline.engine(request).description)
    said = pipeline.notices(request, resolved, series.count, series.batch, last)
    return resolved, list(dict.fromkeys((*prover.new_notices(), *said, *pipeline.prices(resolved))))


def _runs(
    pipeline: Pipeline,
    requests: list[Request],
    series: Series,
    begun: CommandJournals,
    sheet: list[Picture] | None,
    save: bool,
) -> Iterator[Iterator[Event | Picture]]:
    """Yields for each request what happens while it is drawn; each picture is saved, or yielded where `save` is false.

    Pictures that are to stand on a sheet are added to `sheet`.
    """
    from sdedge.generation.save import save_pictures

    left = series.to_draw(requests)
    for number, asked in enumerate(requests):
        request, done = begun.rest_of(asked, number)
        if done == series.count or asked.image in series.drawn:
            continue
        last = asked is left[-1]
        check_pictures(request)
        pipeline.check_controls(request)  # before a hint is kept, so that a refused one leaves nothing behind
        request = settled_passes(settled_controls(request))
        events = pipeline.images(request, series.count - done, series.batch, last=last)
        if saved := begun.saved_of(number):
            events = _behind(events, saved)
        if sheet is not None:
            events = _collected(events, sheet)
        yield save_pictures(events, series.output_of(asked), number * series.count + done) if save else events


def _save_grid(pictures: list[Picture], series: Series, options: dict[str, Any], index: int) -> ImageDone:
    from sdedge.generation.save import save_sheet
    from sdedge.images.grid import grid

    sheet = grid([picture.pixels for picture in pictures], options["columns"])
    return save_sheet(sheet, series.output, pictures[0].request, index, options["grid_only"])


def _behind(events: Iterator[Event | Picture], saved: int) -> Iterator[Event | Picture]:
    """Yields the events without the first pictures, which are saved already."""
    from sdedge.generation.save import Picture

    for event in events:
        if not isinstance(event, Picture) or event.index >= saved:
            yield event


def _collected(events: Iterator[Event | Picture], pictures: list[Picture]) -> Iterator[Event | Picture]:
    """Yields the events and adds each picture among them to `pictures`."""
    from sdedge.generation.save import Picture

    for event in events:
        if isinstance(event, Picture):
            pictures.append(event)
        yield event


@contextlib.contextmanager
def interruptible() -> Iterator[Any]:
    """Lets the first Ctrl-C only set a flag, which the yielded function tells; the second one stops at once."""
    pressed = False

    def remember(signum: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    previous = signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)
