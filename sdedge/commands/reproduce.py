"""`sdedge reproduce`: pictures drawn again from the settings in their files, and graded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.generate import interruptible
from sdedge.commands.terminal import echo, note, one_line
from sdedge.commands.values import number
from sdedge.errors import InvalidRequest
from sdedge.events import Event, Notice
from sdedge.machine.memory_plan import CHOICES

if TYPE_CHECKING:
    from sdedge.evaluation.reproduction import Reproduction
    from sdedge.evaluation.reproduction_plan import ReproductionPlan

DIFFERENT, NOT_DRAWN = 3, 4
"""Exit statuses besides 0 (every picture was drawn again), 1 (a failure) and 2 (bad usage)."""
_NAME_WIDTH, _MADE_BY_WIDTH = 40, 16


@click.command()
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PICTURE...")
@click.option("-m", "--model", help="Draw with this model in place of the pictures' own.")
@click.option("--vae", help="Draw with this VAE in place of theirs.")
@click.option("-i", "--image", metavar="PATH", help="The picture that they were drawn from.")
@click.option("--mask", metavar="PATH", help="The mask that they were drawn with.")
@click.option(
    "--at-least", type=number(), default=40.0, show_default=True, metavar="DB", help="PSNR that counts as drawn again."
)
@click.option("--anyway", is_flag=True, help="Draw also where a LoRA, an embedding or a hint is missing.")
@click.option("--to", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep what is drawn there.")
@click.option("--details", is_flag=True, help="Say of each picture what was not honoured and why.  [default: of one]")
@click.option("--dry-run", is_flag=True, help="Say what would be drawn, and what is missing; draw nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each picture.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda, mps, openvino[:gpu|:npu]; Core ML: compute units.",
)
@click.option("--dtype", metavar="NAME", help="float32, float16, bfloat16 or int8.  [default: measured, see doctor]")
@click.option(
    "--memory", metavar="NAME", default="auto", show_default=True, help=f"{', '.join(CHOICES)}; docs/memory.md."
)
@click.option("-q", "--quiet", is_flag=True, help="Print the table only.")
def reproduce(pictures: tuple[Path, ...], **options: Any) -> int:
    """Draw each PICTURE again from the settings in its file, and say how near it came and which settings were not honoured.

    A folder stands for the pictures in it. Exit statuses: 0 every picture was drawn again, 3 some came out different, 4 some
    could not be drawn.
    """
    chosen = {name: options[name] for name in ("model", "vae", "image", "mask") if options[name] is not None}
    files = list(_files(pictures))
    if options["folder"] is not None and options["folder"].is_file():
        raise InvalidRequest(f"{options['folder']} is a file; name a folder with --to.")
    _check(chosen)
    from sdedge.evaluation.reproduction_plan import plan

    plans = [plan(path, chosen) for path in files]
    details = options["details"] or len(plans) == 1
    outcomes = []
    if not details and not options["as_json"]:
        echo(_row("picture", "made by", "outcome", "PSNR", "SSIM", "not honoured"), bold=True)
    with interruptible() as interrupted:
        for result in _results(plans, options):
            _print(result, details, options)
            outcomes.append(result.outcome)
            if interrupted():
                raise KeyboardInterrupt
    if len(plans) > 1 and not options["as_json"]:
        echo(_summary(outcomes, options["at_least"]))
    return _status(outcomes)


def _check(chosen: dict[str, Any]) -> None:
    """Raises ModelError or InvalidRequest for what a person gives and is not there, before anything is read."""
    from sdedge.engines.open import locate
    from sdedge.images.opening import opened

    for name in ("model", "vae"):
        if name in chosen:
            locate(chosen[name])
    for name in ("image", "mask"):
        if name in chosen:
            with opened(chosen[name]):
                pass


def _files(pictures: Sequence[Path]) -> Iterator[Path]:
    """Yields the pictures, those of folders by name. Raises InvalidRequest for a folder without any."""
    from sdedge.library.gallery_files import groups

    for path in pictures:
        if not path.is_dir():
            yield path
            continue
        inside = [file for group in groups([path]) for file in group]
        if not inside:
            raise InvalidRequest(f"The folder {path} has no pictures; name one that has, or a picture.")
        yield from inside


def _results(plans: Sequence[ReproductionPlan], options: dict[str, Any]) -> Iterator[Reproduction]:
    """Yields what becomes of each picture; those of one model follow each other, so that it is loaded once."""
    from sdedge.evaluation.reproduction import Outcome, undrawn

    if options["dry_run"]:
        for each in plans:
            fault = Outcome.UNREADABLE if each.request is None else Outcome.MISSING
            yield undrawn(each, Outcome.PLANNED if each.is_complete else fault)
        return
    from sdedge.commands.progress import show
    from sdedge.engines.open import load_engine
    from sdedge.evaluation.reproduction import reproduce as draw_again
    from sdedge.generation.pipeline import Pipeline
    from sdedge.images.output import Output
    from sdedge.process.prover import CanaryProver

    output = None if options["folder"] is None else Output(options["folder"], template="{seed}-{prompt:40}")
    if output is not None:
        output.check()
    prover = CanaryProver()
    load = load_engine(options["device"], options["dtype"], memory=options["memory"], allows=prover.allows)
    pipeline = Pipeline(load, prover=prover)
    said: set[str] = set()
    for each in _by_model(plans):
        with show(1, quiet=options["quiet"] or options["as_json"]) as tell:
            once = partial(tell_once, tell, said)
            result = draw_again(each, pipeline, once, options["at_least"], options["anyway"], output)
        yield result


def tell_once(tell: Callable[[Event], None], said: set[str], event: Event) -> None:
    """Tells an event, but for a notice that was given for a picture before this one."""
    if isinstance(event, Notice):
        if event.message in said:
            return
        said.add(event.message)
    tell(event)


def _by_model(plans: Sequence[ReproductionPlan]) -> list[ReproductionPlan]:
    firsts: dict[tuple[str, str | None] | None, int] = {}
    keys = [None if each.request is None else (each.request.model, each.request.vae) for each in plans]
    for i, key in enumerate(keys):
        firsts.setdefault(key, i)
    return [each for _, each in sorted(enumerate(plans), key=lambda pair: (firsts[keys[pair[0]]], pair[0]))]


def _print(result: Reproduction, details: bool, options: dict[str, Any]) -> None:
    if options["as_json"]:
        echo(json.dumps(result.to_json(), ensure_ascii=False))
        return
    decibels = "" if result.psnr is None else "equal" if math.isinf(result.psnr) else f"{result.psnr:.1f} dB"
    similarity = "" if result.ssim is None else f"{result.ssim:.4f}"
    if not details:
        names = list(
            dict.fromkeys([*(f"no {each.role}" for each in result.plan.missing), *(e.field for e in result.unhonoured)])
        )
        listed = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
        said = result.fault if result.outcome in ("unreadable", "failed") else listed
        echo(_row(str(result.plan.path), result.plan.source, str(result.outcome), decibels, similarity, said))
        return
    figures = ", ".join(text for text in (decibels, similarity and f"SSIM {similarity}") if text)
    echo(f"{result.plan.path}: {result.outcome}" + (f" ({figures})" if figures else ""), bold=True)
    if result.plan.source:
        echo(f"  made by       {result.plan.source}")
    if result.fault:
        echo(f"  fault         {result.fault}")
    if result.plan.is_complete and result.plan.request is not None and options["dry_run"]:
        echo(f"  would draw    {result.plan.request.to_json()}")
    for file in result.plan.missing:
        called = " ".join(text for text in (file.name, f"[{file.hash}]" if file.hash else "") if text)
        echo(f"  missing       {f'{file.role} {one_line(called)}'.rstrip()}: {file.reason}")
    for setting in result.unhonoured:
        value = f" = {one_line(setting.value[:60])}" if setting.value else ""
        echo(f"  not honoured  {setting.field}{value}: {setting.reason}")
    if result.drawn is not None:
        echo(f"  kept as       {result.drawn}")
    if not options["quiet"]:
        for text in result.notices:
            note(text)


def _row(*texts: str) -> str:
    name, made_by, outcome, decibels, similarity, said = map(one_line, texts)
    name = name if len(name) <= _NAME_WIDTH else f"…{name[1 - _NAME_WIDTH :]}"
    made_by = made_by[:_MADE_BY_WIDTH]
    row = f"{name:<{_NAME_WIDTH}} {made_by:<{_MADE_BY_WIDTH}} {outcome:<11} {decibels:>8} {similarity:>7}  {said}"
    return row.rstrip()


def _summary(outcomes: Sequence[str], at_least: float) -> str:
    from sdedge.evaluation.reproduction import DRAWN_AGAIN, UNDRAWN, Outcome

    again = sum(outcome in DRAWN_AGAIN for outcome in outcomes)
    undrawn = sum(outcome in UNDRAWN for outcome in outcomes)
    if Outcome.PLANNED in outcomes:
        return f"{len(outcomes)} pictures: {again} can be drawn, {undrawn} cannot."
    different = len(outcomes) - again - undrawn
    said = f"{again} drawn again at {at_least:g} dB or better, {different} different, {undrawn} not drawn"
    return f"{len(outcomes)} pictures: {said}."


def _status(outcomes: Sequence[str]) -> int:
    from sdedge.evaluation.reproduction import DRAWN_AGAIN, UNDRAWN

    if any(outcome in UNDRAWN for outcome in outcomes):
        return NOT_DRAWN
    return 0 if all(outcome in DRAWN_AGAIN for outcome in outcomes) else DIFFERENT
