"""How much larger than its inputs a result may be, checked before it takes the memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

GROWTH, LEAST_BOUND = 64, 1 << 24
"""A result may have so many times the elements of what it is made from, and so many more."""


def check_growth(elements: float, *inputs: Tensor) -> None:
    """Raises ValueError for a result that no network makes of such inputs, before it takes the memory."""
    if elements > GROWTH * sum(x.numel() for x in inputs) + LEAST_BOUND:
        raise ValueError(f"a result of {elements:g} elements")


def check_padding(x: Tensor, pairs: Sequence[tuple[int, int]]) -> None:
    """`pairs` of the last axes."""
    lead = x.dim() - len(pairs)
    check_growth(
        math.prod(x.shape[:lead]) * math.prod(max(0, n + sum(pair)) for n, pair in zip(x.shape[lead:], pairs)), x
    )
