"""Where a program strays: from its own run in float32, operation by operation, and from torch's network, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from converters.psnr import psnr
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner


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
    """Runs both side by side; what each operation reads is its own run's, so that errors add up as they do in use."""
    half, wide = (Runner(package, function, precision).trace(inputs) for precision in ("float16", "float32"))
    for (operation, got), (_, reference) in zip(half, wide, strict=True):
        reads = tuple(operation.names())
        for (name, _), y, exact in zip(operation.outputs, got, reference):
            error = float((y.double() - exact.double()).square().mean().sqrt())
            yield Drift(name, operation.type, reads, psnr(exact, y), error if math.isfinite(error) else math.inf)


def origin(drifts: Sequence[Drift], output: str, floor: float) -> Drift | None:
    """Returns where the error of an output that is under the floor begins; None where it is not under it.

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


# ---- Against torch's network ------------------------------------------------------------------------------------------


@torch.inference_mode()
def layer_results(network: nn.Module, run: Callable[[Any], Any]) -> dict[str, Tensor]:
    """Returns what each layer gives in one run of the network, by the name that conversions give its operation."""
    results: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, result: Any) -> None:
            if isinstance(result, Tensor):
                results[name] = result

        return hook

    hooks = [
        layer.register_forward_hook(keep(name.replace(".", "_"))) for name, layer in network.named_modules() if name
    ]
    try:
        run(network)
    finally:
        for hooked in hooks:
            hooked.remove()
    return results


def stray_layer(
    package: Package, function: str, inputs: Mapping[str, Tensor], expected: Mapping[str, Tensor], floor: float
) -> Drift | None:
    """Returns the first layer of a program, run in float32, that is under the floor against what torch's gave."""
    for operation, (result, *_) in Runner(package, function, "float32").trace(inputs):
        if operation.name in expected:
            wanted = expected[operation.name]
            if wanted.dim() == 3 and result.dim() == 4:
                wanted = wanted.transpose(1, 2)  # (B, T, C) is (B, C, 1, T) there
            if wanted.numel() == result.numel() and (near := psnr(wanted.reshape(result.shape), result)) < floor:
                return Drift(operation.name, operation.type, tuple(operation.names()), near, math.nan)
    return None
