"""What PAG, APG and FreeU do on the embedded model: facts obeyed, and how much pictures of one prompt differ.

    python -m tests.benchmarks guides
    python -m tests.benchmarks.guides --prompts 20 --seeds 2 --folder DIR

Diversity compares features of the learned judge, where there is one; difference is of pixels, in 255 levels. Every row is a run
of `sdedge evaluate` with `--guide`; cut off, the same command goes on in the folder.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from sdedge.engines.open import find_tokenizer, load_engine
from sdedge.evaluation.drawing import Evaluation, Judges
from sdedge.evaluation.figures import ALL, MEAN
from sdedge.evaluation.judge_network import find_judge
from sdedge.evaluation.measure import Job, Report, evaluate
from sdedge.evaluation.world import world_of
from sdedge.generation.pipeline import Pipeline
from sdedge.guides import parse_guide
from sdedge.request import Request

MODEL = "pocket"


@dataclass(frozen=True)
class Way:
    """One way to guide: a guidance scale, None for the model's, and guides as they are typed."""

    guidance: float | None = None
    guides: tuple[str, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        return " + ".join((f"guidance {self.guidance or 'of the model'}", *self.guides))

    @property
    def request(self) -> Request:
        guides = tuple(map(parse_guide, self.guides))
        return Request("a scene", model=MODEL, guidance=self.guidance, guides=guides, **dict(self.more))


WAYS = (
    Way(), Way(guides=("pag:3",)), Way(guides=("apg",)), Way(guides=("freeu",)), Way(12.0), Way(12.0, ("apg",)),
    Way(12.0, ("apg:0,7.5,-0.75",)), Way(1.0), Way(1.0, ("pag:3",)), Way(guides=("pag:1",)),
    Way(guides=("freeu:1.1,1.2,0.9,0.6",)), Way(guides=("pag:3", "apg")),
)  # fmt: skip


def measured(way: Way, pipeline: Pipeline, options: argparse.Namespace) -> Report:
    """Returns the report of a way."""
    world = world_of(find_tokenizer(MODEL))
    judges = Judges(world, find_judge(None, world.values))
    request = way.request.replace(steps=options.steps)
    job = Job(Evaluation(request, prompts=options.prompts, seeds=options.seeds, batch=options.seeds), pipeline)
    return next(event for event in evaluate(job, judges, options.folder, None, 0) if isinstance(event, Report))


def line(way: Way, report: Report) -> str:
    """Returns a row of the table: facts obeyed, and every one at once, by each judge, and diversity over seeds."""
    figures = report.figures
    cells = [f"{mean} | {every}" for mean, every in zip(*(figures.facts[row].obeyed.values() for row in (MEAN, ALL)))]
    diversity = None if figures.features is None else figures.features.diversity
    apart = "" if diversity is None else f"{100 * diversity:.0f}%"
    return f"| {way.name} | {' | '.join(cells)} | {apart} | {difference(report):.1f} |"


def difference(report: Report) -> float:
    """Returns by how many of 255 levels two pictures of one prompt differ in the mean."""
    by_prompt: dict[int, list[np.ndarray]] = {}
    for result in report.drawn.results:
        by_prompt.setdefault(result.index, []).append(report.drawn.run.pixels(result).astype(np.float32))
    pairs = [np.abs(a - b).mean() for pictures in by_prompt.values() for a, b in combinations(pictures, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("evaluations"))
    options = parser.parse_args()
    pipeline = Pipeline(load_engine("cpu"))
    for i, way in enumerate(WAYS):
        report = measured(way, pipeline, options)
        if i == 0:
            judges = list(next(iter(report.figures.facts.values())).obeyed)
            heads = [f"facts, {judge} | all at once" for judge in judges]
            print(f"| | {' | '.join(heads)} | diversity | difference |\n|{'---|' * (2 * len(judges) + 3)}")
        print(line(way, report), flush=True)


if __name__ == "__main__":
    main()
