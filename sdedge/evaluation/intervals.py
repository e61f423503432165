"""Fractions with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054  # of the standard normal distribution: 95% lie within this many deviations


@dataclass(frozen=True)
class Interval:
    """A fraction, its 95% confidence interval, and over how many pictures it was counted. All from 0 to 1."""

    value: float
    low: float
    high: float
    pictures: int

    def __str__(self) -> str:
        """Returns percent, such as "95.0 (92.1–96.9)"."""
        return f"{100 * self.value:.1f} ({100 * self.low:.1f}–{100 * self.high:.1f})"


def wilson(fraction: float, size: float) -> tuple[float, float]:
    """Returns Wilson's 95% score interval (1927) of a fraction counted over `size` independent trials.

    Raises ValueError for no trial.
    """
    if size <= 0:
        raise ValueError("An interval needs at least one trial.")
    z2 = Z95**2
    middle = (fraction + z2 / (2 * size)) / (1 + z2 / size)
    half = Z95 / (1 + z2 / size) * math.sqrt(fraction * (1 - fraction) / size + z2 / (4 * size**2))
    return max(0.0, min(middle - half, fraction)), min(1.0, max(middle + half, fraction))


def interval(by_prompt: Sequence[Sequence[float]]) -> Interval:
    """Returns the mean of scores from 0 to 1 with Wilson's interval.

    `by_prompt` holds the scores of the pictures of each prompt. Pictures of one prompt are alike, so that n of them say less than
    n prompts would: the trials are counted by the design effect (Kish 1965), between the number of prompts and that of pictures.
    Raises ValueError for no picture.
    """
    groups = [scores for scores in by_prompt if scores]
    pictures = sum(map(len, groups))
    if not pictures:
        raise ValueError("An interval needs at least one picture.")
    mean = sum(map(sum, groups)) / pictures
    size = float(len(groups))
    spread = sum((sum(scores) - len(scores) * mean) ** 2 for scores in groups) / pictures**2
    if spread > 0:
        size = min(max(mean * (1 - mean) / spread, size), pictures)
    return Interval(mean, *wilson(mean, size), pictures)
