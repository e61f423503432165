"""The engine that draws from a bundle with Core ML itself, on a Mac. Compiled packages are kept for the next time."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.coreml.packages import Model, PackageEngine
from sdedge.engines.coreml.portable.package import Package
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.places import data_folder

UNITS = {"all": "ALL", "cpu-and-ne": "CPU_AND_NE", "cpu-and-gpu": "CPU_AND_GPU", "cpu-only": "CPU_ONLY"}
"""Our names of compute units, and coremltools'."""


class CoreMLEngine(PackageEngine):
    """Runs the packages on the compute units named, or on those the bundle was converted for."""

    def __init__(self, folder: str | Path, units: str | None = None) -> None:
        """Raises InvalidRequest for unknown compute units, ModelError for a damaged bundle."""
        super().__init__(folder, "coreml")
        self.units = units or self.manifest.recipe.get("compute_units") or "all"
        if self.units not in UNITS:
            raise InvalidRequest(f"Unknown compute units {self.units!r}; choose one of {', '.join(UNITS)}.")
        self.description = f"coreml {self.units}"

    def open_model(self, package: Package, function: str) -> Model:
        """Its phases and their seconds go into the facts' report."""
        model = NativeModel(package, function, self.units)
        remark = f"Loaded {package.path.stem} on {self.units}: {model.phases}."
        self.facts = replace(self.facts, report=(*self.facts.report, remark))
        return model


class NativeModel:
    """A function of a package, compiled and loaded by Core ML.

    compiled  seconds, or None where the compiled package was kept from before
    loaded    seconds; the first load on the Neural Engine compiles once more, which can take minutes
    """

    def __init__(self, package: Package, function: str, units: str) -> None:
        """Raises ModelError with what Core ML said."""
        ct = _coremltools()
        named = {"function_name": function} if len(package.functions) > 1 else {}
        start = time.monotonic()
        try:
            path, fresh = _compiled(ct, package)
            between = time.monotonic()
            self._model = ct.models.CompiledMLModel(str(path), getattr(ct.ComputeUnit, UNITS[units]), **named)
        except Exception as error:  # Core ML's errors come as plain RuntimeErrors and Exceptions
            raise ModelError(
                f"Core ML cannot load {package.path} on {units}: {error}; {Remedy.CONVERT_REPORT}.",
                remedy=Remedy.CONVERT_REPORT,
            ) from error
        self.compiled = between - start if fresh else None
        self.loaded = time.monotonic() - between
        self._outputs = package.function(function).outputs

    @property
    def phases(self) -> str:
        """In words, such as "compiled in 41.0 s, loaded in 2.3 s"."""
        compiled = "" if self.compiled is None else f"compiled in {self.compiled:.1f} s, "
        return f"{compiled}loaded in {self.loaded:.1f} s"

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Float32 arrays go in; Core ML makes the halves it wants itself."""
        made = self._model.predict({name: x.float().contiguous().numpy() for name, x in inputs.items()})
        return {name: torch.from_numpy(np.asarray(made[name], np.float32)) for name in self._outputs}


def _coremltools() -> Any:
    if sys.platform != "darwin":
        raise ModelError(f"Core ML runs on a Mac only; {Remedy.DRAWN_ON_CPU}.", field="model", remedy=Remedy.CPU)
    import coremltools

    return coremltools


def _compiled(ct: Any, package: Package) -> tuple[Path, bool]:
    """The compiled package in the cache, and whether it was made just now."""
    kept = data_folder() / "compiled" / f"{package.path.stem}-{_fingerprint(package.path)}.mlmodelc"
    if kept.is_dir():
        return kept, False
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=kept.parent, prefix=".compiling-"))
    try:
        made = ct.models.utils.compile_model(str(package.path), str(temporary / kept.name))
        os.replace(made, kept)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return kept, True


def _fingerprint(package: Path) -> str:
    """Of the files' names, sizes and times; reading gigabytes to recognise them would cost more than it saves."""
    files = sorted(path for path in package.rglob("*") if path.is_file())
    facts = [(path.relative_to(package).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((str(package.resolve()), facts)).encode()).hexdigest()[:16]
