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

from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.request import Request
from sdedge.training.illustrations.captions import prompt
from sdedge.training.illustrations.judge import score
from sdedge.training.illustrations.render import PARTS, render
from sdedge.training.illustrations.world import COLOURS, Scene, is_held_out, sample, unseen_pairs

MARGIN = 5  # pixels of surroundings in the mask, so that the object's own edge is inside


@dataclass(frozen=True)
class Result:
    """One object repainted."""

    prompt: str
    wanted: str
    seen: str
    kind: str
    outside_equal: bool
    pixels: np.ndarray

    @property
    def colour_right(self) -> bool:
        return self.seen == self.wanted

    @property
    def recognised(self) -> bool:
        """The geometric judge reads the wanted colour too, and the kind."""
        return all(score(self.pixels, {"kind": self.kind, "colour": self.wanted}).values())


def recolour(pipeline: Pipeline, cases: int, folder: Path, model: str = "pocket", side: int = 128) -> Iterator[Result]:
    """Render `cases` scenes of one object, mask it, ask for another colour, and look at the pixels."""
    rng = np.random.default_rng(0)
    for i in range(cases):
        before, after = _pair(rng)
        picture, mask = render(before, side), object_mask(before, side)
        Image.fromarray(picture).save(folder / "picture.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "mask.png")
        request = Request(
            prompt(after, rng), model=model, width=side, height=side, seed=i, strength=1.0, mask_blur=1.5,
            image=str(folder / "picture.png"), mask=str(folder / "mask.png"),
        )  # fmt: skip
        (drawn,) = (event.pixels for event in pipeline.images(request) if isinstance(event, Picture))
        equal = np.array_equal(drawn[~mask], picture[~mask])
        yield Result(request.prompt, after.colour, colour_inside(drawn, after), after.kind, equal, drawn)


def _pair(rng: np.random.Generator) -> tuple[Scene, Scene]:
    """A training scene of one object, and the same with another colour that training may have seen and named too."""
    while True:
        before = sample(rng)
        if before.count > 1 or before.relation:
            continue
        others = [replace(before, colour=colour) for colour in COLOURS if colour != before.colour]
        seen = [scene for scene in others if not is_held_out(scene) and not unseen_pairs(scene.facts)]
        if seen:
            return before, seen[int(rng.integers(len(seen)))]


def object_mask(scene: Scene, side: int) -> np.ndarray:
    """Where the object is, and a margin around it: bool (side, side)."""
    change = np.abs(render(scene, side).astype(int) - render(scene, side, PARTS - {"things"})).max(-1) > 0
    grown = Image.fromarray(change.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * MARGIN + 1))
    return np.asarray(grown) > 0


def colour_inside(drawn: np.ndarray, scene: Scene) -> str:
    """The colour in which the object's painted pixels, rendered, are nearest to the drawing."""
    renders = {colour: render(replace(scene, colour=colour), drawn.shape[0]).astype(float) for colour in COLOURS}
    painted = np.ptp(np.stack(list(renders.values())), axis=0).mean(-1) > 70
    distance = {colour: np.abs(drawn[painted] - image[painted]).mean() for colour, image in renders.items()}
    return min(distance, key=distance.__getitem__)


def main(cases: int = 50) -> None:
    from sdedge.engines.open import load_engine

    with tempfile.TemporaryDirectory() as folder:
        results = list(recolour(Pipeline(load_engine()), cases, Path(folder)))
    names = ("colour_right", "recognised", "outside_equal")
    right, recognised, equal = (sum(getattr(result, name) for result in results) for name in names)
    for result in results:
        if not result.colour_right:
            print(f"  {result.prompt}: saw {result.seen}")
    print(f"colour right {right}/{cases} (whole object recognised {recognised}), nothing else changed {equal}/{cases}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
