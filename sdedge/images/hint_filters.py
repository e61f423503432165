"""What hint filters are made of: float pictures, Gaussian smoothing, gradients. No torch, and no network.

Pictures are uint8 (H, W, 3) and floats (H, W, C). Borders mirror the pixels about the outermost one, as OpenCV's filters do by
default, or repeat it where the docstring says so.
"""

from __future__ import annotations

import numpy as np

Floats = np.ndarray
"""float32 (H, W, C)."""
_TRUNCATE = 4
"""Standard deviations after which a Gaussian is cut: OpenCV's choice for floats."""


def smoothed(picture: np.ndarray, sigma: float) -> Floats:
    """Returns a picture (H, W, C) smoothed by a Gaussian of `sigma` pixels.

    The kernel is sampled at whole pixels, cut at 4 sigma and normalised: equal to OpenCV's `GaussianBlur(x, (0, 0), sigma)` on
    float32 and scipy's `gaussian_filter(mode="mirror")` but for rounding.
    """
    radius = round(sigma * _TRUNCATE * 2 + 1) // 2
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    once = _along_rows(picture.astype(np.float32), kernel)
    return _along_rows(once.transpose(1, 0, 2), kernel).transpose(1, 0, 2)


def _along_rows(picture: Floats, kernel: np.ndarray) -> Floats:
    """Convolves the columns of each row with a symmetric kernel."""
    width, radius = picture.shape[1], len(kernel) // 2
    padded = np.pad(picture, ((0, 0), (radius, radius), (0, 0)), mode="reflect")
    result = kernel[radius].astype(np.float32) * picture
    for i in range(radius):
        result += np.float32(kernel[i]) * (padded[:, i : i + width] + padded[:, 2 * radius - i :][:, :width])
    return result


def sobel(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the gradients along x and y by Sobel's 3x3 kernels, (H, W, C) in the picture's dtype; borders are repeated."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    columns = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return columns[:, 2:] - columns[:, :-2], rows[2:] - rows[:-2]


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Returns values cut to 0 … 255 as uint8, their fractions cut off."""
    return values.clip(0, 255).astype(np.uint8)


def in_three(values: np.ndarray) -> np.ndarray:
    """Returns a grey picture (H, W) as (H, W, 3)."""
    return np.repeat(values[..., None], 3, axis=2)
