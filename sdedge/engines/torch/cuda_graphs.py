"""Calls of a network recorded as CUDA graphs: one launch in place of some thousand.

On a fast card a step of v1 waits for Python, which launches kernels more slowly than they run. A call is recorded when inputs of
its shapes come for the second time (libraries choose their kernels at the first) and replayed from then on: inputs are copied
into the memory it was recorded with, results out of it. A recording that does not give what the call itself gave is not used.

None of this was ever run on CUDA; `tests/engines/torch/test_cuda_graphs.py` runs it on a stand-in that records operators.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Call = Callable[..., tuple[Tensor, ...]]
Record = Callable[[Callable[[], tuple[Tensor, ...]]], tuple[tuple[Tensor, ...], Callable[[], None]]]
"""Runs a function once for the recording: its results, in memory that stays, and what runs it again."""

MOST = 4
"""Recordings kept: both halves of guidance and one of them alone, each whole and in part. Each holds its own feature maps."""

LONG = 0.15
"""Seconds of a call from which launching costs too little of it to be worth the memory."""

APART = 0.02
"""Of the largest value: kernels that sum in another order differ by that much in half precision, wrong ones by more."""


def record_cuda(
    device: torch.device, run: Callable[[], tuple[Tensor, ...]]
) -> tuple[tuple[Tensor, ...], Callable[[], None]]:
    """Records by torch's CUDA graphs on a device, which need not be the current one.

    Raises RuntimeError where something in `run` cannot be recorded.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph):
        results = run()
    return results, graph.replay


@dataclass(frozen=True)
class Recording:
    """A recorded call: its inputs and results in the memory that it works on, and what runs it."""

    inputs: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    replay: Callable[[], None]

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        for own, value in zip(self.inputs, inputs, strict=True):
            own.copy_(value)
        self.replay()
        return tuple(result.clone() for result in self.results)


class Recorder:
    """Runs calls by their recordings, made as they come; `record` makes one."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.known: dict[object, Call] = {}
        """By name and shapes: a recording, or the call itself where it is not to be recorded."""
        self._met: set[object] = set()

    def run(self, name: str, call: Call, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns `call(*inputs)`. The same name and shapes stand for the same work until `forget`."""
        key = name, *((tuple(x.shape), x.dtype) for x in inputs)
        if key in self.known:
            return self.known[key](*inputs)
        if key not in self._met:
            self._met.add(key)
            return call(*inputs)
        start = time.perf_counter()
        expected = call(*inputs)
        if torch.cuda.is_available():
            torch.cuda.synchronize(inputs[0].device)
        known = call if time.perf_counter() - start > LONG else self._recorded(call, inputs, expected)
        while len(self.known) >= MOST:
            del self.known[next(iter(self.known))]
        self.known[key] = known
        return expected

    def _recorded(self, call: Call, inputs: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> Call:
        """Returns a recording of the call, or the call where that fails or gives something else."""
        own = tuple(x.clone() for x in inputs)
        try:
            results, replay = self._record(lambda: call(*own))
            recording = Recording(own, results, replay)
            agrees = all(map(_agree, recording(*inputs), expected))
        except RuntimeError:  # out of memory as well: without a recording there may be enough
            return call
        return recording if agrees else call

    def forget(self) -> None:
        """Drops the recordings: the network changed, or its memory is wanted."""
        self.known.clear()
        self._met.clear()


def _agree(a: Tensor, b: Tensor) -> bool:
    """Returns whether results agree; False also where either holds values that are not finite: those are made again in
    another way.
    """
    return bool((a.float() - b.float()).abs().max() <= APART * b.float().abs().max())
