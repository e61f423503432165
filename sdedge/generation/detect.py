"""Things found in a picture by a YOLOv8 detector: boxes, how sure it is, and of what.

The picture is brought to at most 640 pixels a side as ultralytics does (letterboxed with grey to multiples of 32), so that
finding takes the same time whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.models.yolo import STRIDES, Yolo, decode

SIDE = 640
"""Pixels of the longer side that a detector sees."""
OVERLAP = 0.7
"""How much of their union two boxes of a class may share."""
MOST = 300
"""Boxes of one picture."""
_CANDIDATES = 30_000
_GREY = 114 / 255


@dataclass(frozen=True)
class Detection:
    """A thing in a picture: left, top, right and bottom in pixels, how sure the detector is (0 to 1), and what it is."""

    box: tuple[float, float, float, float]
    score: float
    name: str


@torch.inference_mode()
def detect(
    network: Yolo, classes: Sequence[str], pixels: np.ndarray, confidence: float = 0.3, overlap: float = OVERLAP
) -> list[Detection]:
    """Returns what is in uint8 pixels (H, W, 3) with at least this confidence, the surest first."""
    H, W, _ = pixels.shape
    image, scale, (left, top) = letterboxed(pixels)
    boxes, scores = (each[0] for each in decode(network(image)))
    best, kinds = scores.max(1)
    likely = best.where(best >= confidence, -1.0).topk(min(len(best), _CANDIDATES))
    order = likely.indices[likely.values >= 0]
    boxes, best, kinds = boxes[order], best[order], kinds[order]
    boxes = ((boxes - torch.tensor([left, top, left, top])) / scale).clamp(min=0)
    boxes = boxes.minimum(torch.tensor([W, H, W, H]))
    chosen = suppressed(boxes, kinds, overlap)
    return [
        Detection(tuple(boxes[i].tolist()), float(best[i]), classes[int(kinds[i])])
        for i in chosen
        if bool((boxes[i, 2:] - boxes[i, :2] >= 1).all())
    ]


def letterboxed(pixels: np.ndarray) -> tuple[Tensor, float, tuple[int, int]]:
    """Returns a picture as a detector sees it, (1, 3, h, w) of 0..1, how much it was scaled, and the grey at left and top."""
    H, W, _ = pixels.shape
    scale = min(SIDE / H, SIDE / W)
    height, width = max(1, round(H * scale)), max(1, round(W * scale))
    image = _resized(_resized(pixels, height, 0), width, 1).permute(2, 0, 1)[None] / 255
    rest_x, rest_y = -width % STRIDES[-1], -height % STRIDES[-1]
    left, top = round(rest_x / 2 - 0.1), round(rest_y / 2 - 0.1)
    return F.pad(image, (left, rest_x - left, top, rest_y - top), value=_GREY), scale, (left, top)


def _resized(pixels: np.ndarray | Tensor, length: int, axis: int) -> Tensor:
    """Returns rows or columns of (H, W, 3) interpolated linearly, as `F.interpolate` does it; no more of them are made float32
    than are read."""
    own = torch.as_tensor(pixels)
    n = own.shape[axis]
    at = ((torch.arange(length, dtype=torch.float64) + 0.5) * n / length - 0.5).clamp(min=0)
    low = at.long()
    before, after = (own.index_select(axis, each).float() for each in (low, (low + 1).clamp(max=n - 1)))
    return before + (after - before) * (at - low).float().reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))


def suppressed(boxes: Tensor, kinds: Tensor, overlap: float = OVERLAP) -> list[int]:
    """Returns the numbers of the boxes (N, 4), the surest first, that no surer box of their class covers (non-maximum
    suppression), at most MOST of them."""
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    left = torch.arange(len(boxes))
    chosen: list[int] = []
    while len(left) and len(chosen) < MOST:
        i, left = int(left[0]), left[1:]
        chosen.append(i)
        corner, end = torch.maximum(boxes[left, :2], boxes[i, :2]), torch.minimum(boxes[left, 2:], boxes[i, 2:])
        common = (end - corner).clamp(min=0).prod(1)
        shared = common / (areas[left] + areas[i] - common).clamp(min=1e-9)
        left = left[(shared <= overlap) | (kinds[left] != kinds[i])]
    return chosen
