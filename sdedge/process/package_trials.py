"""Trials of Core ML packages, each a function that runs in a process of its own: by the portable runner, and by Core ML.

What the portable runner gives, with halves rounded as the program says, is kept for the trials of Core ML, which import no
torch: two copies of its library in one process are one trouble more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.tensors import TensorType
from sdedge.process.agreement import agreement
from sdedge.process.timed import memory, once, repeated
from sdedge.process.trials import Absent

Arrays = dict[str, np.ndarray]


def by_portable_runner(path: str, function: str, archive: str, earlier: list[str]) -> Iterator[dict[str, object]]:
    """Runs a function of a package by torch on the CPU and keeps its inputs and outputs in the file `archive`.

    earlier  the files that were kept of packages before it, whose values a second chunk or a decoder takes
    """
    import torch

    from sdedge.engines.coreml.portable.runner import Runner
    from sdedge.machine.threads import use_threads

    use_threads()
    package = Package.open(path)
    inputs = sample_inputs(package.function(function).inputs, read_archives(earlier))
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    runners: list[Runner] = []
    yield from once("load", lambda: Runner(package, function), runners)
    results: list[dict[str, torch.Tensor]] = []
    yield from once("first_run", lambda: runners[0](tensors), results)
    outputs = {name: result.float().numpy() for name, result in results[0].items()}
    _keep(Path(archive), inputs, outputs)
    yield {"operations": len(package.function(function).operations), "finite": _finite_part(outputs)}
    yield from repeated(lambda: runners[0](tensors))
    yield memory()


def by_core_ml(path: str, function: str, units: str, archive: str) -> Iterator[dict[str, object]]:
    """Compiles a package where no copy is there, loads it on compute units, runs it, and compares it with what was kept."""
    from sdedge.engines.coreml.compiled import CompiledCopy, core_ml
    from sdedge.engines.coreml.first_load import load

    package, copy = Package.open(path), CompiledCopy(Path(path))
    function = function or package.default
    yield {"phase": "import", "loaded_before": copy.was_loaded(function, units)}
    ct = core_ml()
    compiled: list[float | None] = []
    yield from once("compile", lambda: compiled.append(copy.make(ct)), [])
    models: list[Any] = []
    yield from once("load", lambda: models.append(load(ct, copy, package, function, units)), [])
    yield from _predicted(models[0].predict, package.function(function).inputs, Path(archive))


def by_shipped_copy(path: str, function: str, units: str, archive: str) -> Iterator[dict[str, object]]:
    """Loads the compiled copy (`.mlmodelc`) that lies in the bundle for other apps, and runs it.

    Such copies, made by another version of the system, have crashed where the package did not (speech-swift #313).
    """
    from sdedge.engines.coreml.compiled import UNITS, core_ml

    compiled = Path(path).with_suffix(".mlmodelc")
    if not compiled.is_dir():
        raise Absent("The bundle holds no compiled copy of it.")
    package = Package.open(path)
    named = {"function_name": function} if len(package.functions) > 1 else {}
    yield {"phase": "import"}
    ct = core_ml()
    models: list[Any] = []
    chosen = getattr(ct.ComputeUnit, UNITS[units])
    yield from once("load", lambda: models.append(ct.models.CompiledMLModel(str(compiled), chosen, **named)), [])
    yield from _predicted(models[0].predict, package.function(function).inputs, Path(archive))


def _predicted(predict: Any, kinds: Mapping[str, TensorType], archive: Path) -> Iterator[dict[str, object]]:
    inputs, expected = _read_archive(archive)
    if not expected:
        inputs = sample_inputs(kinds, {})
        yield {"not_compared": "the portable runner gave nothing to compare with"}
    results: list[Arrays] = []
    yield from once("first_run", lambda: predict(inputs), results)
    if expected:
        yield {"outputs": {name: agreement(expected[name], results[0][name]) for name in expected}}
    yield from repeated(lambda: predict(inputs))
    yield memory()


def sample_inputs(kinds: Mapping[str, TensorType], earlier: Arrays) -> Arrays:
    """Makes plausible float32 values: what an earlier package took or gave, token ids, a timestep, and normal noise."""
    random = np.random.default_rng(0)
    made = {}
    for name, kind in kinds.items():
        if name in earlier and earlier[name].shape == kind.static:
            made[name] = earlier[name]
        elif name == "input_ids":
            made[name] = random.integers(1, 300, kind.static).astype(np.float32)
        elif name == "timestep":
            made[name] = np.full(kind.static, 501, np.float32)
        else:
            made[name] = random.standard_normal(kind.static, np.float32)
    return made


def _keep(path: Path, inputs: Arrays, outputs: Arrays) -> None:
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    arrays: dict[str, Any] = {f"in {name}": array for name, array in inputs.items()}
    np.savez(temporary, **arrays | {f"out {name}": array for name, array in outputs.items()})
    os.replace(temporary, path)


def _read_archive(path: Path) -> tuple[Arrays, Arrays]:
    """Returns inputs and outputs; none where nothing was kept."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays}
    except (OSError, ValueError):
        return {}, {}
    return tuple(
        {name.split(" ", 1)[1]: a for name, a in values.items() if name.startswith(k)} for k in ("in ", "out ")
    )  # type: ignore[return-value]


def read_archives(paths: list[str]) -> Arrays:
    """Returns all values of the files that were kept; none of those that are not there."""
    values: Arrays = {}
    for path in paths:
        inputs, outputs = _read_archive(Path(path))
        values |= {**inputs, **outputs}
    return values


def _finite_part(outputs: Arrays) -> float:
    return min((float(np.isfinite(array).mean()) for array in outputs.values()), default=1.0)
