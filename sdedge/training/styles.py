"""Styles that a LoRA can learn: how a render is changed, and how the pixels tell that a picture is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LUMA = np.array((0.299, 0.587, 0.114))  # of red, green and blue (BT.601)
NEAR = 14.0
"""Mean absolute difference of a channel, of 255, up to which a picture is in a style."""


@dataclass(frozen=True)
class Style:
    """A change of pictures, uint8 (H, W, 3), that leaves a picture alone which has it already."""

    name: str
    change: Callable[[np.ndarray], np.ndarray]

    def distance(self, picture: np.ndarray) -> float:
        """Returns how far a picture is from the style: the mean absolute difference of a channel that the change makes."""
        return float(np.abs(self.change(picture).astype(float) - picture).mean())

    def is_seen(self, picture: np.ndarray) -> bool:
        """Returns whether a picture is in the style."""
        return self.distance(picture) < NEAR


def _tinted(tint: tuple[float, float, float]) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the change to one tint; a tint keeps the luma, so that a second change does nothing."""
    factors = np.array(tint) / (LUMA @ np.array(tint))

    def change(picture: np.ndarray) -> np.ndarray:
        return np.clip((picture @ LUMA)[..., None] * factors + 0.5, 0, 255).astype(np.uint8)

    return change


STYLES = {
    "sepia": Style("sepia", _tinted((1.12, 0.98, 0.76))),
    "grey": Style("grey", _tinted((1.0, 1.0, 1.0))),
}
