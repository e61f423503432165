"""Several pictures on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def grid(pictures: Sequence[np.ndarray], columns: int | None = None) -> np.ndarray:
    """Lays uint8 (H, W, 3) pictures of one size, row by row, on a sheet as near to a square as they fill.

    Pictures of several sizes are centred in cells of the largest one.
    """
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    H, W = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    sheet = np.full((rows * H, columns * W, 3), 255, dtype=np.uint8)
    for i, picture in enumerate(pictures):
        h, w, _ = picture.shape
        top, left = i // columns * H + (H - h) // 2, i % columns * W + (W - w) // 2
        sheet[top : top + h, left : left + w] = picture
    return sheet
