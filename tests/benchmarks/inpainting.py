"""Objects of known scenes painted in another colour: is the colour there, and is everything outside untouched?

    python -m tests.benchmarks.inpainting [cases]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from sdedge.pipeline import Picture, Pipeline
from sdedge.request import Request
from sdedge.training.checker import read
from sdedge.training.render import PARTS, render
from sdedge.training.scenes import COLOURS, Scene, caption, is_held_out, sample

MARGIN = 5  # pixels of surroundings in the mask, so that the object's own edge is inside


@dataclass(frozen=True)
class Result:
    """One object repainted."""

    prompt: str
    wanted: str
    seen: str | None
    outside_equal: bool
    pixels: np.ndarray

    @property
    def colour_right(self) -> bool:
        return self.seen == self.wanted


def recolour(pipeline: Pipeline, cases: int, folder: Path, model: str = "pocket", seed: int = 0) -> Iterator[Result]:
    """Render `cases` scenes, mask their objects, ask for another colour, and look at the pixels."""
    rng = np.random.default_rng(seed)
    side = pipeline.engine(Request(model=model)).facts.width
    for i in range(cases):
        before, after = _pair(rng)
        picture, mask = render(before, side), object_mask(before, side)
        Image.fromarray(picture).save(folder / "picture.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "mask.png")
        request = Request(
            caption(after, rng, complete=True), model=model, seed=i, strength=1.0, mask_blur=1.5,
            image=str(folder / "picture.png"), mask=str(folder / "mask.png"),
        )  # fmt: skip
        (drawn,) = (event.pixels for event in pipeline.images(request) if isinstance(event, Picture))
        equal = np.array_equal(drawn[~mask], picture[~mask])
        yield Result(request.prompt, after.colour, read(drawn)["colour"], equal, drawn)


def _pair(rng: np.random.Generator) -> tuple[Scene, Scene]:
    """A training scene, and the same with another colour that training may have seen too."""
    while True:
        before = sample(rng)
        others = [replace(before, colour=colour) for colour in COLOURS if colour != before.colour]
        seen = [scene for scene in others if not is_held_out(scene)]
        if seen:
            return before, seen[int(rng.integers(len(seen)))]


def object_mask(scene: Scene, side: int) -> np.ndarray:
    """Where the object is, and a margin around it: bool (side, side)."""
    change = np.abs(render(scene, side).astype(int) - render(scene, side, PARTS - {"object"})).max(-1) > 0
    grown = Image.fromarray(change.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * MARGIN + 1))
    return np.asarray(grown) > 0


def main(cases: int = 50) -> None:
    from sdedge.engines import load_engine

    with tempfile.TemporaryDirectory() as folder:
        results = list(recolour(Pipeline(load_engine()), cases, Path(folder)))
    right, equal = (sum(getattr(r, name) for r in results) for name in ("colour_right", "outside_equal"))
    for result in results:
        if not result.colour_right:
            print(f"  {result.prompt}: saw {result.seen}")
    print(f"colour right {right}/{cases}, nothing outside changed {equal}/{cases}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
