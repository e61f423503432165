"""The weights beside a program: the blob storage format, version 2, memory-mapped.

A file is a header of 64 bytes (count, version), then for each blob 64 bytes of metadata and its data, both aligned to
64. A program names a blob by the offset of its metadata. Source: MILBlob/Blob/StorageFormat.hpp in apple/coremltools.
"""

from __future__ import annotations

import struct
from functools import cached_property
from pathlib import Path

import numpy as np

from sdedge.engines.coreml.portable.tensors import TensorType, unpack
from sdedge.errors import ModelError

HEADER, METADATA = struct.Struct("<II56x"), struct.Struct("<IIQQQ32x")
SENTINEL, VERSION = 0xDEADBEEF, 2
DTYPES = {
    1: "float16", 2: "float32", 3: "uint8", 4: "int8", 5: "bfloat16", 6: "int16", 7: "uint16", 8: "int4", 9: "uint1",
    10: "uint2", 11: "uint4", 12: "uint3", 13: "uint6", 14: "int32", 15: "uint32", 16: "float8e4m3fn", 17: "float8e5m2",
}  # fmt: skip


class Blobs:
    """One `weight.bin`. Arrays share its pages; nothing is read before it is used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _bytes(self) -> np.ndarray:
        try:
            mapped = np.memmap(self.path, np.uint8, "c")
        except (OSError, ValueError) as error:
            raise ModelError(f"The weights {self.path} cannot be read ({error}); convert the model again.") from error
        if len(mapped) < HEADER.size or HEADER.unpack(mapped[: HEADER.size].tobytes())[1] != VERSION:
            raise ModelError(
                f"{self.path} does not hold Core ML weights of version {VERSION}; convert the model again."
            )
        return mapped

    def read(self, offset: int, kind: TensorType) -> np.ndarray:
        """Returns the blob whose metadata is at `offset`, as an array of `kind`. Elements of under 8 bits get a byte each.

        Raises ModelError when it is not there, is not of that kind, or the file ends before it does.
        """
        metadata = self._bytes[offset : offset + METADATA.size].tobytes()
        start = data_start(self.path, offset, kind, metadata, len(self._bytes))
        return unpack(self._bytes[start : start + kind.bytes], kind)


def data_start(path: Path, offset: int, kind: TensorType, metadata: bytes, length: int) -> int:
    """Returns where the data of a blob of `kind` begin, whose metadata are those bytes at `offset` of a file of that length.

    Raises ModelError as `Blobs.read` does.
    """
    damaged = f"The weights {path} are damaged at byte {offset} ({{}}); convert or copy the package again."
    if len(metadata) < METADATA.size:
        raise ModelError(damaged.format(f"the file ends at {length}"))
    sentinel, code, size, start, _ = METADATA.unpack(metadata)
    if sentinel != SENTINEL or DTYPES.get(code) != kind.dtype:
        raise ModelError(damaged.format(f"no {kind.dtype} data there"))
    if size != kind.bytes:
        raise ModelError(damaged.format(f"{size} bytes where {kind.bytes} belong"))
    if start + size > length:
        raise ModelError(damaged.format(f"the file ends at {length}, the data at {start + size}"))
    return int(start)
