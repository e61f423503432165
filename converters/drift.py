"""Where a program strays: each operation of a half-precision run against the same program's run in float32."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from converters.psnr import psnr
from sdedge.backends.mil.package import Package
from sdedge.backends.mil.runner import Runner


@dataclass(frozen=True)
class Drift:
    """How near an operation's result comes to its float32 one.

    reads   names of the values it read
    psnr    dB over its own largest value; -inf where it overflowed
    error   root mean square of the difference
    """

    name: str
    type: str
    reads: tuple[str, ...]
    psnr: float
    error: float


def drift(package: Package, function: str, inputs: Mapping[str, Tensor]) -> Iterator[Drift]:
    """Both runs side by side; what each operation reads is its own run's, so that errors add up as they do in use."""
    half, wide = (Runner(package, function, precision).trace(inputs) for precision in ("float16", "float32"))
    for (operation, got), (_, reference) in zip(half, wide, strict=True):
        reads = tuple(operation.names())
        for (name, _), y, exact in zip(operation.outputs, got, reference):
            error = float((y.double() - exact.double()).square().mean().sqrt())
            yield Drift(name, operation.type, reads, psnr(exact, y), error if math.isfinite(error) else math.inf)


def origin(drifts: Sequence[Drift], output: str, floor: float) -> Drift | None:
    """Where the error of an output that is under the floor begins; None where it is not under it.

    From the output back through values that are under the floor, along the largest error, to the first that read
    nothing under it. Values that stray but bring nobody under (a mean that is nearly 0) are not on that way.
    """
    by_name = {d.name: d for d in drifts}
    at = by_name[output]
    if at.psnr >= floor:
        return None
    while True:
        under = [by_name[name] for name in at.reads if name in by_name and by_name[name].psnr < floor]
        if not under:
            return at
        at = max(under, key=lambda d: d.error)
