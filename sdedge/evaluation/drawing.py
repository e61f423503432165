"""Draws the cases of an evaluation through the pipeline that draws everything else, and lets the judges read the pictures."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

import sdedge
from sdedge.errors import InvalidRequest, ModelError
from sdedge.evaluation.judge_network import LearnedJudge
from sdedge.evaluation.runs import Result, Run
from sdedge.evaluation.world import Answers, Case, World
from sdedge.events import Event, Notice, Progress, Step
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.library.imports import examine, hash_file, hash_of_folder
from sdedge.request import Request
from sdedge.request_fields import SEEDS

GEOMETRIC, LEARNED = "geometric", "learned"


@dataclass(frozen=True)
class Judges:
    """The judge that measures shapes and colours, and the one that learned to read renders, where it is there."""

    world: World
    learned: LearnedJudge | None = None

    @property
    def names(self) -> dict[str, str]:
        """Returns each judge's name in results, which tells its version, by what it is called."""
        names = {GEOMETRIC: f"{GEOMETRIC} {self.world.version}"}
        return names | ({LEARNED: f"{LEARNED} {self.learned.version}"} if self.learned else {})

    def read(self, pixels: np.ndarray) -> dict[str, Answers]:
        """Returns what each judge reads in a picture, uint8 (H, W, 3)."""
        names = self.names
        answers = {names[GEOMETRIC]: self.world.read(pixels)}
        if self.learned:
            answers[names[LEARNED]] = self.learned.read([pixels])[0]
        return answers


@dataclass(frozen=True)
class Evaluation:
    """What is to be drawn: so many held-out prompts with so many seeds each, in the way of one request.

    `request` is the setting; its prompt and seed are replaced. LoRAs are files with their weights. Raises InvalidRequest for a
    first seed that is none.
    """

    request: Request
    prompts: int = 200
    seeds: int = 1
    prompt_seed: int = 0
    first_seed: int = 1
    batch: int = 1
    loras: tuple[tuple[Path, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.first_seed < SEEDS:
            raise InvalidRequest(
                f"The seed {self.first_seed} leaves the pictures to chance or is out of range, and what is measured has to be "
                f"drawn again; choose from 0 to {SEEDS - 1}.",
                field="seed",
            )

    def cases(self, world: World) -> dict[int, Case]:
        """Returns the cases by their index."""
        return {index: world.case(index, self.prompt_seed) for index in range(self.prompts)}

    def keys(self) -> list[tuple[int, int]]:
        """Returns the case and seed of every picture, in the order of drawing; after the last seed comes 0."""
        seeds = [(self.first_seed + number) % SEEDS for number in range(self.seeds)]
        return [(index, seed) for index in range(self.prompts) for seed in seeds]

    def prompt(self, case: Case) -> str:
        """Returns the prompt that is drawn: a case's, and the tags of the LoRAs.

        Raises InvalidRequest for a path that no tag can hold.
        """
        tags = ""
        for path, weight in self.loras:
            if re.search(r"[:<>]", str(path.absolute())):
                raise InvalidRequest(f"A prompt cannot name the LoRA {path}; rename it, without ':', '<' and '>'.")
            tags += f" <lora:{path.absolute()}:{weight:g}>"
        return case.prompt + tags


def settings_of(evaluation: Evaluation, pipeline: Pipeline) -> dict[str, Any]:
    """Returns everything that determines the pictures but for their number: what a run is kept under, as JSON holds it.

    Loads the model. Raises ModelError and InvalidRequest.
    """
    request = evaluation.request.replace(seed=evaluation.first_seed)
    resolved = pipeline.resolve(request)
    record = json.loads(resolved.to_json())
    for name in ("prompt", "seed", "model", "vae"):
        record.pop(name, None)
    engine = pipeline.engine(request)
    models = {"weights": fingerprint(request.model)} | (
        {"vae weights": fingerprint(request.vae)} if request.vae else {}
    )
    return {
        "name": engine.facts.name,
        **models,
        "engine": engine.description,
        "request": {**record, "guidance": resolved.guidance, "width": resolved.width, "height": resolved.height},
        "loras": [[hash_file(path).sha256[:16], weight] for path, weight in evaluation.loras],
        "prompts": evaluation.prompt_seed,
        "sdedge": sdedge.__version__,
    }


def fingerprint(model: str) -> str:
    """Returns a digest of a model's weights and configurations, whatever its container. Raises ModelError."""
    from sdedge.engines.open import locate

    source = examine(locate(model))
    if not source.files:
        raise ModelError(f"{model} holds no files to evaluate; get the model again.")
    return hash_of_folder({place: hash_file(Path(file)) for place, file in source.files.items()})[:16]


def draw(
    run: Run, evaluation: Evaluation, pipeline: Pipeline, judges: Judges, cases: Mapping[int, Case], phase: str
) -> Iterator[Event | Result]:
    """Yields the result of every picture of a run: those that are there at once, the others as they are drawn.

    Every picture and its result are on disk before it is yielded: a process that is killed loses only those in work.
    """
    keys, there = evaluation.keys(), run.results(cases)
    present = [key for key in keys if key in there]
    for key in present:
        yield _read_again(run, there[key], judges)
    done, total = len(present), len(keys)
    yield Progress(phase, done, total)
    missing = [key for key in keys if key not in there]
    noticed: set[str] = set()
    for index, group in groupby(missing, key=lambda key: key[0]):
        for first, count in _consecutive([seed for _, seed in group]):
            for event in _draw_case(run, evaluation, pipeline, judges, cases[index], first, count):
                if isinstance(event, Result):
                    done += 1
                    yield event
                    yield Progress(phase, done, total)
                elif event.message not in noticed:  # every request says it anew
                    noticed.add(event.message)
                    yield event


def _draw_case(
    run: Run, evaluation: Evaluation, pipeline: Pipeline, judges: Judges, case: Case, first: int, count: int
) -> Iterator[Notice | Result]:
    """Draws one prompt with consecutive seeds, and keeps each picture and its result as it comes."""
    request = evaluation.request.replace(prompt=evaluation.prompt(case), seed=first)
    clock = _Clock()
    for event in pipeline.images(request, count=count, batch=evaluation.batch):
        if isinstance(event, Step):
            clock.see(event)
        elif isinstance(event, Picture):
            seconds = clock.picture()
            event.save(run.picture_path(case.index, event.seed))
            result = Result(case.index, event.seed, case.prompt, round(seconds, 3), judges.read(event.pixels))
            run.append(result)
            yield result
            clock.restart()
        elif isinstance(event, Notice):
            yield event


class _Clock:
    """Tells how many seconds each picture took: its share of what its batch took together, and what it took alone.

    Together pictures are denoised; they are decoded, enlarged and drawn over one by one.
    """

    def __init__(self) -> None:
        self._together = 0.0  # seconds of a picture's share
        self._left = 0  # the batch's pictures that are not there yet
        self.restart()

    def restart(self) -> None:
        """Begins to count here, after what is no part of drawing."""
        self._start = time.perf_counter()

    def see(self, step: Step) -> None:
        """Divides what passed until a step among the pictures that took it together."""
        if step.size > 1:
            self._left = self._left or step.size
            self._together += self._lap() / step.size

    def picture(self) -> float:
        """Returns the seconds of the picture that is there now."""
        seconds = self._together + self._lap()
        self._left -= 1
        if self._left <= 0:
            self._together, self._left = 0.0, 0
        return seconds

    def _lap(self) -> float:
        start, self._start = self._start, time.perf_counter()
        return self._start - start


def _read_again(run: Run, result: Result, judges: Judges) -> Result:
    """Returns a result that was kept, read by the judges of today where they are others than those of its day."""
    if all(name in result.answers for name in judges.names.values()):
        return result
    again = replace(result, answers=judges.read(run.pixels(result)))
    run.append(again)  # of two lines the later one counts
    return again


def _consecutive(seeds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields the runs of consecutive numbers among rising ones, as the first and how many."""
    for _, run in groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0]):
        members = [seed for _, seed in run]
        yield members[0], len(members)
