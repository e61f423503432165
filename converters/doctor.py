"""How a bundle fares on this Mac: compiled, loaded on each compute unit, timed, and compared with the portable runner."""

from __future__ import annotations

import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from converters.inspect import inspect
from converters.psnr import psnr
from sdedge.engines.coreml.compiled import UNITS
from sdedge.engines.coreml.native import NativeModel
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.engines.coreml.portable.tensors import TensorType
from sdedge.errors import SdedgeError
from sdedge.library.manifest import Manifest

VERSIONS = ("sdedge", "coremltools", "torch", "numpy")


@dataclass(frozen=True)
class Trial:
    """A function of one package on one choice of compute units. Seconds; those of a prediction are the median.

    compiled  None where the compiled package was there already
    psnr      dB of the worst output against the portable runner's with halves rounded
    error     what Core ML said, where it failed; then the rest is None
    """

    component: str
    units: str
    compiled: float | None = None
    loaded: float | None = None
    predicted: float | None = None
    psnr: float | None = None
    error: str = ""


def check(bundle: Path) -> Iterator[str]:
    """Yields what can be checked of a bundle without a Mac, a line for each package. Raises ModelError for what is wrong."""
    for name, part in Manifest.read(bundle).components.items():
        package = Package.open(bundle / part.file)
        for function in package.functions:
            Runner(package, function)  # every operation known, every weight readable
            seen = inspect(package, function)
            yield f"{name}: {sum(seen.operations.values())} operations, all known; {sum(seen.weights.values())} bytes of weights"


def trials(bundle: Path, units: Sequence[str] = tuple(UNITS), runs: int = 5) -> Iterator[Trial]:
    """Yields each component on each of the compute units. A failure is a trial as well, and the next one goes on."""
    values: dict[str, Tensor] = {}
    for name, part in Manifest.read(bundle).components.items():
        package = Package.open(bundle / part.file)
        function = package.function()
        inputs = sample_inputs(function.inputs, values)
        expected = Runner(package)(inputs)
        values |= {**inputs, **expected}  # a second chunk reads what the first one gives
        for unit in units:
            yield _try(name, package, unit, inputs, expected, runs)


def _try(
    name: str, package: Package, units: str, inputs: Mapping[str, Tensor], expected: Mapping[str, Tensor], runs: int
) -> Trial:
    try:
        model = NativeModel(package, package.default, units)
        got = model(inputs)
        seconds = [_timed(model, inputs) for _ in range(runs)]
    except (SdedgeError, RuntimeError) as error:
        return Trial(name, units, error=str(error))
    worst = min(psnr(expected[key], got[key]) for key in expected)
    return Trial(name, units, model.compiled, model.loaded, statistics.median(seconds), worst)


def _timed(model: NativeModel, inputs: Mapping[str, Tensor]) -> float:
    start = time.perf_counter()
    model(inputs)
    return time.perf_counter() - start


def sample_inputs(kinds: Mapping[str, TensorType], earlier: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Makes plausible values: what an earlier package gave or was given, token ids, a timestep, and normal noise."""
    random = torch.Generator().manual_seed(0)
    made = {}
    for name, kind in kinds.items():
        if name in earlier and tuple(earlier[name].shape) == kind.static:
            made[name] = earlier[name]
        elif name == "input_ids":
            made[name] = torch.randint(1, 300, kind.static, generator=random).float()
        elif name == "timestep":
            made[name] = torch.full(kind.static, 501.0)
        else:
            made[name] = torch.randn(kind.static, generator=random)
    return made


def report(bundle: Path, tried: Sequence[Trial]) -> str:
    """Returns a Markdown page without anything personal: machine, versions, recipe, trials."""
    manifest = Manifest.read(bundle)
    facts = {**machine(), **{name: version(name) for name in VERSIONS}}
    recipe = {key: value for key, value in manifest.recipe.items() if key != "loras"}
    lines = ["# Core ML report", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [f"- recipe: {recipe}", f"- converted with: {dict(manifest.versions)}"]
    lines += [
        "",
        "| component | compute units | compile s | load s | predict s | PSNR dB | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {t.component} | {t.units} | {_cell(t.compiled)} | {_cell(t.loaded)} | {_cell(t.predicted, 4)} "
        f"| {_cell(t.psnr, 1)} | {t.error.replace(str(bundle), 'BUNDLE').replace('|', '/')} |"
        for t in tried
    ]
    return "\n".join(lines) + "\n"


def machine() -> dict[str, str]:
    """Returns the system, and on a Mac the chip and memory."""
    facts = {
        "system": f"{platform.system()} {platform.mac_ver()[0] or platform.release()}",
        "machine": platform.machine(),
    }
    queries = {"chip": "machdep.cpu.brand_string", "memory": "hw.memsize"} if sys.platform == "darwin" else {}
    for name, key in queries.items():
        done = subprocess.run(["sysctl", "-n", key], capture_output=True, text=True, check=False)
        facts |= {name: done.stdout.strip()} if done.returncode == 0 else {}
    return facts


def _cell(value: float | None, digits: int = 2) -> str:
    return "" if value is None else "equal" if math.isinf(value) and value > 0 else f"{value:.{digits}f}"
