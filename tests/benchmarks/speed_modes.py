"""What each way of saving time costs on the embedded model, and what it saves at full v1 size.

    python -m tests.benchmarks speed_modes
    python -m tests.benchmarks.speed_modes --prompts 12 --folder DIR

Quality: facts obeyed over held-out prompts (the geometric judge) and PSNR to the exact picture of the same settings.
Time: the UNet calls of a 512x512 picture with guidance, from seconds per call of a model of random weights.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sdedge import catalog
from sdedge.engines.open import load_engine
from sdedge.evaluation.obedience import obedience
from sdedge.evaluation.tally import Tally
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.sample import make_plan
from sdedge.models import reuse
from sdedge.models.unet_inputs import TokenMerging, UNetInputs
from sdedge.request import Request
from tests.benchmarks.support.random_models import make_model

GUIDANCE = 4.0  # the embedded model's
MERGED = (0.0, 0.5, 0.75)


@dataclass(frozen=True)
class Way:
    """One way to draw: settings of a SpeedInfo, of the request, and the outer layers."""

    name: str
    speed: dict[str, Any]
    request: dict[str, Any]
    depth: int = 1


FASTEST = catalog.SPEEDS["fastest"]
WAYS = (
    Way("exact", {}, {}),
    Way("reuse 2", {"reuse": 2}, {}),
    Way("reuse 2, 2 layers", {"reuse": 2}, {}, 2),
    Way("reuse 2, 3 layers", {"reuse": 2}, {}, 3),
    Way("reuse 3", {"reuse": 3}, {}),
    Way("reuse 3, 2 layers", {"reuse": 3}, {}, 2),
    Way("half the tokens merged", {"merge": 0.5}, {}),
    Way("three quarters merged", {"merge": 0.75}, {}),
    Way("reuse 2, half merged (fast)", {"reuse": 2, "merge": 0.5}, {}),
    Way("guidance above 0.5", {"guide_above": 0.5}, {}),
    Way("15 steps", {}, {"steps": 15}),
    Way("12 steps", {}, {"steps": 12}),
    Way("reuse 2, guidance above 0.5", {"reuse": 2, "guide_above": 0.5}, {}),
    Way("fastest, none merged", {"reuse": 2, "guide_above": 0.5}, {"steps": 12}),
    Way(
        "fastest",
        {name: getattr(FASTEST, name) for name in ("reuse", "guide_above", "merge")},
        {"steps": FASTEST.steps},
    ),
)


@contextmanager
def taking(way: Way) -> Iterator[Request]:
    """Within: the request that draws a way, its settings in place of the speed "fast"."""
    preset, depth = catalog.SPEEDS["fast"], reuse.full.__defaults__
    catalog.SPEEDS["fast"] = replace(catalog.SPEEDS["exact"], name="fast", **way.speed)
    reuse.full.__defaults__ = reuse.outer.__defaults__ = (way.depth,)
    try:
        yield Request(prompt="a red house", guidance=GUIDANCE, speed="fast", **way.request)
    finally:
        catalog.SPEEDS["fast"] = preset
        reuse.full.__defaults__ = reuse.outer.__defaults__ = depth


def quality(pipeline: Pipeline, way: Way, prompts: int) -> tuple[np.ndarray, dict[str, float]]:
    """The pictures (N, H, W, 3) of held-out prompts, and the shares of facts obeyed."""
    tally, pictures = Tally(), []
    with taking(way) as request:
        for drawn in obedience(pipeline, request, prompts, seeds=(1,)):
            tally.add(drawn.answers)
            pictures.append(drawn.pixels.astype(np.float32))
    return np.stack(pictures), tally.fractions()


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) each -> dB per picture; equal ones count as 78."""
    error = ((a - b) ** 2).mean((1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(error, 1e-3))


def call_seconds(model: Path) -> dict[tuple[int, int, float], float]:
    """Seconds of a UNet call at 512x512 by (rows, outer layers run alone, 0 for the whole, share of tokens merged)."""
    engine = load_engine("cpu", memory="fast")(str(model), None)
    seconds = {}
    for rows in (2, 1):
        tensors = torch.randn(rows, 4, 64, 64), torch.full((rows,), 500.0), torch.randn(rows, 77, 768)
        for depth, merged in product((0, 1, 2, 3), MERGED):
            inputs = UNetInputs(*tensors, edits=(TokenMerging(merged),) if merged else ())
            reuse.full.__defaults__ = reuse.outer.__defaults__ = (depth or 1,)
            features = engine.predict_partly(inputs)[1] if depth else None
            seconds[rows, depth, merged] = _fastest(partial(engine.predict_partly, inputs, features))
    reuse.full.__defaults__ = reuse.outer.__defaults__ = (1,)
    return seconds


def _fastest(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def picture_seconds(way: Way, calls: dict[tuple[int, int, float], float], pipeline: Pipeline) -> float:
    """Seconds that all UNet calls of a picture take: whole or in part, with guidance or without."""
    with taking(way) as request:
        steps, info = make_plan(request, pipeline.engine(request).facts), catalog.SPEEDS[request.speed]
    total, last = 0.0, None
    for i, sigma in enumerate(steps.sigmas[:-1]):
        rows = 2 if sigma >= info.guide_above else 1
        is_full = last != (i // info.reuse, rows)
        last = (i // info.reuse, rows)
        total += calls[rows, 0 if is_full else way.depth, info.merge]
    return total


def decoder_seconds(model: Path) -> tuple[float, float]:
    """Seconds to decode 512x512 by v1's VAE and by TAESD's decoder in the same dtype."""
    from sdedge.models.taesd import TinyConfig, TinyVAE

    engine = load_engine("cpu", memory="fast")(str(model), None)
    latents = torch.randn(1, 4, 64, 64)
    tiny = TinyVAE(TinyConfig()).eval().to(engine.dtype)
    with torch.inference_mode():
        return _fastest(lambda: engine.decode(latents)), _fastest(lambda: tiny.decode(latents.to(engine.dtype)))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="Where the random model is kept; a temporary folder by default.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        model = make_model(options.folder or Path(temporary))
        calls = call_seconds(model)
        columns = [(rows, merged) for rows in (2, 1) for merged in MERGED]
        print(
            "| UNet call at 512x512, s | "
            + " | ".join(f"{rows} rows, {merged:.0%} merged" for rows, merged in columns)
            + " |"
        )
        print("|---" * (1 + len(columns)) + "|")
        for depth, name in enumerate(("whole", "1 outer layer", "2 outer layers", "3 outer layers")):
            print(
                f"| {name} | {' | '.join(f'{calls[rows, depth, merged]:.2f}' for rows, merged in columns)} |",
                flush=True,
            )
        vae, tiny = decoder_seconds(model)
        print(f"\nDecoding 512x512: VAE {vae:.2f} s, TAESD {tiny:.2f} s.\n", flush=True)
    pipeline = Pipeline(load_engine("cpu", "float32"))
    exact, base = None, picture_seconds(WAYS[0], calls, pipeline)
    print("| way | facts | all of them | PSNR median, dB | worst tenth | UNet time | of exact |\n" + "|---" * 7 + "|")
    for way in WAYS:
        pictures, fractions = quality(pipeline, way, options.prompts)
        exact = pictures if exact is None else exact
        near, seconds = psnr(pictures, exact), picture_seconds(way, calls, pipeline)
        obeyed = f"{100 * fractions['mean']:.1f} | {100 * fractions['all']:.1f}"
        nearness = f"{np.median(near):.1f} | {np.percentile(near, 10):.1f}"
        print(f"| {way.name} | {obeyed} | {nearness} | {seconds:.1f} s | {seconds / base:.2f} |", flush=True)


if __name__ == "__main__":
    main()
