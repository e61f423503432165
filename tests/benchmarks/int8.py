"""What int8 loses on the embedded model: facts obeyed, and PSNR to the pictures in float32.

python -m tests.benchmarks int8
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from sdedge.engines.open import EMBEDDED, load_engine, locate
from sdedge.evaluation.obedience import Judged, fraction_obeyed, obedience
from sdedge.evaluation.tally import Tally
from sdedge.events import Loading
from sdedge.generation.int8_recipe import psnr, quantize
from sdedge.generation.pipeline import Pipeline
from sdedge.request import Request

PROMPTS, SEEDS = 10, (1, 2, 3)


def main() -> None:
    """Print one line for each format."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "pocket8"
        for event in quantize(locate(EMBEDDED), model, obeys=fraction_obeyed):
            if not isinstance(event, Loading):
                print(f"{len(event.ranges)} layers in int8, {len(event.floating)} kept for their error\n")
        drawn: dict[str, list[Judged]] = {}
        for dtype in ("float32", "bfloat16", "int8"):
            request = Request("", model=str(model), steps=20)
            drawn[dtype] = list(obedience(Pipeline(load_engine("cpu", dtype)), request, PROMPTS, SEEDS))
    print(
        "| format | facts obeyed | pictures with all right | PSNR to float32, dB: median | lowest |\n|---|---|---|---|---|"
    )
    for dtype, pictures in drawn.items():
        tally = Tally()
        for picture in pictures:
            tally.add(picture.answers)
        fractions = tally.fractions()
        near = [psnr(a.pixels, b.pixels) for a, b in zip(drawn["float32"], pictures, strict=True)]
        print(
            f"| {dtype} | {fractions['mean']:.1%} | {fractions['all']:.1%} | {statistics.median(near):.1f} | {min(near):.1f} |"
        )


if __name__ == "__main__":
    main()
