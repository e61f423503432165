"""An evaluation from its settings to its report: draw, read, compare, write."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.engines.protocol import Component
from sdedge.errors import Remedy
from sdedge.evaluation import figures as figure
from sdedge.evaluation.ceiling import RECONSTRUCTIONS, RENDERS, read_ceiling
from sdedge.evaluation.drawing import Evaluation, Judges, draw, settings_of
from sdedge.evaluation.figures import Figures, Verdict
from sdedge.evaluation.runs import Result, Run, differences, nearest_run
from sdedge.evaluation.world import Case
from sdedge.events import Event, Loading, Notice
from sdedge.files import atomic_write
from sdedge.generation.pipeline import Pipeline

REPORT = "report.json"
DRAWING, REFERENCE = "pictures", "reference"


@dataclass(frozen=True)
class Job:
    """An evaluation, and the pipeline with the engine that draws it."""

    evaluation: Evaluation
    pipeline: Pipeline


@dataclass(frozen=True)
class DrawnRun:
    """A run that is complete: its cases, its results in the order of drawing, and the verdicts on them."""

    run: Run
    cases: Mapping[int, Case]
    results: tuple[Result, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def size(self) -> int:
        """Returns the shorter side of its pictures in pixels."""
        return min(self.pixel_size)

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Returns width and height of its pictures in pixels."""
        request = self.run.settings["request"]
        return int(request["width"]), int(request["height"])


@dataclass(frozen=True)
class Report:
    """What an evaluation came to, and the runs that it is of."""

    figures: Figures
    drawn: DrawnRun
    reference: DrawnRun | None
    judges: tuple[str, ...]

    @property
    def uncompared(self) -> str:
        """Returns why no picture is compared with the reference's; "" where some are, or there is no reference."""
        if self.reference is None or self.figures.nearness is not None:
            return ""
        if self.reference.pixel_size != self.drawn.pixel_size:
            return "of another size, so they are not compared pixel by pixel"
        return "none in common, since no prompt is drawn by both with the same seed"

    @property
    def differences(self) -> list[str]:
        """Returns in words how the reference's settings differ."""
        return differences(self.reference.run.settings, self.drawn.run.settings) if self.reference else []


def evaluate(
    job: Job, judges: Judges, out: Path, reference: Job | None = None, ceiling: int = 200
) -> Iterator[Event | Report]:
    """Draws what is not there yet, reads it, and yields events and at last the report, which is then in the run's folder.

    `ceiling` is how many true renders tell what the judges can read; 0 leaves that out. Raises SdedgeError.
    """
    if judges.learned is None:
        yield Notice(
            f"There is no learned judge here, so one judge reads alone, and features are not compared; {Remedy.TRAIN_JUDGE}."
        )
    drawn = yield from _drawn(job, judges, out, DRAWING)
    verdicts: dict[str, list[Verdict]] = {RENDERS: [], RECONSTRUCTIONS: []}
    if ceiling:
        engine = job.pipeline.engine(job.evaluation.request)
        for event in read_ceiling(drawn.run, engine, judges, ceiling):
            if isinstance(event, dict):
                verdicts = event
            else:
                yield event
    for component in (Component.UNET, Component.TEXT_ENCODER, Component.VAE):
        job.pipeline.engine(job.evaluation.request).release(component)
    compared = None
    if reference is not None:
        compared = yield from _drawn(reference, judges, out, REFERENCE)
    yield Loading("figures")
    report = Report(_figures(drawn, compared, verdicts, judges), drawn, compared, tuple(judges.names.values()))
    write_json(report)
    yield report


def _drawn(job: Job, judges: Judges, out: Path, phase: str) -> Generator[Event, None, DrawnRun]:
    """Yields events, and returns the DrawnRun."""
    yield Loading("model")
    settings = settings_of(job.evaluation, job.pipeline)
    run = Run(out, settings["name"], settings)
    if phase == DRAWING and not run.is_there and (nearest := nearest_run(out, run)):
        name, lines = nearest
        yield Notice(f"Nothing was drawn with these settings yet, so this begins anew: {'; '.join(lines)} in {name}.")
    cases = job.evaluation.cases(judges.world)
    results: list[Result] = []
    with run.held():
        for event in draw(run, job.evaluation, job.pipeline, judges, cases, phase):
            if isinstance(event, Result):
                results.append(event)
            else:
                yield event
    results.sort(key=lambda result: result.key)
    verdicts = tuple(figure.verdict(r.index, cases[r.index].facts, r.answers, judges) for r in results)
    return DrawnRun(run, cases, tuple(results), verdicts)


def _figures(
    drawn: DrawnRun, reference: DrawnRun | None, ceiling: Mapping[str, list[Verdict]], judges: Judges
) -> Figures:
    cases, verdicts = drawn.cases, drawn.verdicts
    seconds = sorted(result.seconds for result in drawn.results)
    return Figures(
        prompts=len(cases),
        seeds=len({result.seed for result in drawn.results}),
        pictures=len(verdicts),
        seconds=seconds[len(seconds) // 2],
        facts=figure.rows(verdicts),
        unseen=figure.rows([v for v in verdicts if cases[v.prompt].unseen]),
        combinations=figure.combinations(cases, verdicts),
        by_value=figure.by_value(cases, verdicts, judges.world),
        renders=figure.rows(ceiling[RENDERS]),
        reconstructions=figure.rows(ceiling[RECONSTRUCTIONS]),
        features=figure.features(judges, cases, drawn.results, drawn.run.pixels, drawn.size),
        reference=figure.rows(reference.verdicts) if reference else {},
        nearness=_nearness(drawn, reference) if reference else None,
    )


def _nearness(drawn: DrawnRun, reference: DrawnRun) -> figure.Nearness | None:
    """Compares the pictures that both runs drew of the same prompts with the same seeds; None for none, and where their sizes
    differ.
    """
    others = {result.key: result for result in reference.results}
    if drawn.pixel_size != reference.pixel_size:
        return None
    pairs = ((drawn.run.pixels(r), reference.run.pixels(others[r.key])) for r in drawn.results if r.key in others)
    return figure.nearness(pairs)


def write_json(report: Report) -> Path:
    """Writes the figures with the settings they are of to the run's folder, and returns the file."""
    record: dict[str, Any] = {
        "settings": report.drawn.run.settings,
        "reference": report.reference.run.settings if report.reference else None,
        "judges": list(report.judges),
        "figures": report.figures.to_json(),
    }
    path = report.drawn.run.folder / REPORT
    with atomic_write(path) as file:
        file.write(json.dumps(record, indent=2).encode())
    return path
