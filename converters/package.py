"""From a graph to a Core ML package on disk, on any system."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from converters.graphs import Graph
from converters.toolchain import Function, Placeholder, Program, Var, ct, mb, types
from sdedge.errors import OutputError
from sdedge.library.manifest import Port

DTYPES = {"float16": types.fp16, "float32": types.fp32}
CASTS = {"float16": "fp16", "float32": "fp32"}
TARGETS = {"macOS13": ct.target.macOS13, "macOS14": ct.target.macOS14, "macOS15": ct.target.macOS15}
# The graphs are written as they shall run. Only cleaning up is left to coremltools: its other passes would fuse what is
# written out on purpose, and take minutes over ten thousand operations.
PASSES = ["common::dedup_op_and_var_names", "common::dead_code_elimination"]


def build_program(graphs: Mapping[str, Graph], target: str) -> Program:
    """Returns a program with one function for each graph, by its name."""
    program = Program()
    for name, graph in graphs.items():
        inputs = {
            key: Placeholder(port.shape, dtype=DTYPES[port.dtype], name=key) for key, port in graph.inputs.items()
        }
        with Function(inputs, opset_version=TARGETS[target]) as function:
            made = graph.emit(dict(function.inputs))
            function.set_outputs([_port(made[key], key, port, graph) for key, port in graph.outputs.items()])
        program.add_function(name, function)
    program.default_function_name = next(iter(graphs))
    program.export_as_multifunction = len(graphs) > 1
    return program


def _port(value: Var, name: str, port: Port, graph: Graph) -> Var:
    if value.dtype != DTYPES[port.dtype]:
        return mb.cast(x=value, dtype=CASTS[port.dtype], name=name)
    if value.name in graph.outputs or value.name in graph.inputs:  # one value under two names
        return mb.identity(x=value, name=name)
    value.name = name
    return value


Describe = Callable[[Any], None]
"""Writes into a model's protobuf what the package says of itself."""


def write_package(graphs: Mapping[str, Graph], path: Path, target: str, describe: Describe | None = None) -> None:
    """Writes the package `path` (.mlpackage) with a function for each graph, complete or not at all; the first is the default.

    Raises OutputError for a folder that cannot be written or a full disk.
    """
    with _folder_beside(path) as work:
        ct.convert(
            build_program(graphs, target),
            source="milinternal",
            convert_to="mlprogram",
            minimum_deployment_target=TARGETS[target],
            compute_precision=ct.precision.FLOAT32,  # as written: no casts are added
            pass_pipeline=ct.PassPipeline(PASSES, "sdedge"),
            skip_model_load=True,
            package_dir=str(work / path.name),
        )
        if describe is not None:
            _describe(work / path.name, describe)
        if path.exists():
            shutil.rmtree(path)
        (work / path.name).rename(path)


def _describe(package: Path, describe: Describe) -> None:
    """Only the specification is written again; the weights beside it may be gigabytes."""
    specification = next((package / "Data").rglob("*.mlmodel"))
    spec = ct.proto.Model_pb2.Model()
    spec.ParseFromString(specification.read_bytes())
    describe(spec)
    specification.write_bytes(spec.SerializeToString())


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Yields a folder for half-done files, on the same disk, gone afterwards; coremltools' own temporary files go there too."""
    before, work = tempfile.tempdir, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part"))
        tempfile.tempdir = str(work)
        yield work
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror or error}; choose another folder or free some space."
        ) from error
    except RuntimeError as error:  # coremltools' writers do not say what the system told them
        if "FileWriter" not in str(error) and (work is None or shutil.disk_usage(work).free > 1 << 20):
            raise
        raise OutputError(f"Cannot write {path}: the disk is full; free some space and start again.") from error
    finally:
        tempfile.tempdir = before
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def read_spec(path: Path) -> Any:
    """Returns the protobuf of a package."""
    return ct.utils.load_spec(str(path))


def operations(path: Path) -> Counter[str]:
    """Returns how many operations of each type the package's functions have together."""
    functions = read_spec(path).mlProgram.functions.values()
    return Counter(
        op.type for f in functions for op in f.block_specializations[f.opset].operations if op.type != "const"
    )
