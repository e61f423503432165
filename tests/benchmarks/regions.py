"""How often each of two regions of one picture shows what its own prompt says, on the embedded model.

    python -m tests.benchmarks.regions [--cases 200] [--steps 20] [--by native attention prediction] [--base 0] [--model pocket]

Two held-out prompts of the model's world are drawn into the left and the right half of a picture that is twice as wide as the
native one, and the judge reads each half. The two have the same surroundings and other objects. Beside it stand the same prompts
as native pictures. `--whole` draws the picture with one prompt that names both instead of regions, to see what they are good for.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdedge.engines.open import load_engine
from sdedge.evaluation.intervals import interval
from sdedge.evaluation.world import Case, World, world_of
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.regions import NAMED, Region, RegionMethod
from sdedge.request import Request

INTERVAL = 20  # cases after which it is told how it stands, as it may be ended
NATIVE, ONE_PROMPT = "native", "one prompt"
OBJECT = ("kind", "colour")
OF_OBJECTS = (*OBJECT, "count", "relation", "other_kind", "other_colour")
"""The facts that are no surroundings."""


def pairs(world: World, count: int, seed: int = 0) -> Iterator[tuple[Case, Case]]:
    """Yields pairs of prompts of one object each, of other kinds and colours in the same surroundings."""
    waiting: dict[tuple[Any, ...], list[Case]] = defaultdict(list)
    for index in itertools.count():
        case = world.case(index, seed)
        facts = case.facts
        if facts.get("relation", "none") != "none" or facts.get("count", 1) != 1:
            continue
        key = tuple(sorted((name, value) for name, value in facts.items() if name not in OF_OBJECTS))
        partner = next((each for each in waiting[key] if _differ(each, case)), None)
        if partner is None:
            waiting[key].append(case)
            continue
        waiting[key].remove(partner)
        yield partner, case
        count -= 1
        if not count:
            return


def _differ(a: Case, b: Case) -> bool:
    return all(a.facts.get(name) != b.facts.get(name) for name in OBJECT)


def pixels(pipeline: Pipeline, request: Request) -> np.ndarray:
    return next(event.pixels for event in pipeline.images(request) if isinstance(event, Picture))


@dataclass(frozen=True)
class Obeyed:
    """Whether a part of a picture shows its object, and the fraction of its facts that it shows."""

    is_object: bool
    facts: float


def judge(world: World, case: Case, part: np.ndarray) -> Obeyed:
    obeyed = world.compare(case.facts, world.read(part))
    return Obeyed(all(obeyed[name] for name in OBJECT if name in obeyed), sum(obeyed.values()) / len(obeyed))


def line(name: str, results: Sequence[Obeyed], pictures: int, seconds: float) -> str:
    objects = interval([[float(each.is_object)] for each in results])
    facts = interval([[each.facts] for each in results])
    return f"| {name} | {objects} | {facts} | {seconds / pictures:.1f} |"


def with_regions(request: Request, pair: tuple[Case, Case], by: str, base: float) -> Request:
    areas = zip(pair, (NAMED["left"], NAMED["right"]), strict=True)
    return request.replace(
        regions=tuple(Region(case.prompt, area, base=base, by=RegionMethod(by)) for case, area in areas)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--by", nargs="+", default=[NATIVE, *RegionMethod])
    parser.add_argument("--base", type=float, default=0.0)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    pipeline = Pipeline(load_engine("cpu"))
    engine = pipeline.engine(Request("x", model=options.model))
    world, (width, height) = world_of(engine.tokenizer), (engine.facts.width, engine.facts.height)
    settings = {"model": options.model, "steps": options.steps, "safety": False}
    cases = [*pairs(world, options.cases)]
    print("| how | the region's object, % (95% interval) | its facts, % | s a picture |\n|---|---|---|---|")
    ways = [*options.by, *([ONE_PROMPT] if options.whole else [])]
    for way in ways:
        results: list[Obeyed] = []
        begun = time.perf_counter()
        for seed, pair in enumerate(cases):
            if way == NATIVE:
                parts = [pixels(pipeline, Request(case.prompt, seed=seed, **settings)) for case in pair]
            else:
                both = f"{pair[0].prompt} and {pair[1].prompt}"
                request = Request(both, width=2 * width, height=height, seed=seed, **settings)
                drawn = pixels(
                    pipeline, request if way == ONE_PROMPT else with_regions(request, pair, way, options.base)
                )
                parts = [drawn[:, :width], drawn[:, width:]]
            results += [judge(world, case, part) for case, part in zip(pair, parts, strict=True)]
            if (seed + 1) % INTERVAL == 0 and seed + 1 < len(cases):
                print(f"after {seed + 1}: {line(way, results, seed + 1, time.perf_counter() - begun)}", file=sys.stderr)
        print(line(way, results, len(cases), time.perf_counter() - begun), flush=True)


if __name__ == "__main__":
    main()
