"""The pictures that show what the embedded model draws: those of the app's first start, and the README's sheet.

python -m tests.example_pictures [--seed 7] [--only house ...]

They go into the tree, over those that are there: resources/examples/NAME.png and docs/images/pocket.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from gui.create.welcome import example_path
from sdedge.engines.open import load_engine
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.images.grid import grid
from sdedge.library.models import EMBEDDED
from sdedge.request import Request

EXAMPLES = {
    "house": "a blue house at night with two trees",
    "lighthouse": "a white lighthouse on the sea at sunset",
    "rocket": "a red rocket over the desert by day",
}
SHEET = (
    *EXAMPLES.values(),
    "a yellow castle on the snow with mountains while it is snowing",
    "two pink cats in the lavender at sunset",
    "a green umbrella to the left of a white dog on the street in the rain",
    "a pink balloon above a yellow boat on the sea by day",
    "three red mushrooms on the grass by day, with dark outlines",
)
"""What the README says below the sheet."""
README_SHEET = Path(__file__).parents[1] / "docs" / "images" / "pocket.png"


def draw(pipeline: Pipeline, prompt: str, seed: int) -> Picture:
    """Returns the picture of a prompt at the model's own size."""
    request = Request(prompt, model=EMBEDDED, seed=seed)
    return next(event for event in pipeline.images(request) if isinstance(event, Picture))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=[*EXAMPLES, "sheet"], default=[*EXAMPLES, "sheet"])
    options = parser.parse_args()
    pipeline = Pipeline(load_engine("cpu"))
    for name, prompt in EXAMPLES.items():
        if name in options.only:
            print(draw(pipeline, prompt, options.seed).save(example_path(name)))
    if "sheet" in options.only:
        pictures = [draw(pipeline, prompt, options.seed).pixels for prompt in SHEET]
        Image.fromarray(grid(pictures, columns=4)).save(README_SHEET, optimize=True)
        print(README_SHEET)


if __name__ == "__main__":
    main()
