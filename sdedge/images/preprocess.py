"""From a photograph to a hint, by the name of the preprocessor. No torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdedge.images import hint_colours, hint_edges
from sdedge.preprocessors import Preprocessing

FILTERS: dict[str, Callable[..., np.ndarray]] = {
    "canny": hint_edges.canny, "lineart": hint_edges.lineart, "softedge": hint_edges.softedge,
    "scribble": hint_edges.scribble, "threshold": hint_colours.threshold, "invert": hint_colours.invert,
    "tile": hint_colours.tile, "color": hint_colours.color, "shuffle": hint_colours.shuffle,
}  # fmt: skip


def preprocess(pixels: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Returns the hint, uint8 (H, W, 3), that a preprocessor makes of a picture of that shape."""
    values: dict[str, Any] = dict(preprocessing.values)
    return FILTERS[preprocessing.preprocessor.name](pixels, **values)
