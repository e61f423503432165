"""A file of tensors as a network takes them: packed in their kernels' own order, or as they are.

    8 bytes      MAGIC
    2 x 8 bytes  where the record begins, and its length
    32 bytes     SHA-256 of the record
    …            tensors, each from a page's beginning on
    record       JSON to the end of the file: what the file is of, and of each tensor its place, form and digest

Nothing in it is believed before it was checked, all bytes of it at every start: the digest of a tensor is one of the sums of its
pages, which any single byte changes, and which take a tenth of the time that reading the model takes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mmap
import os
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdedge.engines.torch.cpu import packing
from sdedge.errors import ModelError
from sdedge.files import make_private_folder, open_regular, reserve, sweep_parts
from sdedge.json_values import read_json
from sdedge.weights.files import bytes_of

MAGIC = b"sdpacked"
PAGE = 4096
RESERVED = 256 << 20
"""Bytes of the disk that a file takes at a time while it is written."""
MAX_RECORD = 16 << 20
POPULATE_READ = 22
"""MADV_POPULATE_READ: map pages that are there, as readable."""
_START = struct.Struct("<8sQQ32s")
_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (
    torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.int64,
)}  # fmt: skip


class Unusable(Exception):
    """A file that is not what it should be; the message is why, as the end of a sentence."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor is in its file: bytes from `offset` on, its number format and shape, oneDNN's description of its order in
    base64 ("" for a plain tensor), and the digest of the bytes."""

    offset: int
    size: int
    dtype: str
    shape: tuple[int, ...]
    order: str
    digest: str

    @property
    def form(self) -> packing.Form | None:
        """What makes a packed weight of the bytes; None for a plain tensor."""
        if not self.order:
            return None
        order = torch.frombuffer(bytearray(base64.b64decode(self.order, validate=True)), dtype=torch.uint8)
        return packing.Form(self.shape, _DTYPES[self.dtype], order)


def digest_of(memory: Tensor) -> str:
    """Returns a digest of bytes (N,): of the sum of each page as 64-bit numbers, and of what is left behind the last one."""
    pages = len(memory) // PAGE * PAGE
    sums = memory[:pages].view(torch.int64).view(-1, PAGE // 8).sum(1)
    digest = hashlib.blake2b(sums.numpy().tobytes(), digest_size=16)
    digest.update(memory[pages:].numpy().tobytes())
    return digest.hexdigest()


class PackedWriter:
    """Writes a file beside its place and puts it there when it is whole. Its methods raise OSError, as on a full disk."""

    def __init__(self, path: Path, expected: int) -> None:
        """`expected` is about how many bytes it will have."""
        self.path = path
        make_private_folder(path.parent)
        sweep_parts(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        self._temporary: Path | None = Path(name)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._tensors: dict[str, StoredTensor] = {}
        self._end, self._reserved, self._step = PAGE, 0, min(RESERVED, max(expected, 1 << 20))

    def add(self, name: str, tensor: Tensor) -> None:
        """Writes a tensor of the CPU, packed or plain."""
        if tensor.is_mkldnn:
            memory, form = packing.bytes_of(tensor)
            order = "" if form.order is None else base64.b64encode(form.order.numpy().tobytes()).decode()
        else:
            memory, order = torch.from_numpy(bytes_of(tensor.detach().contiguous())), ""
        start = -(-self._end // PAGE) * PAGE
        self._write(memory.numpy(), start)
        dtype = str(tensor.dtype).removeprefix("torch.")
        self._tensors[name] = StoredTensor(
            start, len(memory), dtype, tuple(tensor.shape), order, digest_of(memory)
        )  # fmt: skip

    def commit(self, record: Mapping[str, Any]) -> None:
        """Adds what the file is of, and gives it its name. There is no fsync: what a power cut leaves is noticed."""
        assert self._temporary is not None
        tensors = {name: astuple(stored) for name, stored in self._tensors.items()}
        text = json.dumps({**record, "tensors": tensors}).encode()
        start = -(-self._end // PAGE) * PAGE
        self._write(text, start)
        self._write(_START.pack(MAGIC, start, len(text), hashlib.sha256(text).digest()), 0)
        self._file.truncate(start + len(text))
        self._file.close()
        os.replace(self._temporary, self.path)
        self._temporary = None

    def abandon(self) -> None:
        """Leaves nothing behind of a file that was not committed."""
        with suppress(OSError):
            self._file.close()
            if self._temporary is not None:
                self._temporary.unlink()
        self._temporary = None

    def _write(self, data: Any, start: int) -> None:
        left = memoryview(data)
        while start + len(left) > self._reserved:
            reserve(self._file, self._reserved, self._step)
            self._reserved += self._step
        self._file.seek(start)
        while left:
            left = left[self._file.write(left) :]
        self._end = max(self._end, self._file.tell())


class PackedFile:
    """A file that was written by `PackedWriter`, checked and mapped. It stays usable when its path is deleted or replaced."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError where there is none, and Unusable."""
        try:
            self._file = open_regular(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Unusable(f"they cannot be read ({error.strerror or error})") from error
        with self._file:
            self._check_owner()
            start, self.record = self._read_record()
            self.tensors = _stored_tensors(self.record, start)
            self.size = start
            self._map = mmap.mmap(self._file.fileno(), start, access=mmap.ACCESS_COPY)

    def check(self) -> None:
        """Reads all of it. Raises Unusable where a byte is another one than was written."""
        for _ in self.checked():
            pass

    def checked(self) -> Iterator[str]:
        """Yields each tensor's name once all of it was read. Raises Unusable as `check`."""
        for name, stored in self.tensors.items():
            if digest_of(self._memory(stored)) != stored.digest:
                raise Unusable(f"the bytes of {name[:80]} are not those that were written")
            yield name

    def let_go(self, name: str) -> None:
        """Gives the pages of a tensor back; they come again when they are touched."""
        stored = self.tensors[name]
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED, stored.offset, stored.size)

    def read_ahead(self, name: str) -> None:
        """Has the pages of a tensor mapped at once, where the system can, and not one by one as they are touched."""
        stored = self.tensors[name]
        with suppress(OSError):  # from Linux 5.14 on
            if sys.platform == "linux":
                self._map.madvise(POPULATE_READ, stored.offset, stored.size)

    def tensor(self, name: str) -> tuple[Tensor, Tensor]:
        """Returns a tensor, and the mapped bytes under it, which must outlive a packed one. Raises Unusable."""
        stored = self.tensors[name]
        memory = self._memory(stored)
        try:
            form = stored.form
            if form is None:
                return memory.view(_DTYPES[stored.dtype]).view(stored.shape), memory
            weight = packing.weight_over(memory, form)
            if packing.size_of(weight) != stored.size:
                raise Unusable(f"{name[:80]} has another size than its order says")
        except (RuntimeError, ValueError) as error:
            raise Unusable(f"{name[:80]} makes no weight") from error
        return weight, memory

    def _memory(self, stored: StoredTensor) -> Tensor:
        return torch.frombuffer(self._map, dtype=torch.uint8, count=stored.size, offset=stored.offset)

    def _check_owner(self) -> None:
        if os.name != "posix":
            return
        status = os.fstat(self._file.fileno())
        if status.st_uid != os.geteuid():
            raise Unusable("they are another user's")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Unusable("others may write to them")

    def _read_record(self) -> tuple[int, dict[str, Any]]:
        """Returns where the record begins, and the record."""
        try:
            size = os.fstat(self._file.fileno()).st_size
            magic, start, length, digest = _START.unpack(self._file.read(_START.size))
            if magic != MAGIC or length > MAX_RECORD or start % PAGE or start < PAGE or start + length != size:
                raise Unusable("they are cut off or damaged")
            self._file.seek(start)
            text = self._file.read(length)
        except (OSError, struct.error) as error:
            raise Unusable("they are cut off or damaged") from error
        if hashlib.sha256(text).digest() != digest:
            raise Unusable("they are cut off or damaged")
        try:
            record = read_json(text, "the record", MAX_RECORD)
        except ModelError as error:
            raise Unusable("they are damaged") from error
        if not isinstance(record, dict):
            raise Unusable("they are damaged")
        return start, record


def _stored_tensors(record: Mapping[str, Any], end: int) -> dict[str, StoredTensor]:
    try:
        tensors = {
            str(name): StoredTensor(offset, size, dtype, tuple(shape), order, digest)
            for name, (offset, size, dtype, shape, order, digest) in record["tensors"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable("they are damaged") from error
    if not all(_is_sound(stored, end) for stored in tensors.values()):
        raise Unusable("they are damaged")
    return tensors


def _is_sound(stored: StoredTensor, end: int) -> bool:
    """Returns whether a tensor lies between the first page and the record, and is one that can be made."""
    numbers = stored.offset, stored.size, *stored.shape
    if not all(type(number) is int and number >= 0 for number in numbers) or stored.dtype not in _DTYPES:
        return False
    texts = isinstance(stored.order, str) and isinstance(stored.digest, str)
    inside = stored.size > 0 and stored.offset % PAGE == 0 and PAGE <= stored.offset <= end - stored.size
    plain = torch.Size(stored.shape).numel() * _DTYPES[stored.dtype].itemsize
    return texts and inside and (bool(stored.order) or plain == stored.size)
