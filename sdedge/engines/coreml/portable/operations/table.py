"""The operations by name, and their arguments as Python numbers and tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Compute = Callable[..., Any]
ARITHMETIC: dict[str, Compute] = {}
"""Operations whose floating-point inputs are widened to float32."""
MOVEMENT: dict[str, Compute] = {}
"""Operations that only move, compare or make values; they take any type as it is."""


def arithmetic(function: Compute) -> Compute:
    ARITHMETIC[function.__name__.strip("_")] = function
    return function


def movement(function: Compute) -> Compute:
    MOVEMENT[function.__name__.strip("_")] = function
    return function


def ints(values: Tensor | int | Sequence[int] | None) -> list[int]:
    """Returns a constant vector of integers; none are an empty one."""
    if values is None:
        return []
    if isinstance(values, Tensor):
        return values.reshape(-1).tolist()
    return [values] if isinstance(values, int) else list(values)


def tensor(x: Tensor | float) -> Tensor:
    return x if isinstance(x, Tensor) else torch.tensor(x)
