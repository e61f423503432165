"""`sdedge evaluate`: how well a model, in one way of drawing, shows what prompts say."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdedge import batch, catalog
from sdedge.commands.engine_options import engine_options
from sdedge.commands.field_options import field_option, field_options, fields_of, size_option
from sdedge.commands.headings import HeadedCommand, option
from sdedge.commands.terminal import echo, note, one_line
from sdedge.commands.values import integer
from sdedge.engines.open import default_model, find_tokenizer, load_engine, locate
from sdedge.events import Event, Loading, Notice, Progress
from sdedge.field_rows import Group
from sdedge.library.manifest import is_bundle
from sdedge.request import Request

if TYPE_CHECKING:
    from sdedge.evaluation.measure import Job, Report


@click.command(cls=HeadedCommand)
@click.argument("model", required=False)
@option(
    Group.MEASURED,
    "--against",
    metavar="MODEL",
    help="Draw the same with this model or bundle, and compare the pictures.",
)
@option(Group.MEASURED, "--against-device", metavar="NAME", help="Its device.  [default: cpu]")
@option(Group.MEASURED, "--against-dtype", metavar="NAME", help="Its number format.  [default: float32 on a CPU]")
@option(
    Group.MEASURED,
    "--against-set",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A setting that differs; may be repeated.",
)
@option(Group.MEASURED, "--prompts", type=integer(1, 100_000), default=200, show_default=True, help="Held-out prompts.")
@option(Group.MEASURED, "--seeds", type=integer(1, 1000), default=2, show_default=True, help="Pictures per prompt.")
@option(Group.MEASURED, "--prompt-seed", type=integer(0), default=0, show_default=True, help="Another list of prompts.")
@field_option("seed", default=1, show_default=True, help="Of the first picture of every prompt.")
@option(Group.CANVAS, "-b", "--batch", type=integer(1, 64), default=1, show_default=True, help="Seeds drawn at a time.")
@field_options(Group.SAMPLING)
@field_options(Group.GUIDANCE)
@size_option()
@field_option("negative")
@field_option("clip_skip")
@field_option("vae")
@option(Group.MODEL, "--lora", "loras", multiple=True, metavar="FILE[:WEIGHT]", help="Draw with it; may be repeated.")
@option(
    Group.MEASURED, "--ceiling", type=integer(0, 10_000), default=200, show_default=True, help="True renders to read."
)
@option(Group.MEASURED, "--judge", type=click.Path(path_type=Path), help="A judge that `sdedge train judge` made.")
@option(
    Group.OUTPUT,
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("evaluations"),
    show_default=True,
    help="Folder of reports and pictures.",
)
@engine_options
@option(Group.RUN, "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@option(Group.RUN, "-q", "--quiet", is_flag=True, help="Print nothing but the paths of the report.")
def evaluate(model: str | None, **options: Any) -> None:
    """Measure how well MODEL shows what prompts of the embedded model's scenes say, and write a report.

    Two judges read every picture. The pictures are kept below --out by their settings: cut off, the same command goes
    on; with more --prompts or --seeds it adds to what is there; with other settings it begins anew beside it.
    """
    from sdedge.evaluation.drawing import Judges
    from sdedge.evaluation.gallery import write_sheet
    from sdedge.evaluation.judge_network import find_judge
    from sdedge.evaluation.measure import REPORT, Report
    from sdedge.evaluation.measure import evaluate as measure
    from sdedge.evaluation.page import write_page
    from sdedge.evaluation.world import world_of

    name = model or default_model()
    world = world_of(find_tokenizer(name))
    job, reference = _jobs(name, options)
    judges = Judges(world, find_judge(options["judge"], world.values))
    report: Report | None = None
    with _shown(options["quiet"] or options["as_json"]) as tell:
        for event in measure(job, judges, options["out"], reference, options["ceiling"]):
            if isinstance(event, Report):
                report = event
            else:
                tell(event)
    assert report is not None
    page, sheet = write_page(report), write_sheet(report)
    if options["as_json"]:
        echo(json.dumps(json.loads((report.drawn.run.folder / REPORT).read_text())))
        return
    if not options["quiet"]:
        echo(table(report))
        echo()
    for path in (page, report.drawn.run.folder / REPORT, *([sheet] if sheet else [])):
        echo(path)


def _jobs(model: str, options: dict[str, Any]) -> tuple[Job, Job | None]:
    """Returns what is to be evaluated, and the reference where one is asked for. Raises InvalidRequest and ModelError."""
    from sdedge.evaluation.drawing import Evaluation
    from sdedge.evaluation.measure import Job
    from sdedge.generation.pipeline import Pipeline
    from sdedge.library.adapters import lora_typed, with_weight

    typed = {name: value for name, value in fields_of(options).items() if name not in ("model", "seed")}
    chosen = dict(typed)
    if typed.get("speed") in catalog.SPEEDS:
        chosen.setdefault("steps", catalog.SPEEDS[typed["speed"]].steps)
    loras = tuple((lora_typed(file).path, weight) for file, weight in map(with_weight, options["loras"]))
    many = {name: options[name] for name in ("prompts", "seeds", "prompt_seed", "batch")}
    many |= {"first_seed": options["seed"], "loras": loras}
    pipeline = Pipeline(load_engine(options["device"], options["dtype"], memory=options["memory"]))
    job = Job(Evaluation(_request(model, chosen), **many), pipeline)
    about_reference = [name for name in ("against", "against_device", "against_dtype", "against_set") if options[name]]
    if not about_reference:
        return job, None
    against, device = options["against"] or model, options["against_device"] or "cpu"
    pairs = dict(setting.partition("=")[::2] for setting in options["against_set"])
    exact = {name: value for name, value in typed.items() if name != "speed"}
    plain = device == "cpu" and not is_bundle(locate(against))
    dtype = options["against_dtype"] or ("float32" if plain else None)
    request = _request(against, {**exact, **batch.overrides(pairs)})
    return job, Job(Evaluation(request, **many), Pipeline(load_engine(device, dtype)))


def _request(model: str, values: dict[str, Any]) -> Request:
    """Returns a request of these settings; those of many parts are laid over their defaults."""
    return Request(prompt="a scene", model=model).overlaid(**values)


# ---- What the person sees -----------------------------------------------------------------------------------------


@contextmanager
def _shown(quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Yields a function that shows an event on standard error: a bar on a terminal, elsewhere a line for every tenth."""
    if quiet or not sys.stderr.isatty():
        yield _plain_lines(quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console, tasks = Console(stderr=True), {}
    columns = (
        TextColumn("{task.description:15}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                if event.phase not in tasks:
                    tasks[event.phase] = bars.add_task(event.phase, total=event.total)
                bars.update(tasks[event.phase], completed=event.done)
            elif isinstance(event, Notice):
                console.print(
                    f"note: {one_line(event.message)}", style="dim", markup=False, highlight=False, emoji=False
                )

        yield tell


def _plain_lines(quiet: bool) -> Callable[[Event], None]:
    tenths: dict[str, int] = {}

    def tell(event: Event) -> None:
        if isinstance(event, Notice) and not quiet:
            note(event.message)
        elif isinstance(event, Progress) and not quiet:
            tenth = 10 * event.done // max(event.total, 1)
            if tenths.get(event.phase) != tenth:
                tenths[event.phase] = tenth
                echo(f"{event.phase}: {event.done} of {event.total}", err=True)
        elif isinstance(event, Loading) and not quiet and event.phase == "figures":
            echo("computing the figures", err=True)

    return tell


def table(report: Report) -> str:
    """Returns the figures as a Markdown table and a few lines."""
    from sdedge.evaluation.page_parts import decibels

    figures = report.figures
    judges = list(next(iter(figures.facts.values())).obeyed)
    columns = [*judges, "agree"] if len(judges) > 1 else judges
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    tables = [("", figures.facts), ("unseen: ", figures.unseen), ("", figures.combinations)]
    for prefix, rows in tables:
        for name, row in rows.items():
            cells = [str(row.obeyed[judge]) for judge in judges]
            cells += [] if row.agreement is None else [f"{100 * row.agreement:.1f}"]
            lines.append(f"| {prefix}{name} | {' | '.join(cells)} |")
    features, nearness = figures.features, figures.nearness
    if features is not None and features.frechet is not None:
        lines.append(
            f"\nFréchet distance in the judge's features {features.frechet:.3f}, of renders {features.floor:.3f}"
        )
    if features is not None and features.diversity is not None:
        lines.append(f"\nDiversity over seeds {100 * features.diversity:.0f}% of that of renders")
    if nearness is not None:
        lines.append(
            f"\nPSNR to the reference {decibels(nearness.psnr)}, worst tenth {decibels(nearness.psnr_low)}; "
            f"SSIM {nearness.ssim:.4f}; {100 * nearness.identical:.0f}% equal"
        )
    elif report.uncompared:
        lines.append(f"\nPictures of the reference: {report.uncompared}")
    return "\n".join(lines)
