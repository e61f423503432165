"""Opening a `.mlpackage`, with nothing of coremltools but its protobuf classes. No torch."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from sdedge.engines.coreml.portable.blobs import Blobs
from sdedge.engines.coreml.portable.program import Function, Literal, Stored, read_function
from sdedge.errors import ModelError
from sdedge.files import inside, open_regular
from sdedge.interpreter import how_to_install
from sdedge.json_values import MAX_BYTES, read_json

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
        specification = find_specification(path)
        messages = protobuf("Model_pb2")
        model = messages.Model()
        try:
            with open_regular(specification) as file:
                model.ParseFromString(file.read())
        except OSError as error:
            raise ModelError(
                f"{specification} cannot be read ({error.strerror}); convert or copy the package again."
            ) from error
        except Exception as error:  # protobuf's errors are of a module that depends on its implementation
            raise ModelError(f"{specification} is damaged; convert or copy the package again.") from error
        if model.WhichOneof("Type") != "mlProgram":
            raise ModelError(f"{path} holds a {model.WhichOneof('Type')}, not an ML Program; convert the model again.")
        enum = protobuf("MIL_pb2").DataType
        functions = _read_functions(path, model.mlProgram, enum)
        default = model.description.defaultFunctionName or "main"
        if default not in functions:
            raise ModelError(f"{path} has no function {default}; convert the model again.")
        names = {bound.file for f in functions.values() for op in f.operations for bound in _stored(op)}
        return cls(path, functions, default, {n: _open_blobs(path, specification.parent, n) for n in names})

    def function(self, name: str | None = None) -> Function:
        """Returns the named function, or the default one. Raises ModelError."""
        if (name or self.default) not in self.functions:
            raise ModelError(f"{self.path} has no function {name}; it has {', '.join(sorted(self.functions))}.")
        return self.functions[name or self.default]

    def value(self, constant: Literal | Stored) -> np.ndarray | str:
        """Returns a constant's value; stored ones share the file's pages. Raises ModelError."""
        if isinstance(constant, Literal):
            return constant.value
        return self.blobs[constant.file].read(constant.offset, constant.type)


def _read_functions(path: Path, program: Any, enum: Any) -> dict[str, Function]:
    try:
        return {name: read_function(name, f, enum) for name, f in program.functions.items()}
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The program of {path} is damaged ({reason}); convert or copy the package again.") from error


def _stored(op: Any) -> list[Stored]:
    return [bound for bounds in op.inputs.values() for bound in bounds if isinstance(bound, Stored)]


def _open_blobs(package: Path, folder: Path, name: str) -> Blobs:
    if not name.startswith(MODEL_PATH):
        raise ModelError(f"{package} keeps its weights in {name[:80]!r}, outside itself; convert the model again.")
    return Blobs(inside(folder, name.removeprefix(MODEL_PATH)))


def find_specification(path: Path) -> Path:
    """Returns the file of a package that holds its program. Raises ModelError for what is no package."""
    if path.suffix == ".mlmodelc":
        raise ModelError(f"{path} is compiled, which only a Mac can run; give the .mlpackage it was made from.")
    what = f"{path} is not a Core ML package: its Manifest.json"
    try:
        with open_regular(path / "Manifest.json") as file:
            manifest = read_json(file.read(MAX_BYTES + 1), what, remedy="give a .mlpackage")
        item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
        if not isinstance(item, str):
            raise TypeError("the path is no text")
    except (OSError, LookupError, TypeError) as error:
        raise ModelError(f"{what} cannot be read; give a .mlpackage.") from error
    specification = inside(path / "Data", item)
    if not specification.is_file():
        raise ModelError(f"{path} lacks its model specification {item[:80]!r}; convert or copy the package again.")
    return specification


@cache
def protobuf(module: str) -> Any:
    """Returns a module of coremltools' protobuf classes. Raises ModelError where coremltools is not installed."""
    return importlib.import_module(f"{_part_of_coremltools('proto').__name__}.{module}")


@cache
def exact_kmeans() -> Any:
    """Returns the module of k-means in one dimension that coremltools carries. Raises ModelError."""
    return _part_of_coremltools("_deps.kmeans1d")


def _part_of_coremltools(name: str) -> Any:
    """Imports a package inside coremltools without the seconds that the whole of it takes to import."""
    if "coremltools" in sys.modules:
        return importlib.import_module(f"coremltools.{name}")
    alias = f"_coremltools_{name.rpartition('.')[2]}"
    if alias not in sys.modules:
        spec = importlib.util.find_spec("coremltools")
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(f"Core ML packages need coremltools; {how_to_install('coremltools')}.")
        folder = Path(spec.submodule_search_locations[0], *name.split("."))
        spec = importlib.util.spec_from_file_location(
            alias, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        spec.loader.exec_module(module)
    return sys.modules[alias]
