"""The facts of a scene read back from the pixels alone, so that obedience can be measured without a human.

Every attribute is judged by itself against what `render` draws: time from the top strip, ground from the bottom one,
mountains from the two windows beside the object, trees by counting dark green columns, kind and colour by comparing
the object's silhouette with each kind in each colour. What resembles nothing that is drawn reads as None.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from sdedge.training import render
from sdedge.training.scenes import COLOURS, FACTS, GROUNDS, KINDS, TIMES, Scene, grounds_of

SIDE = 64  # pixels at which everything but the trees is compared
TREE_SIDE = 128
SHIFTS = tuple((dx, dy) for dx in (-2, -1, 0, 1, 2) for dy in (-2, -1, 0, 1, 2))  # pixels at SIDE
NEAR = 48.0  # Euclidean RGB distance beyond which a strip is no known sky or ground
OBJECT_RESIDUAL = 34.0  # mean absolute RGB difference of a whole object that still counts as one
OBJECT_GAIN = 0.62  # and at most this share of what the empty scene leaves in the same place
PART_GAIN = 0.75  # the same for its painted part, its timber, and (against the paint) the band around it
COLOUR_MARGIN = 0.88  # a colour must fit this much better than the next


def read_facts(image: np.ndarray) -> dict[str, Any]:
    """The facts seen in a picture, uint8 (H, W, 3) of any size: kind, colour, time, ground, mountains, trees.

    An attribute that cannot be told is None.
    """
    picture = Image.fromarray(np.asarray(image, dtype=np.uint8)).convert("RGB")
    small = _shrunk(picture, SIDE)
    facts: dict[str, Any] = dict.fromkeys(FACTS)
    facts["time"] = time = _nearest(small[: round(0.05 * SIDE)], {t: render.SKY[t][0] for t in TIMES})
    if time is None:
        return facts
    strip = slice(round(0.92 * SIDE), SIDE)
    facts["ground"] = _nearest(small[strip], {g: _average(_empty(time, g, False, SIDE)[strip]) for g in GROUNDS})
    ground = facts["ground"] or "grass"  # the sky and the object can be judged over any ground
    facts["mountains"] = _read_mountains(small, time, ground)
    mountains = bool(facts["mountains"])
    facts["kind"], facts["colour"] = _read_object(small, time, _empty(time, ground, mountains, SIDE))
    facts["trees"] = _count_trees(picture, time, ground, mountains)
    return facts


def score(image: np.ndarray, facts: dict[str, Any]) -> dict[str, bool]:
    """Which of the stated facts the picture shows: one bool for each key of `facts`."""
    answers = read_facts(image)
    return {name: answers[name] == value for name, value in facts.items()}


def _shrunk(picture: Image.Image, side: int) -> np.ndarray:
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX), dtype=np.float32)  # (side, side, 3)


def _average(area: np.ndarray) -> tuple[float, ...]:
    return tuple(np.median(area.reshape(-1, 3), axis=0))


def _nearest(area: np.ndarray, palette: dict[str, Any]) -> str | None:
    """The palette's name whose colour is nearest to the area's median, or None where none is near."""
    colour = np.asarray(_average(area))
    distances = {name: float(np.linalg.norm(colour - np.asarray(value))) for name, value in palette.items()}
    best = min(distances, key=distances.__getitem__)
    return best if distances[best] < NEAR else None


@cache
def _empty(time: str, ground: str, mountains: bool, side: int) -> np.ndarray:
    """The scene without object and trees, averaged over the sides of the sun: float32 (side, side, 3)."""
    scenes = [Scene("balloon", "red", time, ground, mountains, 0, sun_side=sun) for sun in ("left", "right")]
    drawn = [render.render(scene, side, frozenset({"mountains"})) for scene in scenes]
    return np.stack(drawn).astype(np.float32).mean(0)


def _moved(image: np.ndarray) -> np.ndarray:
    """The image under every small shift: (S, H, W, 3)."""
    return np.stack([np.roll(image, shift, axis=(1, 0)) for shift in SHIFTS])


# ---- Mountains --------------------------------------------------------------------------------------------------


@cache
def _mountain_windows(time: str) -> np.ndarray:
    """Where mountains change the picture, beside every object and above the trees: bool (SIDE, SIDE)."""
    change = np.abs(_empty(time, "grass", True, SIDE) - _empty(time, "grass", False, SIDE)).mean(-1) > 12
    x, y = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE, (np.arange(SIDE) + 0.5) / SIDE)
    return change & (np.abs(x - 0.5) > 0.25) & (y > 0.36) & (y < 0.56)


def _read_mountains(small: np.ndarray, time: str, ground: str) -> bool | None:
    window = _mountain_windows(time)
    seen = _moved(small)[:, window]  # (S, P, 3)
    residual = [np.abs(seen - _empty(time, ground, there, SIDE)[window]).mean((1, 2)).min() for there in (False, True)]
    return None if min(residual) > OBJECT_RESIDUAL else bool(residual[1] < residual[0])


# ---- The object -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Likeness:
    """A kind of object in every colour, in the light of one time; masks are bool (SIDE, SIDE)."""

    painted: np.ndarray  # the mask of what has the object's colour: walls, sails, envelope
    timber: np.ndarray  # the mask of what is the same in every colour: roof and door, hull, basket
    around: np.ndarray  # the mask of a narrow band outside the object
    paint: np.ndarray  # float32 (colours, P, 3): the painted pixels in each colour
    brown: np.ndarray  # float32 (Q, 3): the others


@cache
def _likeness(kind: str, time: str) -> Likeness:
    ground = grounds_of(kind)[0]
    bare = render.render(Scene(kind, "red", time, ground), SIDE, frozenset()).astype(np.float32)
    drawn = np.stack([render.render(Scene(kind, colour, time, ground), SIDE) for colour in COLOURS]).astype(np.float32)
    change, variety = np.abs(drawn - bare).mean(-1), np.ptp(drawn, axis=0).mean(-1)
    painted, unpainted = variety > 70, (change.min(0) > 20) & (variety < 15)  # an edge is neither
    timber = _grown(~_grown(~unpainted, 1), 1) & unpainted  # without masts and ropes, which a blur takes away
    changed = change.max(0) > 24
    around = _grown(changed, 3) & ~_grown(changed, 1)
    return Likeness(painted, timber, around, drawn[:, painted], drawn[0, timber])


def _grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    grown = Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * pixels + 1))
    return np.asarray(grown) > 0


def _read_object(small: np.ndarray, time: str, empty: np.ndarray) -> tuple[str | None, str | None]:
    """Kind and colour: the kind that explains most, where its painted part, its timber and its outline are all there.

    Both None where no kind is, the colour None where two colours are as likely.
    """
    moved = _moved(small)
    best: tuple[float, str | None, str | None] = (OBJECT_GAIN, None, None)
    for kind in KINDS:
        gain, colour = _resemblance(moved, _likeness(kind, time), empty)
        if gain < best[0]:
            best = (gain, kind, colour)
    return best[1], best[2]


def _resemblance(moved: np.ndarray, likeness: Likeness, empty: np.ndarray) -> tuple[float, str | None]:
    """What a kind in its best colour and place leaves unexplained, as a share of what the empty scene leaves there.

    1.0 where the whole, one of its parts or its outline is not there.
    """
    painted = np.abs(moved[:, None, likeness.painted] - likeness.paint).mean(-1)  # (S, colours, P)
    timber = np.abs(moved[:, likeness.timber] - likeness.brown).mean(-1)  # (S, Q)
    residual = (painted.sum(-1) + timber.sum(-1)[:, None]) / (painted.shape[-1] + timber.shape[-1])  # (S, colours)
    move, colour = np.unravel_index(residual.argmin(), residual.shape)
    seen = moved[move]
    from_empty = np.abs(seen - empty).mean(-1)  # (SIDE, SIDE)
    from_paint = np.abs(seen - np.median(likeness.paint[colour], axis=0)).mean(-1)
    timber_from_empty = np.abs(moved[:, likeness.timber] - empty[likeness.timber]).mean((1, 2))  # (S,)
    resemblance = residual.min() / max(from_empty[likeness.painted | likeness.timber].mean(), 1.0)
    unpainted = timber[move].mean() < from_paint[likeness.timber].mean()
    parts = (
        painted[move, colour].mean() / max(from_empty[likeness.painted].mean(), 1.0),
        (timber.mean(1) / np.maximum(timber_from_empty, 1.0)).min(),  # small as it is, it may sit a little apart
        from_empty[likeness.around].mean() / max(from_paint[likeness.around].mean(), 1.0),
    )
    if residual.min() > OBJECT_RESIDUAL or max(parts) > PART_GAIN or not unpainted:
        return 1.0, None
    likely = np.sort(painted.mean(-1).min(0))  # (colours,)
    return float(resemblance), COLOURS[colour] if likely[0] < COLOUR_MARGIN * likely[1] else None


# ---- Trees ------------------------------------------------------------------------------------------------------


def _count_trees(picture: Image.Image, time: str, ground: str, mountains: bool) -> int:
    """The number of fir-coloured columns left and right of the object."""
    smooth = picture.resize((TREE_SIDE, TREE_SIDE), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
    band = slice(round(0.6 * TREE_SIDE), round(0.79 * TREE_SIDE))
    seen = np.asarray(smooth, dtype=np.float32)[band]
    fir = np.asarray(render.mix(render.FIR[time], (255, 255, 255), 0.05), dtype=np.float32)
    from_fir = np.linalg.norm(seen - fir, axis=-1)
    from_empty = np.linalg.norm(seen - _empty(time, ground, mountains, TREE_SIDE)[band], axis=-1)
    filled = ((from_fir < from_empty) & (from_fir < 60)).mean(0) > 0.45  # (TREE_SIDE,)
    x = (np.arange(TREE_SIDE) + 0.5) / TREE_SIDE
    runs = [(there, len(list(run))) for there, run in groupby(filled & (np.abs(x - 0.5) > 0.235))]
    return sum(1 for there, length in runs if there and length >= 0.03 * TREE_SIDE)
