"""Networks whose weights are yet to come: built on the meta device, without computing what they would be initialised to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class _Uninitialised(TorchFunctionMode):
    """Leaves out what `torch.nn.init` draws, which on the meta device takes half of the construction to no effect."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init":
            return {**dict(zip(("tensor",), args)), **(kwargs or {})}["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def unfilled() -> Iterator[None]:
    """Lets modules be built without memory for their parameters; fill them with `weights.loading.load_into` or its like."""
    with torch.device("meta"), _Uninitialised():
        yield
