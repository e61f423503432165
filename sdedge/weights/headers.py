"""The safetensors header: a small JSON object, read by a scanner that bounds what a hostile one can cost.

`json.loads` would turn one byte of `[` into 64 bytes of list and lets duplicate names through; this reader knows
the only grammar a header may have and refuses the rest.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sdedge.errors import ModelError

MAX_HEADER = 16 << 20  # bytes; a v1 model's header has 0.3 million, trainers' notes in one a few million
MAX_NAME = 500  # characters of a tensor's name; those of v1 have at most 120
MAX_ENTRIES = 12_000  # tensors; a checkpoint with averages and a ControlNet has 3,000
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 40  # numbers of a tensor; where one of its extents is zero, of the others
_ENTRY_COST = 800  # bytes charged for one entry; its Python objects take less
_ALLOWANCE = 8 << 20

# safetensors code -> (torch dtype name, bytes per element)
DTYPES = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U64": ("uint64", 8), "U32": ("uint32", 4), "U16": ("uint16", 2), "U8": ("uint8", 1), "BOOL": ("bool", 1),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1),
}  # fmt: skip

_STRING = re.compile(rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"')
_WIDE = re.compile(rb"(?<!\\)(?:\\\\)*+\\u")  # an escape of a character that may make all others take four bytes
_INTEGER = re.compile(rb"(?:0|[1-9][0-9]{0,18})(?![0-9.eE])")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_NUMBER = rb"(?:0|[1-9][0-9]{0,18})"
_USUAL_ENTRY = re.compile(
    rb'\{"dtype":"([A-Z0-9_]{1,10})","shape":\[((?:%s(?:,%s){0,7})?)\],"data_offsets":\[(%s),(%s)\]\}'
    % (_NUMBER, _NUMBER, _NUMBER, _NUMBER)
)
"""An entry as every program writes it, in one look; other ways to write the same JSON are read token by token."""


@dataclass(frozen=True, slots=True)
class HeaderEntry:
    """One tensor of a header: where its bytes are, counted from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    entries: dict[str, HeaderEntry]
    metadata: dict[str, str]


def parse_header(text: bytes, data_size: int) -> Header:
    """Reads the JSON header of a safetensors file with `data_size` bytes of tensors behind it.

    The same rules as the reference implementation: the tensors tile the data from its first byte to its last, no
    holes, no overlaps, each as long as its shape and dtype say. Duplicate names are refused too.

    Raises ModelError for anything else.
    """
    scanner = _Scanner(text)
    entries: dict[str, HeaderEntry] = {}
    metadata: dict[str, str] | None = None
    for name in scanner.members():
        if len(name) > MAX_NAME:
            raise scanner.error(f"has a name of {len(name)} characters, {name[:80]!r}...")
        if name in entries or (name == "__metadata__" and metadata is not None):
            raise ModelError(f"The header names {name[:80]!r} twice; the file is damaged or hostile, get it again.")
        if name == "__metadata__":
            metadata = _read_metadata(scanner)
        else:
            entries[name] = _read_entry(scanner, name)
        if len(entries) > MAX_ENTRIES:
            raise scanner.error(f"names more than {MAX_ENTRIES} tensors")
    scanner.finish()
    _check_tiling(entries, data_size)
    return Header(entries, metadata or {})


def _read_metadata(scanner: _Scanner) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for key in scanner.members():
        if key in metadata:
            raise scanner.error(f"names the metadata {key[:80]!r} twice")
        metadata[key] = scanner.string()
        scanner.spend(200)
    return metadata


def _read_entry(scanner: _Scanner, name: str) -> HeaderEntry:
    dtype, shape, (begin, end) = scanner.usual_entry() or _read_fields(scanner, name)
    if dtype not in DTYPES:
        raise scanner.error(f"gives {name[:80]!r} the dtype {dtype[:20]!r}, which is not supported")
    if math.prod(extent or 1 for extent in shape) > MAX_ELEMENTS:
        raise scanner.error(f"gives {name[:80]!r} the shape {list(shape)}, larger than any model's")
    size = DTYPES[dtype][1] * math.prod(shape)
    if end - begin != size:
        raise scanner.error(f"gives {name[:80]!r} {end - begin} bytes where its shape and dtype need {size}")
    return HeaderEntry(sys.intern(dtype), shape, begin, end)


def _read_fields(scanner: _Scanner, name: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Reads dtype, shape and offsets in any order."""
    scanner.spend(_ENTRY_COST)
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    offsets: tuple[int, ...] | None = None
    for field in scanner.members():
        if field == "dtype" and dtype is None:
            dtype = scanner.string()
        elif field == "shape" and shape is None:
            shape = scanner.integers(MAX_DIMENSIONS)
        elif field == "data_offsets" and offsets is None:
            offsets = scanner.integers(2)
        else:
            raise scanner.error(f"has the unexpected field {field[:40]!r} for {name[:80]!r}")
    if dtype is None or shape is None or offsets is None or len(offsets) != 2:
        raise scanner.error(f"lacks the dtype, shape or data_offsets of {name[:80]!r}")
    return dtype, shape, offsets


def _check_tiling(entries: dict[str, HeaderEntry], data_size: int) -> None:
    expected, previous = 0, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != expected:
            fault = "overlaps" if entry.begin < expected else "leaves a hole after"
            raise ModelError(f"The tensor {name[:80]!r} {fault} {previous[:80]!r}; the file is damaged, get it again.")
        expected, previous = entry.end, name
    if expected > data_size:
        raise ModelError(
            f"The file is truncated: its header promises {expected} bytes of tensors and {data_size} are there; get it again."
        )
    if expected < data_size:
        raise ModelError(
            f"The file has {data_size - expected} bytes after its last tensor; it is damaged, get it again."
        )


class _Scanner:
    """Reads the tokens a header may have; `spend` refuses one that would cost more than the allowance in memory."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.position = 0
        self.budget = _ALLOWANCE + len(text)

    def error(self, what: str) -> ModelError:
        return ModelError(
            f"The safetensors header {what}; the file is damaged or not a safetensors file, get it again."
        )

    def spend(self, cost: int) -> None:
        self.budget -= cost
        if self.budget < 0:
            raise self.error("describes more than any model needs")

    def members(self) -> Iterator[str]:
        """Yields the keys of a JSON object; the caller reads each value before asking for the next key."""
        self._expect(b"{")
        if self._accept(b"}"):
            return
        while True:
            key = self.string()
            self._expect(b":")
            yield key
            if self._accept(b"}"):
                return
            self._expect(b",")

    def string(self) -> str:
        token = self._match(_STRING)
        narrow = token.isascii() and not _WIDE.search(token)
        self.spend(len(token) if narrow else 4 * len(token))
        if narrow and b"\\" not in token:
            return token[1:-1].decode()
        try:
            value = json.loads(token)
            value.encode()
        except (ValueError, UnicodeError):
            raise self.error(f"has a malformed string at byte {self.position - len(token)}") from None
        return value

    def integers(self, limit: int) -> tuple[int, ...]:
        self._expect(b"[")
        values: list[int] = []
        while not self._accept(b"]"):
            if values:
                self._expect(b",")
            values.append(int(self._match(_INTEGER)))
            if len(values) > limit:
                raise self.error(f"has a list of more than {limit} numbers at byte {self.position}")
        return tuple(values)

    def usual_entry(self) -> tuple[str, tuple[int, ...], tuple[int, ...]] | None:
        """Reads dtype, shape and offsets where they are written as usual; charges what `_read_fields` charges for them."""
        match = _USUAL_ENTRY.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        dtype, shape, begin, end = match.groups()
        self.spend(_ENTRY_COST + len(b'"dtype""shape""data_offsets"""') + len(dtype))
        return dtype.decode(), tuple(map(int, shape.split(b","))) if shape else (), (int(begin), int(end))

    def finish(self) -> None:
        self._skip()
        if self.position != len(self.text):
            raise self.error(f"goes on after its end at byte {self.position}")

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.position)
        if match:
            self.position = match.end()

    def _accept(self, token: bytes) -> bool:
        self._skip()
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def _expect(self, token: bytes) -> None:
        if not self._accept(token):
            raise self.error(f"has no {token.decode()!r} at byte {self.position}")

    def _match(self, pattern: re.Pattern[bytes]) -> bytes:
        self._skip()
        match = pattern.match(self.text, self.position)
        if match is None:
            raise self.error(f"is malformed at byte {self.position}")
        self.position = match.end()
        return match.group()
