"""Opening a `.mlpackage`, with nothing of coremltools but its protobuf classes. No torch."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from sdedge.backends.mil.blobs import Blobs
from sdedge.backends.mil.program import Function, Literal, Stored, read_function
from sdedge.errors import ModelError

MODEL_PATH = "@model_path/"
"""What blob file names start with: the folder of the model specification."""


@dataclass(frozen=True, eq=False)
class Package:
    """A `.mlpackage` that holds an ML Program.

    functions      by name; all but multifunction packages have one
    default        the function that runs when none is named
    blobs          weight files by the name the program has for them
    """

    path: Path
    functions: Mapping[str, Function]
    default: str
    blobs: Mapping[str, Blobs]

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Raises ModelError for what is not a package, is damaged, or holds no ML Program."""
        path = Path(path)
        specification = _find_specification(path)
        messages = _protobuf("Model_pb2")
        model = messages.Model()
        try:
            model.ParseFromString(specification.read_bytes())
        except Exception as error:  # protobuf's errors are of a module that depends on its implementation
            raise ModelError(f"{specification} is damaged ({error}); convert or copy the package again.") from error
        if model.WhichOneof("Type") != "mlProgram":
            raise ModelError(f"{path} holds a {model.WhichOneof('Type')}, not an ML Program; convert the model again.")
        enum = _protobuf("MIL_pb2").DataType
        functions = {name: read_function(name, f, enum) for name, f in model.mlProgram.functions.items()}
        default = model.description.defaultFunctionName or "main"
        if default not in functions:
            raise ModelError(f"{path} has no function {default}; convert the model again.")
        names = {bound.file for f in functions.values() for op in f.operations for bound in _stored(op)}
        return cls(path, functions, default, {n: _open_blobs(path, specification.parent, n) for n in names})

    def function(self, name: str | None = None) -> Function:
        """The named function, or the default one. Raises ModelError."""
        if (name or self.default) not in self.functions:
            raise ModelError(f"{self.path} has no function {name}; it has {', '.join(sorted(self.functions))}.")
        return self.functions[name or self.default]

    def value(self, constant: Literal | Stored) -> np.ndarray | str:
        """A constant's value; stored ones share the file's pages. Raises ModelError."""
        if isinstance(constant, Literal):
            return constant.value
        return self.blobs[constant.file].read(constant.offset, constant.type)


def _stored(op: Any) -> list[Stored]:
    return [bound for bounds in op.inputs.values() for bound in bounds if isinstance(bound, Stored)]


def _open_blobs(package: Path, folder: Path, name: str) -> Blobs:
    relative = Path(name.removeprefix(MODEL_PATH))
    if not name.startswith(MODEL_PATH) or relative.is_absolute() or ".." in relative.parts:
        raise ModelError(f"{package} keeps its weights in {name}, outside itself; convert the model again.")
    return Blobs(folder / relative)


def _find_specification(path: Path) -> Path:
    if path.suffix == ".mlmodelc":
        raise ModelError(f"{path} is compiled, which only a Mac can run; give the .mlpackage it was made from.")
    try:
        manifest = json.loads((path / "Manifest.json").read_text("utf-8"))
        item = Path(manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} is not a Core ML package: it has no readable Manifest.json; give a .mlpackage."
        ) from error
    specification = path / "Data" / item
    if item.is_absolute() or ".." in item.parts or not specification.is_file():
        raise ModelError(f"{path} lacks its model specification {item}; convert or copy the package again.")
    return specification


@cache
def _protobuf(module: str) -> Any:
    """A module of coremltools' protobuf classes, without the seconds that the whole of coremltools takes to import.

    Raises ModelError where coremltools is not installed.
    """
    if "coremltools" in sys.modules:
        return importlib.import_module(f"coremltools.proto.{module}")
    alias = "_coremltools_proto"
    if alias not in sys.modules:
        found = importlib.util.find_spec("coremltools")
        if found is None or not found.submodule_search_locations:
            raise ModelError("Core ML packages need coremltools; install it with `pip install coremltools`.")
        folder = Path(found.submodule_search_locations[0]) / "proto"
        spec = importlib.util.spec_from_file_location(
            alias, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        sys.modules[alias] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[alias])
    return importlib.import_module(f"{alias}.{module}")
