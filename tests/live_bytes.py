"""Counting the memory that tensors really hold while something runs."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """The bytes of the storages made inside that are alive, and their peak. Storages that were there before do not count.

    A storage counts from the call that made it until the last tensor on it is gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._holders: Counter[int] = Counter()
        self._sizes: dict[int, int] = {}
        self._foreign: set[int] = set()
        self._watched: weakref.WeakSet[Tensor] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in _tensors((args, kwargs)):
            if (key := tensor.untyped_storage()._cdata) not in self._holders:
                self._foreign.add(key)
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            self._watch(tensor)
        self.peak = max(self.peak, self.now)
        return result

    def _watch(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._foreign or any(tensor is watched for watched in self._watched):
            return
        if key not in self._holders:
            self._sizes[key] = storage.nbytes()
            self.now += self._sizes[key]
        self._holders[key] += 1
        self._watched.add(tensor)
        weakref.finalize(tensor, self._drop, key)

    def _drop(self, key: int) -> None:
        self._holders[key] -= 1
        if not self._holders[key]:
            del self._holders[key]
            self.now -= self._sizes.pop(key)


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
