"""Fuzzes the reader and runner of Core ML packages: `python -m tests.benchmarks.fuzz_packages`. Exits with 1 on any fault."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from converters.inspect import inspect
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.errors import ModelError
from tests.fuzzing import Tally, fuzz, main, mutate

SPECIFICATION, WEIGHTS = "Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin"
INTEGERS = (-(2**31), -1, 0, 1, 2, 3, 7, 77, 2**16, 2**31 - 1)
SIZES = (0, 1, 2, 3, 64, 2**20, 2**40, 2**63)
NAMES = (
    "",
    "x",
    "\0",
    "../x",
    "/etc/passwd",
    "@model_path/../../x",
    "@model_path/",
    "@model_path/weights",
    "é" * 300,
    "main",
)
TOKENS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"{", b"]", b'"', b"\xef\xbe\xad\xde")
VALUES = (None, 0, -1, 1e400, True, "", "x", "../..", "\0", [], [[]], {}, {"path": 3}, {"path": "../../x"}, "n" * 5000)


def run(cases: int, seed: int) -> Tally:
    """Opens, inspects and runs `cases` damaged packages."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        _convert(bundle)
        originals = [bundle / f"{name}.mlpackage" for name in ("TextEncoder", "VAEDecoder")]
        path = Path(folder) / "case.mlpackage"
        return fuzz("Core ML packages", _use, (path for _ in _damaged(originals, path, cases, random.Random(seed))))


def _use(path: Path) -> None:
    package = Package.open(path)
    for name in package.functions:
        inspect(package, name)
        inputs = package.functions[name].inputs
        if sum(kind.elements for kind in inputs.values()) > 1 << 22:
            raise ModelError("The inputs are larger than this fuzzer feeds.")
        Runner(package, name)({key: torch.ones(kind.static) for key, kind in inputs.items()})


def _convert(bundle: Path) -> None:
    from tests.conftest import convert_to_coreml, write_tiny_model

    model = write_tiny_model(bundle.parent / "tiny")
    convert_to_coreml(model, bundle, components=("text_encoder", "vae_decoder"), compress="4bit")


def _damaged(originals: list[Path], path: Path, cases: int, random_: random.Random) -> Iterator[None]:
    for _ in range(cases):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(random_.choice(originals), path)
        _damage(path, random_)
        yield


def _damage(path: Path, random_: random.Random) -> None:
    kind = random_.random()
    if kind < 0.7:
        file = path / SPECIFICATION
        file.write_bytes(_change_program(file.read_bytes(), random_))
    elif kind < 0.8:
        _mutate_file(path / SPECIFICATION, random_)
    elif kind < 0.9:
        _mutate_file(path / WEIGHTS, random_)
    elif random_.random() < 0.5:
        _mutate_file(path / "Manifest.json", random_)
    else:
        record = json.loads((path / "Manifest.json").read_text())
        _replace_value(record, random_)
        (path / "Manifest.json").write_text(json.dumps(record))


def _mutate_file(file: Path, random_: random.Random) -> None:
    file.write_bytes(mutate(file.read_bytes(), random_, TOKENS))


def _replace_value(record: Any, random_: random.Random) -> None:
    key = random_.choice(list(record))
    if isinstance(record[key], dict) and record[key] and random_.random() < 0.7:
        _replace_value(record[key], random_)
    else:
        record[key] = random_.choice(VALUES)


def _change_program(data: bytes, random_: random.Random) -> bytes:
    """One to four edits of the protobuf's fields."""
    from sdedge.engines.coreml.portable.package import protobuf

    model = protobuf("Model_pb2").Model()
    model.ParseFromString(data)
    for _ in range(random_.choice((1, 1, 2, 4))):
        function = random_.choice(list(model.mlProgram.functions.values()))
        operations = function.block_specializations[function.opset].operations
        if operations:
            _change_operation(operations, random_)
        if random_.random() < 0.05:
            _change_field(function, random_)
        if random_.random() < 0.05:
            _change_field(model.description, random_)
    return model.SerializeToString()


def _change_operation(operations: Any, random_: random.Random) -> None:
    at = random_.randrange(len(operations))
    kind = random_.random()
    if kind < 0.1:
        del operations[at]
    elif kind < 0.2:
        operations[at].type = random_.choice(operations).type
    elif kind < 0.3:
        operations.insert(at, operations[random_.randrange(len(operations))])
    elif kind < 0.4 and operations[at].inputs:
        binding = random_.choice(list(operations[at].inputs.values()))
        if binding.arguments:
            binding.arguments[0].name = random_.choice(operations).outputs[0].name
    else:
        _change_field(operations[at], random_)


def _change_field(message: Any, random_: random.Random) -> None:
    """Walks down to a scalar of the message and gives it a hostile value."""
    fields = [(field, value) for field, value in message.ListFields()]
    if not fields:
        return
    field, value = random_.choice(fields)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        keys = list(value)
        inner = value[random_.choice(keys)] if keys else None
        if hasattr(inner, "ListFields"):
            _change_field(inner, random_)
    elif field.message_type is not None:
        _change_field(random_.choice(list(value)) if field.is_repeated else value, random_)
    else:
        _set_scalar(message, field, value, random_)


def _set_scalar(message: Any, field: Any, value: Any, random_: random.Random) -> None:
    repeated = field.is_repeated
    sample = value[0] if repeated and len(value) else value
    choices = NAMES if isinstance(sample, str) else INTEGERS + SIZES
    new: Any = random_.choice(choices)
    if isinstance(sample, bytes):
        new = random_.randbytes(random_.choice((0, 1, 3, 64)))
    try:
        if repeated:
            value[random_.randrange(len(value))] = new
        else:
            setattr(message, field.name, new)
    except (ValueError, TypeError, OverflowError):
        return  # the protobuf itself cannot hold it


READERS = {"packages": (5000, run)}


def start() -> int:
    torch.set_num_threads(1)
    return main(READERS)


if __name__ == "__main__":
    sys.exit(start())
