"""The engine that draws from a bundle with Core ML itself, on a Mac."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.coreml.compiled import UNITS, CompiledCopy, core_ml
from sdedge.engines.coreml.first_load import FirstLoad, cannot_load, first_load, load
from sdedge.engines.coreml.lora_changes import FindModel
from sdedge.engines.coreml.packages import Model, PackageEngine
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.protocol import Capability
from sdedge.errors import EngineError, InvalidRequest, Remedy, is_out_of_memory
from sdedge.events import Loading


class CoreMLEngine(PackageEngine):
    """Runs the packages on the compute units named, or on those the bundle was converted for."""

    can = PackageEngine.can | {Capability.FIRST_LOAD}

    def __init__(self, folder: str | Path, units: str | None = None, *, find_model: FindModel | None = None) -> None:
        """Raises InvalidRequest for unknown compute units, ModelError for a damaged bundle."""
        super().__init__(folder, "coreml", find_model)
        self.units = units or self.manifest.recipe.get("compute_units") or "all"
        if self.units not in UNITS:
            raise InvalidRequest(f"Unknown compute units {self.units!r}; choose one of {', '.join(UNITS)}.")
        self.description = f"coreml {self.units}"
        self._first_loads: dict[tuple[Path, str], FirstLoad] = {}

    def first_load(
        self, width: int, height: int, encode: bool, safety: bool, controls: Sequence[str] = ()
    ) -> Iterator[Loading]:
        """Loads packages in other processes, one after the other; those this system has loaded before take no time.

        Where there are controls the controlled UNet draws the steps without them as well.
        """
        h, w = height // self.facts.downscale, width // self.facts.downscale
        latents = {"sample": (self.facts.in_channels, h, w), "z": (4, h, w), "x": (3, height, width)}
        nets = [self.find_control(name).component for name in controls]
        unets = self._unet(bool(nets))
        names = ("text_encoder", *nets, *unets, "vae_decoder", *["vae_encoder"] * encode, *["safety_checker"] * safety)
        for name in dict.fromkeys(names):
            if name in self.manifest.components:
                package = self._package(name)
                shapes = {**latents, "sample": (4, h, w)} if name in nets else latents
                yield from self._load_first(package, self._function(package, shapes))

    def _load_first(self, package: Package, function: str) -> Iterator[Loading]:
        if CompiledCopy(package.path).was_loaded(function, self.units):
            return
        loading = first_load(package, function, self.units)
        try:
            while True:
                next(loading)
                yield Loading("first load")
        except StopIteration as end:
            self._first_loads[package.path, function] = end.value
        finally:
            loading.close()

    @staticmethod
    def _function(package: Package, shapes: Mapping[str, tuple[int, ...]]) -> str:
        """Returns the function whose inputs of these names have these shapes behind the batch; the default one where none
        has.
        """
        for name in sorted(package.functions, key=lambda name: name != package.default):
            inputs = package.functions[name].inputs
            if all(inputs[key].shape[1:] == shape for key, shape in shapes.items() if key in inputs):
                return name
        return package.default

    def open_model(self, package: Package, function: str) -> Model:
        """Opens a package; its phases and their seconds go into the facts' report."""
        model = NativeModel(package, function, self.units, self._first_loads.pop((package.path, function), None))
        notice = f"Loaded {package.path.stem} on {self.units}: {model.phases}."
        self.facts = replace(self.facts, report=(*self.facts.report, notice))
        return model


class NativeModel:
    """A function of a package, compiled and loaded by Core ML.

    compiled  seconds, or None where a compiled copy was kept from before
    loaded    seconds; the first load on the Neural Engine compiles once more, which can take minutes
    """

    def __init__(self, package: Package, function: str, units: str, first: FirstLoad | None = None) -> None:
        """Waits for the first load where there was none. Raises ModelError with what Core ML said."""
        ct, copy = core_ml(), CompiledCopy(package.path)
        if first is None and not copy.was_loaded(function, units):
            first = _waited(package, function, units)
        start = time.monotonic()
        try:
            self._model = load(ct, copy, package, function, units)
        except Exception as error:  # Core ML's errors come as plain RuntimeErrors and Exceptions
            raise cannot_load(package.path, units, error) from error
        self.compiled = first.compiled if first else None
        self.loaded = first.loaded if first else time.monotonic() - start
        self._outputs = package.function(function).outputs
        self._name, self._units = package.path.stem, units

    @property
    def phases(self) -> str:
        """In words, such as "compiled in 41.0 s, loaded in 2.3 s"."""
        compiled = "" if self.compiled is None else f"compiled in {self.compiled:.1f} s, "
        return f"{compiled}loaded in {self.loaded:.1f} s"

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Float32 arrays go in; Core ML makes the halves it wants itself. Raises EngineError with what Core ML said."""
        arrays = {}
        for name, x in inputs.items():
            arrays[name] = _input_array(self._name, name, tuple(x.shape))
            np.copyto(arrays[name], x.float().numpy())
        try:
            made = self._model.predict(arrays)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            said = str(error).strip().rstrip(".")
            raise EngineError(
                f"Core ML failed while it ran {self._name} on {self._units}: {said}; {Remedy.CPU}.", remedy=Remedy.CPU
            ) from error
        return {name: torch.from_numpy(np.array(made[name], np.float32)) for name in self._outputs}


def _waited(package: Package, function: str, units: str) -> FirstLoad:
    """Carries out the first load, with nobody to hear how far it is. Raises ModelError."""
    loading = first_load(package, function, units)
    try:
        while True:
            next(loading)
    except StopIteration as end:
        return end.value


_INPUTS: dict[tuple[str, str, tuple[int, ...]], np.ndarray] = {}
_HELD = 1000


def _input_array(package: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the float32 array that an input of a package is copied into, one for as long as the process lives.

    Core ML gives its input arrays back about a second after a prediction, on a queue of its own and without the
    interpreter's lock (coremltools #2827, #2829). The count of references is raised once and far: whatever such a race
    makes of it, it does not reach zero, and nobody frees an array that somebody reads.
    """
    key = (package, name, shape)
    if key not in _INPUTS:
        _INPUTS[key] = np.empty(shape, np.float32)
        for _ in range(_HELD):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(_INPUTS[key]))
    return _INPUTS[key]
