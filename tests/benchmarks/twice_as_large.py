"""Of the facts that the embedded model's native pictures obey, how many a picture of twice the size obeys, by each way to it.

    python -m tests.benchmarks.twice_as_large [--cases 200] [--steps 20] [--ways tiled …] [--strength 0.2] [--guidance 1]

    tiled     image to image of the native picture, in windows of the native size
    latent, lanczos   hires fix by these enlargers, drawn as a whole
    windows   hires fix by Lanczos, its second pass in windows of the native size
    whole     drawn at twice the size at once, to see what the others are good for
    enlarged  by Lanczos alone
    autoencoder   enlarged, encoded and decoded, with nothing drawn: no way that draws again does much better

The judge reads the native picture and the large one. The aim is 95%. Strength and guidance are those of what is drawn again,
which runs the last steps of as many as the native picture has; `whole` is guided as that is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdedge.engines.open import load_engine
from sdedge.evaluation.intervals import interval
from sdedge.evaluation.world import world_of
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request
from sdedge.windows import Windows

Way = Callable[[Request, Path, dict[str, Any]], Request]
"""Turns the request of a native picture, which lies at a path, into that of the large one; changes are to what is drawn again."""


def twice(request: Request) -> dict[str, int]:
    """Returns the sides of a request, which are set, times two."""
    return {"width": 2 * (request.width or 0), "height": 2 * (request.height or 0)}


def hires(by: str) -> Way:
    def way(request: Request, native: Path, changes: dict[str, Any]) -> Request:
        assert request.steps is not None
        steps = max(1, round(changes["strength"] * request.steps))
        return request.replace(passes=(Pass(Changes({**changes, "steps": steps}), Enlargement(by, 2.0)),))

    return way


WAYS: dict[str, Way] = {
    "tiled": lambda request, native, changes: request.replace(
        **twice(request), image=str(native), windows=Windows(), **changes
    ),
    "latent": hires("latent"),
    "lanczos": hires("lanczos"),
    "windows": lambda request, native, changes: hires("lanczos")(request, native, changes).replace(windows=Windows()),
    "whole": lambda request, native, changes: request.replace(**twice(request)),
    "enlarged": lambda request, native, changes: hires("lanczos")(request, native, {**changes, "strength": 0.0}),
    "autoencoder": lambda request, native, changes: request.replace(**twice(request), image=str(native), strength=0.0),
}


def pixels(pipeline: Pipeline, request: Request) -> np.ndarray:
    return next(event.pixels for event in pipeline.images(request) if isinstance(event, Picture))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--strength", type=float, default=0.2)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--ways", nargs="+", default=[*WAYS], choices=[*WAYS])
    parser.add_argument("--model", default="pocket")
    options = parser.parse_args()
    pipeline = Pipeline(load_engine("cpu"))
    engine = pipeline.engine(Request("x", model=options.model))
    world = world_of(engine.tokenizer)
    size = {"width": engine.facts.width, "height": engine.facts.height}
    changes = {"strength": options.strength, "guidance": options.guidance}
    obeyed: dict[str, list[list[float]]] = {way: [] for way in options.ways}
    seconds = dict.fromkeys(options.ways, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        native = Path(folder) / "native.png"
        for seed in range(options.cases):
            case = world.case(seed, 0)
            request = Request(case.prompt, model=options.model, steps=options.steps, seed=seed, safety=False, **size)
            drawn = pixels(pipeline, request)
            Image.fromarray(drawn).save(native)
            shown = [name for name, is_so in world.compare(case.facts, world.read(drawn)).items() if is_so]
            for way in options.ways:
                begun = time.perf_counter()
                large = pixels(pipeline, WAYS[way](request, native, changes))
                seconds[way] += time.perf_counter() - begun
                assert large.shape[0] == 2 * drawn.shape[0]
                answers = world.compare(case.facts, world.read(large))
                obeyed[way].append([float(answers[name]) for name in shown])
            if (seed + 1) % 20 == 0 or seed + 1 == options.cases:
                tell(obeyed, seconds, seed + 1)


def tell(obeyed: dict[str, list[list[float]]], seconds: dict[str, float], cases: int) -> None:
    """Prints the table of the cases so far."""
    print(f"\n{cases} cases\n")
    print("| way | of the facts that the native picture obeys, % (95% interval) | s a picture |\n|---|---|---|")
    for way, answers in obeyed.items():
        print(f"| {way} | {interval([each for each in answers if each])} | {seconds[way] / cases:.1f} |", flush=True)


if __name__ == "__main__":
    main()
