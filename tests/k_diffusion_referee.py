"""k-diffusion, the referee of samplers, imported without what it needs for training only."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from functools import cache
from types import ModuleType
from unittest.mock import MagicMock

UNUSED = {"skimage", "jsonmerge", "dctorch", "torchvision", "cleanfid", "clip"}  # imported by k_diffusion, never called


class _Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in UNUSED else None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__, module.__spec__, module.__name__ = [], spec, spec.name
        return module

    def exec_module(self, module):
        pass


@cache
def load_k_diffusion() -> ModuleType | None:
    """Returns k_diffusion with its sampling and external modules; None where it is not installed."""
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None or spec.submodule_search_locations is None:
        return None
    # The package without its __init__, which would import the training code as well.
    package = ModuleType("k_diffusion")
    package.__path__ = list(spec.submodule_search_locations)
    before, finder = set(sys.modules), _Stubs()
    sys.meta_path.insert(0, finder)
    sys.modules["k_diffusion"] = package
    try:
        package.sampling = importlib.import_module("k_diffusion.sampling")
        package.external = importlib.import_module("k_diffusion.external")
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            if name.split(".")[0] in UNUSED:
                del sys.modules[name]
    return package
