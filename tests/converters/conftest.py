"""Small programs of a few operations, converted and run by the portable runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from converters.graphs import Graph, Vars
from converters.package import write_package
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.library.manifest import Port

Emit = Callable[[Vars], Vars]


@pytest.fixture
def run(tmp_path) -> Callable[..., Tensor]:
    """run(emit, shape, **inputs): the value "y" that `emit` makes of half-precision inputs, each operation rounded.

    With `flush=True`, subnormal halves are taken for 0.
    """

    def running(emit: Emit, shape: tuple[int, ...], flush: bool = False, **inputs: Tensor) -> Tensor:
        path = package(emit, shape, tmp_path / "made.mlpackage", **inputs)
        return Runner(Package.open(path), flush=flush)(inputs)["y"]

    return running


def package(emit: Emit, shape: tuple[int, ...], path: Path, target: str = "macOS13", **inputs: Tensor) -> Path:
    ports = {name: Port(tuple(x.shape), "float16") for name, x in inputs.items()}
    write_package({"main": Graph(ports, {"y": Port(shape, "float32")}, emit)}, path, target)
    return path
