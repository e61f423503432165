"""What a report tries on this machine: the list of sections, each of which names its trials when its turn comes. No torch.

Another section is a function from `Subjects` to trials and findings, and a line in `SECTIONS`.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sdedge.engines.coreml.compiled import UNITS
from sdedge.errors import ModelError, SdedgeError
from sdedge.files import inside
from sdedge.library.manifest import NAME as MANIFEST
from sdedge.library.manifest import BundleComponent, Manifest
from sdedge.library.models import EMBEDDED
from sdedge.machine import findings, memory
from sdedge.process.power import read_power
from sdedge.process.trials import Finding, Outcome, Trial

PACKAGES = ("sdedge", "torch", "numpy", "coremltools", "mlx", "openvino", "PySide6-Essentials")
NETWORKS = (
    "text_encoder", "unet", "unet_chunk1", "unet_chunk2", "controlled_unet", "controlled_unet_chunk1",
    "controlled_unet_chunk2", "vae_decoder", "vae_encoder", "safety_checker",
)  # fmt: skip
"""Names of components that are told; those of others are a person's own."""
CONVERSION = 3600.0
"""Seconds until a conversion of the embedded model hangs."""
RECIPE = ("sizes", "attention", "target", "compute_units", "batch", "compress", "chunk", "dtype")
"""What is told of how a bundle was made; its name, its source and LoRAs are not."""


@dataclass(frozen=True)
class Subjects:
    """What trials are made of.

    models   of torch or bundles, by what the report calls them ("pocket", "model 1"): names or paths
    work     a folder for what trials make for each other: conversions, and what the portable runner gave
    convert  whether the embedded model is converted here, for Core ML and for MPS
    """

    models: Mapping[str, str]
    work: Path
    convert: bool = True


Trials = Iterator[Trial | Finding]


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    name: str
    trials: Callable[[Subjects], Trials]


# ---- The machine --------------------------------------------------------------------------------------------------------


def machine() -> dict[str, object]:
    """Returns what a result depends on: the chip, the system's build and the versions. The report is of one such machine."""
    facts: dict[str, object] = dict(findings.this_machine())
    facts |= {"architecture": platform.machine(), "memory_bytes": memory.total_memory(), "build": platform.version()}
    if sys.platform == "darwin":
        facts |= {"system": f"macOS {platform.mac_ver()[0]}", "build": _said("sw_vers", "-buildVersion")}
        facts |= {"model": _said("sysctl", "-n", "hw.model"), "virtual": _said("sysctl", "-n", "kern.hv_vmm_present")}
    facts.update(python=platform.python_version())
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            facts[name] = version(name)
    return facts


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _state(subjects: Subjects) -> Trials:
    power, free = read_power(), memory.available_memory()[0]
    heat = None if power.heat is None else power.heat.name.lower()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    yield Finding("state", "at the start", {"free_bytes": free, "battery": power.charge, "heat": heat, "load": load})


# ---- Engines of torch ---------------------------------------------------------------------------------------------------


def _devices() -> tuple[str, ...]:
    return ("cpu", "mps") if sys.platform == "darwin" else ("cpu", "cuda")


def _probe(subjects: Subjects) -> Trials:
    for device in _devices():
        yield Trial.of("probe", device, "sdedge.process.engine_trials:probe_device", device=device)


def _engines(subjects: Subjects) -> Trials:
    """Yields each torch model on each device in each format, and by OpenVINO."""
    cpu = [("cpu", "float32"), ("cpu", "bfloat16")]
    accelerated = [(device, dtype) for device in _devices()[1:] for dtype in ("float32", "float16")]
    by_openvino = [] if sys.platform == "darwin" else [("openvino", "float32")]
    for label, model in subjects.models.items():
        if _bundle(model) is None:
            for device, dtype in (*cpu, *accelerated, *by_openvino):
                yield _on_engine("engines", label, model, device, dtype)


def _canary(subjects: Subjects) -> Trials:
    """Yields the check of each engine that may draw here, in the format it draws in; nothing is kept of it."""
    measured = findings.findings()
    formats = {"cpu": measured["cpu"].dtype if "cpu" in measured else "float32"}
    named = [
        f"{device} {dtype}"
        for device in _devices()
        for dtype in dict.fromkeys((formats.get(device, "float16"), "float32"))
    ]
    for engine in (*named, "coreml all" if sys.platform == "darwin" else "openvino float32"):
        yield Trial.of("canary", engine, "sdedge.process.canary:report_on", engine=engine)


def _on_engine(section: str, label: str, model: str, device: str, dtype: str) -> Trial:
    function = "sdedge.process.engine_trials:on_engine"
    return Trial.of(section, f"{label} on {device} in {dtype}", function, model=model, device=device, dtype=dtype)


# ---- Bundles ------------------------------------------------------------------------------------------------------------


def _conversions(subjects: Subjects) -> Trials:
    """Yields the conversions of the embedded model; those of an interrupted report are there already."""
    for kind in ("coreml", "mps") if subjects.convert else ():
        arguments = ("convert", kind, subjects.models[EMBEDDED], "--out", str(subjects.work / kind), "--json")
        yield Trial("convert", kind, "sdedge", arguments, CONVERSION, str(subjects.work / kind / MANIFEST))


def _bundles(subjects: Subjects) -> Iterator[tuple[str, Path, Manifest]]:
    """Yields the bundles that are there by now: those that were named, and those that were converted here."""
    paths = dict(subjects.models) | {f"{EMBEDDED} {kind}": str(subjects.work / kind) for kind in ("coreml", "mps")}
    for label, path in paths.items():
        if (manifest := _bundle(path)) is not None:
            yield label, Path(path), manifest


def _bundle(path: str) -> Manifest | None:
    try:
        return Manifest.read(path)
    except SdedgeError:
        return None


def _graphs(subjects: Subjects) -> Trials:
    """Yields the bundles of graphs (`sdedge convert mps`) on the CPU and on MPS."""
    for label, path, manifest in _bundles(subjects):
        if manifest.kind == "graph":
            yield _made(label, manifest, "graphs")
            for device in _devices()[: 1 + (sys.platform == "darwin")]:
                for dtype in ("float32",) if device == "cpu" else ("float32", "float16"):
                    yield _on_engine("graphs", label, str(path), device, dtype)


def _packages(subjects: Subjects) -> Trials:
    """Yields each package by the portable runner, then on each choice of compute units, then the compiled copy beside it."""
    for label, path, manifest in _bundles(subjects):
        if manifest.kind == "coreml":
            yield _made(label, manifest, "packages")
            earlier: list[str] = []
            for name, function, file in _functions(path, manifest):
                archive = str(subjects.work / f"{label} {name} {function or 'default'}.npz")
                yield from _package(label, name, function, file, archive, earlier)
                earlier = [*earlier, archive]


def _package(label: str, name: str, function: str, file: Path, archive: str, earlier: Sequence[str]) -> Trials:
    title, here = f"{label}: {name}{f' {function}' if function else ''}", "sdedge.process.package_trials"
    values = {"path": str(file), "function": function, "archive": archive}
    portable = Trial.of(
        "packages", f"{title} by the portable runner", f"{here}:by_portable_runner", **values, earlier=earlier
    )
    yield replace(portable, makes=archive)
    if sys.platform != "darwin":
        yield Finding(
            "packages", f"{title} by Core ML", {"outcome": Outcome.ABSENT, "said": "Core ML runs on Macs only."}
        )
        return
    for units in UNITS:
        yield Trial.of("packages", f"{title} on {units}", f"{here}:by_core_ml", **values, units=units)
    yield Trial.of("packages", f"{title}, shipped .mlmodelc", f"{here}:by_shipped_copy", **values, units="all")


def _functions(bundle: Path, manifest: Manifest) -> Iterator[tuple[str, str, Path]]:
    """Yields component, function and file; the name of a package's only function is left out. What cannot be opened is tried
    as well, so that its trial says why."""
    from sdedge.engines.coreml.portable.package import Package

    for title, part in _components(manifest).items():
        file = inside(bundle, part.file)
        try:
            functions = Package.open(file).functions
        except ModelError:
            functions = {}
        for function in functions if len(functions) > 1 else ("",):
            yield title, function, file


def _components(manifest: Manifest) -> dict[str, BundleComponent]:
    """Returns the components by what the report calls them."""
    parts = manifest.components
    return {name if name in NETWORKS else f"network {i}": part for i, (name, part) in enumerate(parts.items(), 1)}


def _made(label: str, manifest: Manifest, section: str) -> Finding:
    recipe = {name: manifest.recipe[name] for name in RECIPE if name in manifest.recipe}
    versions = {name: manifest.versions[name] for name in PACKAGES if name in manifest.versions}
    sizes = {title: part.bytes for title, part in _components(manifest).items()}
    recipe = recipe if len(json.dumps(recipe)) < 2000 else {}
    return Finding(section, f"{label}: how it was made", {"recipe": recipe, "versions": versions, "bytes": sizes})


SECTIONS = (
    Section("state", _state),
    Section("probe", _probe),
    Section("canary", _canary),
    Section("engines", _engines),
    Section("convert", _conversions),
    Section("packages", _packages),
    Section("graphs", _graphs),
)
