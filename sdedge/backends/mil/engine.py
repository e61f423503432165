"""The engine that draws from a bundle of Core ML packages with torch, on any system."""

from __future__ import annotations

from pathlib import Path

from sdedge.backends.mil.package import Package
from sdedge.backends.mil.runner import PRECISIONS, Runner
from sdedge.backends.packages import Model, PackageEngine
from sdedge.errors import InvalidRequest


class MILEngine(PackageEngine):
    """Runs the packages on the CPU. "float16", the default, rounds what the programs say; "float32" keeps results wide."""

    def __init__(self, folder: str | Path, dtype: str | None = None) -> None:
        """Raises InvalidRequest for another precision, ModelError for a damaged bundle."""
        self.precision = dtype or PRECISIONS[0]
        if self.precision not in PRECISIONS:
            raise InvalidRequest(f"Core ML bundles run in {' or '.join(PRECISIONS)}, not {dtype}; choose one of them.")
        super().__init__(folder, f"mil {self.precision}")

    def open_model(self, package: Package, function: str) -> Model:
        return Runner(package, function, self.precision)
