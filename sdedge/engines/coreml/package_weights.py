"""The weights of a package as a LoRA takes them, and back into a copy of the package, one after the other.

A weight that is kept in half precision is written as it is; one of a palette or of integers is clustered or rounded again, by the
arithmetic of the conversion. Nothing else of the package changes: not a size, not an offset, unless weights of other names lie at
the same place, which then part.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.coreml.compressed import Palette, Scaled, as_kernel, linear, pack, palette
from sdedge.engines.coreml.portable.blobs import DTYPES, HEADER, METADATA, SENTINEL, VERSION, data_start
from sdedge.engines.coreml.portable.package import MODEL_PATH, Package, find_specification, protobuf
from sdedge.engines.coreml.portable.program import Literal
from sdedge.engines.coreml.portable.tensors import TensorType, unpack
from sdedge.engines.coreml.stored_weights import Place, StoredWeight, read_weights
from sdedge.errors import ModelError
from sdedge.files import inside, open_regular, sync
from sdedge.weights.loading import is_finite

Data = bytes | memoryview

_ALIGNMENT = 64
_SAMPLED = 4096  # numbers of a weight by which it is known again


class Readable(Protocol):
    """A tensor that is read when it is asked for."""

    def copy(self, dtype: torch.dtype | None = None) -> Tensor: ...


class PackageWeights:
    """The weights of one package by their names in the checkpoint."""

    def __init__(self, path: Path, recorded: Mapping[str, StoredWeight] | None = None) -> None:
        """Without a record, which bundles from before it lack, the program tells where they are. Raises ModelError."""
        self.path = path
        self.stored = dict(recorded) if recorded is not None else read_weights(self._package)

    def tensors(self) -> dict[str, PackageTensor]:
        """Returns what is kept, lazily, as tensors in the checkpoint's shapes."""
        return {name: PackageTensor(weight, self) for name, weight in self.stored.items()}

    @cached_property
    def _package(self) -> Package:
        return Package.open(self.path)

    def read(self, weight: StoredWeight) -> np.ndarray:
        """Returns a weight in half precision, in memory of its own and the checkpoint's shape. Raises ModelError."""
        arrays = {
            name: self._array(weight, name, place) for name, place in weight.places[0].items() if name != "result"
        }
        if weight.form == "dense":
            return arrays["val"].reshape(-1)[: math.prod(weight.shape)].reshape(weight.shape)
        if weight.form == "palette":
            lut = arrays["lut"].reshape(weight.palettes)
            indices = _unpacked(arrays["indices"], weight.bits, math.prod(weight.shape)).reshape(weight.kernel)
            return Palette(indices, lut, weight.bits).dense().reshape(weight.shape)
        data = arrays[weight.integers].reshape(weight.kernel)
        scale = arrays["scale"].reshape(weight.kernel[0], -1, 1, 1)
        return Scaled(data, scale, weight.bits).dense().reshape(weight.shape)

    def _array(self, weight: StoredWeight, argument: str, place: Place) -> np.ndarray:
        if place.offset is None:
            return self._literal(weight, argument)
        path = weight_file(self.path, place.file)
        with open_regular(path) as file:
            start, length = _find_data(file, path, place.offset, place.type)
            file.seek(start)
            data = np.fromfile(file, np.uint8, place.type.bytes)
        if len(data) != place.type.bytes:
            raise ModelError(f"The weights {path} end at {length}; convert or copy the package again.")
        return unpack(data, place.type)

    def _literal(self, weight: StoredWeight, argument: str) -> np.ndarray:
        for op in self._package.function().operations:
            bound = op.inputs[argument][0] if op.name == weight.label and argument in op.inputs else None
            if isinstance(bound, str):
                named = next((each for each in self._package.function().operations if each.name == bound), None)
                bound = named.inputs["val"][0] if named is not None and "val" in named.inputs else None
            if isinstance(bound, Literal) and not isinstance(bound.value, str):
                return np.array(bound.value)
        raise ModelError(f"The package {self.path} has no {weight.label}; convert the model again.")


@dataclass(frozen=True)
class PackageTensor:
    """A weight of a package as a checkpoint's tensor, of the number format that the checkpoint has it in where that is half as
    wide as float32; what is computed from it is rounded to that as well."""

    weight: StoredWeight
    package: PackageWeights

    @property
    def name(self) -> str:
        return self.weight.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.weight.shape

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.weight.source == "bfloat16" else torch.float16

    def copy(self, dtype: torch.dtype | None = None) -> Tensor:
        return torch.from_numpy(self.package.read(self.weight)).to(dtype or self.dtype)


def weight_file(package: Path, name: str) -> Path:
    """Returns the file inside a package that its program calls by this name. Raises ModelError for one outside of it."""
    folder = find_specification(package).parent
    if not name.startswith(MODEL_PATH):
        raise ModelError(f"{package} keeps its weights in {name[:80]!r}, outside itself; convert the model again.")
    return inside(folder, name.removeprefix(MODEL_PATH))


def _find_data(file: IO[bytes], path: Path, offset: int, kind: TensorType) -> tuple[int, int]:
    """Returns where the data of a blob begin, and the length of its file."""
    length = file.seek(0, os.SEEK_END)
    file.seek(min(offset, length))
    return data_start(path, offset, kind, file.read(METADATA.size), length), length


def _unpacked(indices: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Returns indices, a byte each; the ones for macOS 13 are packed into bytes that the file takes for numbers."""
    return indices if indices.size == count else unpack(indices.reshape(-1), TensorType(f"uint{bits}", (count,)))


def source_of(tensor: Any) -> tuple[str, str]:
    """Returns the number format of a checkpoint's tensor, and a hash of some of its numbers: of those before LoRAs."""
    base = getattr(tensor, "base", tensor)
    numbers = base.read().detach().reshape(-1)
    numbers = numbers[:: max(1, len(numbers) // _SAMPLED)].contiguous()
    dtype = str(base.dtype).removeprefix("torch.")
    digest = hashlib.sha256(f"{dtype} {list(base.shape)}".encode())
    digest.update(numbers.view(torch.uint8).numpy().tobytes())
    if hasattr(base, "release"):
        base.release()
    return dtype, digest.hexdigest()[:16]


# Into a copy


@dataclass(frozen=True)
class WeightChange:
    """A weight that becomes another tensor. `is_exact` says that the tensor is what a conversion would have read."""

    weight: StoredWeight
    tensor: Readable
    is_exact: bool


@dataclass(frozen=True)
class Written:
    """What was written: how many weights, of them those computed from rounded ones, and of those in fewer bits the lowest PSNR
    in dB against the exact numbers."""

    weights: int
    inexact: int
    compressed: int
    psnr: float


def write_changes(
    package: Path, changes: Mapping[str, WeightChange], describe: Callable[[Any], None] | None = None
) -> Written:
    """Writes changed weights into a package, one after the other; `describe` may change what its specification says besides.

    The package is one that nothing else reads. Raises OSError for a full disk, ModelError for a damaged package and for weights
    beyond half precision.
    """
    files: dict[str, _WeightFile] = {}
    edits: dict[tuple[str, str], bytes | int] = {}
    lowest, compressed = math.inf, 0
    try:
        for change in changes.values():
            psnr = _write_change(package, change, files, edits)
            if psnr is not None:
                compressed, lowest = compressed + 1, min(lowest, psnr)
        for file in files.values():
            file.sync()
    finally:
        for file in files.values():
            file.close()
    if edits or describe is not None:
        _edit_specification(package, edits, describe)
    return Written(len(changes), sum(not change.is_exact for change in changes.values()), compressed, lowest)


def _write_change(
    package: Path, change: WeightChange, files: dict[str, _WeightFile], edits: dict[tuple[str, str], bytes | int]
) -> float | None:
    """Writes one weight; all that it took is given back before the next one. Returns the PSNR of one in fewer bits."""
    values = _halves(change)
    data, compressed = _encoded(change.weight, values)
    psnr = None if compressed is None else _psnr(as_kernel(values), compressed)
    for copy in change.weight.places:
        for argument, numbers in data.items():
            _place(package, files, edits, change.weight, copy[argument], argument, numbers)
    return psnr


def _halves(change: WeightChange) -> np.ndarray:
    values = change.tensor.copy(torch.float16)
    if not is_finite(values):
        raise ModelError(
            f"With the LoRA {change.weight.name} has values beyond half precision, which Core ML computes in; lower its weight."
        )
    return values.numpy()


def _encoded(weight: StoredWeight, values: np.ndarray) -> tuple[dict[str, Data], Palette | Scaled | None]:
    """Returns the bytes of each argument, and the compressed kernel where it is one."""
    places = weight.places[0]
    if weight.form == "dense":
        times = places["val"].type.elements // values.size
        data: Data = values.tobytes() * times if times > 1 else np.ascontiguousarray(values).data.cast("B")
        return {"val": data}, None
    kernel = as_kernel(values)
    if weight.form == "palette":
        groups, _ = weight.palettes
        clustered = palette(kernel, weight.bits, len(kernel) // groups if groups > 1 else None)
        indices = pack(clustered.indices.reshape(-1), clustered.bits)
        return {"indices": indices.tobytes(), "lut": clustered.lut.tobytes()}, clustered
    blocks = places["scale"].type.elements // len(kernel)
    scaled = linear(kernel, weight.bits, kernel.shape[1] // blocks if blocks > 1 else None)
    integers = scaled.data if scaled.bits == 8 else pack((scaled.data & 0xF).astype(np.uint8).reshape(-1), scaled.bits)
    return {weight.integers: integers.tobytes(), "scale": scaled.scale.tobytes()}, scaled


def _psnr(kernel: np.ndarray, compressed: Palette | Scaled) -> float:
    """Returns 20 log10(largest / RMSE) in dB."""
    decoded, squares, largest = compressed.dense(), 0.0, 0.0
    for exact, near in zip(kernel, decoded, strict=True):
        wide = exact.astype(np.float64)
        squares += float(((wide - near) ** 2).sum())
        largest = max(largest, float(np.abs(wide).max()))
    return math.inf if not squares else 20 * math.log10(max(largest, 1e-30) / math.sqrt(squares / kernel.size))


def _place(
    package: Path, files: dict[str, _WeightFile], edits: dict[tuple[str, str], bytes | int], weight: StoredWeight, place: Place,
    argument: str, data: Data,
) -> None:  # fmt: skip
    """Writes the bytes of one argument where they belong, or notes what must change in the program for them."""
    if len(data) != place.type.bytes:
        raise ModelError(f"{weight.name} does not fit its place in {package}; convert the model again.")
    key = (weight.label, argument)
    if place.offset is None:
        edits[key] = bytes(data)
        return
    if place.file not in files:
        files[place.file] = _WeightFile(weight_file(package, place.file))
    if not place.shared:
        files[place.file].write(place.offset, place.type, data)
    elif key not in edits:
        edits[key] = files[place.file].append(place.offset, place.type, data)


class _WeightFile:
    """A file of weights that is written to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open(path, "r+b")  # noqa: SIM115  # held over many writes

    def write(self, offset: int, kind: TensorType, data: Data) -> None:
        start, _ = _find_data(self._file, self._path, offset, kind)
        self._file.seek(start)
        self._file.write(data)

    def append(self, offset: int, kind: TensorType, data: Data) -> int:
        """Adds a blob like the one at `offset` behind all others and returns the offset of its metadata."""
        _, length = _find_data(self._file, self._path, offset, kind)
        self._file.seek(offset)
        padding = METADATA.unpack(self._file.read(METADATA.size))[4]
        code = next(code for code, name in DTYPES.items() if name == kind.dtype)
        place = -(-length // _ALIGNMENT) * _ALIGNMENT
        self._file.seek(place)
        self._file.write(METADATA.pack(SENTINEL, code, len(data), place + METADATA.size, padding))
        self._file.write(data)
        self._file.seek(0)
        count, _ = HEADER.unpack(self._file.read(HEADER.size))
        self._file.seek(0)
        self._file.write(HEADER.pack(count + 1, VERSION))
        return place

    def sync(self) -> None:
        self._file.flush()
        sync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _edit_specification(
    package: Path, edits: Mapping[tuple[str, str], bytes | int], describe: Callable[[Any], None] | None
) -> None:
    """Puts numbers that stand in the program, and offsets of those that moved, into it."""
    path = find_specification(package)
    model = protobuf("Model_pb2").Model()
    with open_regular(path) as file:
        model.ParseFromString(file.read())
    for function in model.mlProgram.functions.values():
        operations = function.block_specializations[function.opset].operations
        by_name = {op.outputs[0].name: op for op in operations if len(op.outputs)}
        for (label, argument), change in edits.items():
            if label in by_name:
                _edit_value(_value_of(by_name[label], argument, by_name), change)
    if describe is not None:
        describe(model)
    with open(path, "r+b") as file:
        file.truncate()
        file.write(model.SerializeToString())
        file.flush()
        sync(file.fileno())


def _value_of(op: Any, argument: str, by_name: Mapping[str, Any]) -> Any:
    """Returns the protobuf's value of an operation's argument, which may be another constant's."""
    if argument in op.attributes:
        return op.attributes[argument]
    bound = op.inputs[argument].arguments[0]
    return by_name[bound.name].attributes["val"] if bound.HasField("name") else bound.value


def _edit_value(value: Any, change: bytes | int) -> None:
    if isinstance(change, int):
        value.blobFileValue.offset = change
        return
    tensor = value.immediateValue.tensor
    which = tensor.WhichOneof("value")
    if which == "bytes":
        tensor.bytes.values = change
    else:
        del getattr(tensor, which).values[:]
        getattr(tensor, which).values.extend(np.frombuffer(change, np.float16).tolist())
