"""Hints of edges and lines, white on black, for the ControlNets and adapters canny, lineart, softedge and scribble. No torch."""

from __future__ import annotations

import numpy as np

from sdedge.images.hint_filters import as_bytes, in_three, smoothed, sobel

_SHIFT = 15
_TANGENT = 13573  # of 22.5 degrees, times 2 ** _SHIFT, as OpenCV rounds it
_NONE, _WEAK, _STRONG = 0, 1, 2


def canny(pixels: np.ndarray, low: float = 100, high: float = 200) -> np.ndarray:
    """Returns the edges of a picture, uint8 (H, W, 3) of 0 and 255 (Canny 1986), bit for bit those of OpenCV's `cv2.Canny`.

    Sobel's gradients of the channel that has the largest |dx| + |dy|; only what is larger than both neighbours across the edge
    stays; of that, what is above `high`, and what is above `low` and connected to it by corners or sides. Both are in units of
    |dx| + |dy|, 0 to 2040. As in OpenCV they change places where low is the larger.
    """
    low, high = sorted((np.floor(low), np.floor(high)))
    dx, dy = _strongest_gradients(pixels)
    state = _thinned(dx, dy, low, high)
    _connect(state)
    return in_three(np.where(state[1:-1, 1:-1] == _STRONG, np.uint8(255), np.uint8(0)))


def _strongest_gradients(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns dx and dy, int32 (H, W), of each pixel's channel with the largest sum of both; the first of equal ones."""
    dx, dy = sobel(pixels.astype(np.int16))
    channel = (np.abs(dx) + np.abs(dy)).argmax(axis=2)[..., None]
    return tuple(np.take_along_axis(each, channel, 2)[..., 0].astype(np.int32) for each in (dx, dy))  # type: ignore[return-value]


def _thinned(dx: np.ndarray, dy: np.ndarray, low: float, high: float) -> np.ndarray:
    """Returns which pixels are ridges of the gradient, weak or strong: uint8 (H + 2, W + 2) with a border of none."""
    H, W = dx.shape
    size = np.pad(np.abs(dx) + np.abs(dy), 1)
    at = size[1:-1, 1:-1]

    def beside(down: int, right: int) -> np.ndarray:
        return size[1 + down : 1 + down + H, 1 + right : 1 + right + W]

    x, y = np.abs(dx).astype(np.int64), np.abs(dy).astype(np.int64) << _SHIFT
    flat, steep = y < x * _TANGENT, y > x * _TANGENT + (x << (_SHIFT + 1))
    falling = (dx ^ dy) >= 0
    ridge = np.where(
        flat, (at > beside(0, -1)) & (at >= beside(0, 1)),
        np.where(
            steep, (at > beside(-1, 0)) & (at >= beside(1, 0)),
            np.where(falling, (at > beside(-1, -1)) & (at > beside(1, 1)), (at > beside(-1, 1)) & (at > beside(1, -1))),
        ),
    )  # fmt: skip
    state = np.where(ridge & (at > low), np.where(at > high, np.uint8(_STRONG), np.uint8(_WEAK)), np.uint8(_NONE))
    return np.pad(state, 1)


def _connect(state: np.ndarray) -> None:
    """Makes weak pixels strong that are connected to a strong one. Looks at each once."""
    width, cells = state.shape[1], state.reshape(-1)
    around = np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])
    front = np.flatnonzero(cells == _STRONG)
    while len(front):
        near = (front[:, None] + around).reshape(-1)
        front = np.unique(near[cells[near] == _WEAK])
        cells[front] = _STRONG


def lineart(pixels: np.ndarray, sigma: float = 6, floor: float = 8) -> np.ndarray:
    """Returns dark lines as white ones on black, uint8 (H, W, 3): the web UI's `lineart_standard`.

    How much darker a pixel is than its surroundings, by a Gaussian of `sigma` pixels, in the channel where it is least, so
    that the median of what is darker than `floor` becomes 127.
    """
    darkness = (smoothed(pixels, sigma) - pixels).min(axis=2).clip(0, 255)
    lines = darkness[darkness > floor]
    usual = max(16.0, float(np.median(lines)) if len(lines) else 0.0)
    return in_three(as_bytes(darkness / usual * 127))


def softedge(pixels: np.ndarray, sigma: float = 1.5, percentile: float = 99) -> np.ndarray:
    """Returns soft edges, uint8 (H, W, 3), in place of what a network (HED, PiDiNet) draws: the web UI has no such filter.

    The length of Sobel's gradient after a Gaussian of `sigma` pixels, in the channel where it is largest, scaled so that the
    given percentile of all pixels becomes white. A picture without edges is black.
    """
    dx, dy = sobel(smoothed(pixels, sigma))
    length = np.hypot(dx, dy).max(axis=2)
    white = float(np.percentile(length, percentile))
    return in_three(as_bytes(length / max(white, 1.0) * 255))


def scribble(pixels: np.ndarray, threshold: float = 32) -> np.ndarray:
    """Returns thick strokes, uint8 (H, W, 3) of 0 and 255: the web UI's `scribble_xdog`.

    The difference of Gaussians of 5 and 0.5 pixels, in the channel where it is least, in whole steps; white is where twice of
    it is above `threshold`.
    """
    difference = (smoothed(pixels, 5.0) - smoothed(pixels, 0.5)).min(axis=2)
    inverse = as_bytes(255 - difference).astype(np.int16)
    return in_three(np.where(2 * (255 - inverse) > threshold, np.uint8(255), np.uint8(0)))
