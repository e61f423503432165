"""A loss whose two halves are computed and differentiated at the same time, by one thread each.

Layers of this size leave much of a second thread unused; two threads with half of the batch each take a sixth less time for a
step than both with the whole of it. And since a half is computed by one thread, a run comes out the same with any number.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """What a step of training lowers: a tensor, or `Halves`."""

    def backward(self) -> None:
        """Add the gradients to those of the weights."""

    def detach(self) -> Tensor:
        """Returns the value, a scalar."""


class Halves:
    """The loss `half(0) + half(1)`. Its gradients do not depend on which of the two is done first, for a + b is b + a."""

    def __init__(self, half: Callable[[int], Tensor]) -> None:
        self.half = half
        self._value: Tensor | None = None

    def backward(self) -> None:
        """Compute both halves and add their gradients to those of the weights."""
        first, second = _workers().map(self._descend, (0, 1))
        self._value = first + second

    def detach(self) -> Tensor:
        """Returns the loss, after `backward`."""
        assert self._value is not None
        return self._value

    def _descend(self, number: int) -> Tensor:
        loss = self.half(number)
        loss.backward()
        return loss.detach()


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,))
