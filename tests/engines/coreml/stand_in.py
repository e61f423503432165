"""In the place of coremltools on a Mac, installed for other processes by `install`: it holds the interpreter's lock while it
loads, as coremltools does, and a "system" remembers what it has loaded. Answers with zeros."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def install(folder: Path, load: float = 0.0, fault: str = "") -> dict[str, str]:
    """Makes a folder of modules and returns the environment in which Pythons take coremltools from it and think this a Mac.

    load   seconds that the first load of a model takes
    fault  "abort" or a sentence: what happens when it is loaded
    """
    root, here = Path(__file__).parents[3], folder / "mac"
    (here / "system").mkdir(parents=True)
    package = here / "coremltools"
    package.mkdir()
    shutil.copy(__file__, package / "__init__.py")
    real = importlib.util.find_spec("coremltools")
    for part in ("proto", "_deps"):
        (package / part).symlink_to(Path(real.submodule_search_locations[0]) / part)
    # torch, which the first load does without, cannot be imported on a pretended Mac.
    (here / "sitecustomize.py").write_text(
        "import sys\nif {'sdedge.engines.coreml.first_load', 'sdedge.process.package_trials:by_core_ml', "
        "'sdedge.process.package_trials:by_shipped_copy'}.intersection(sys.orig_argv):\n    sys.platform = 'darwin'\n"
    )
    return {
        "PYTHONPATH": os.pathsep.join([str(here), str(root)]),
        "STAND_IN_SYSTEM": str(here / "system"),
        "STAND_IN_LOAD": str(load),
        "STAND_IN_FAULT": fault,
    }


def draw_on_a_mac():
    """The drawer of an engine process that thinks it is on a Mac."""
    import sys

    import torch  # noqa: F401

    from sdedge.process.worker import PipelineDrawer

    drawer = PipelineDrawer()
    sys.platform = "darwin"
    return drawer


ComputeUnit = SimpleNamespace(**{name: name for name in ("ALL", "CPU_ONLY", "CPU_AND_NE", "CPU_AND_GPU")})


class CompiledMLModel:
    def __init__(self, path: str, compute_units: str, function_name: str = "") -> None:
        from sdedge.engines.coreml.portable.package import Package

        fault, known = os.environ["STAND_IN_FAULT"], Path(os.environ["STAND_IN_SYSTEM"]) / Path(path).name
        if fault == "abort":
            os.abort()
        if fault:
            raise RuntimeError(fault)
        if not known.exists():
            ctypes.PyDLL(None).usleep(int(1e6 * float(os.environ["STAND_IN_LOAD"])))  # with the interpreter's lock
            known.touch()
        self._function = Package.open((Path(path) / "source").read_text()).function(function_name or None)

    def predict(self, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert set(data) == set(self._function.inputs)
        kinds = self._function.types()
        return {name: np.zeros([n or 1 for n in kinds[name].shape], np.float32) for name in self._function.outputs}


def compile_model(model: str, destination_path: str) -> str:
    Path(destination_path).mkdir()
    (Path(destination_path) / "source").write_text(model)
    return destination_path


models = SimpleNamespace(CompiledMLModel=CompiledMLModel, utils=SimpleNamespace(compile_model=compile_model))
