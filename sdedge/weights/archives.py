"""Torch's two pickled containers, opened lazily: the zip of today and the bare sequence of pickles before torch 1.6.

The zip is read by its central directory, which must describe plain stored entries that do not overlap: torch writes
nothing else, and compressed or overlapping entries are how a small file becomes a large one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sdedge.errors import ModelError
from sdedge.weights import pickles
from sdedge.weights.files import ITEM_SIZES, LazyTensor, TensorSource, WeightFile
from sdedge.weights.headers import MAX_NAME
from sdedge.weights.pickle_names import torch_rules
from sdedge.weights.pickle_opcodes import load
from sdedge.weights.pickles import Costs, Inert, Rules, Storage, StoredTensor

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_ENTRIES = 30_000
_MAX_DIRECTORY = 4 << 20
_MAX_NODES = 300_000
_MAX_DEPTH = 32
_MAX_NAMES = (
    8 << 20
)  # characters of all names together; a checkpoint with averages and optimizer has less than one million

RulesFor = Callable[[dict[str, Storage]], Rules]
Place = Callable[[Storage], int]  # byte offset of a storage's first element


# The zip


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A stored entry: where its local header is, where its bytes are (`offset` is set once the header was read)."""

    name: str
    header: int
    size: int
    offset: int = 0


def open_zip(file: WeightFile, rules: RulesFor = torch_rules) -> TensorSource:
    """Opens a checkpoint written by torch 1.6 or later; `rules` say what its pickle may name."""
    entries = read_directory(file)
    pickled = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickled) != 1:
        raise ModelError(
            "It is a zip archive, but not one torch wrote (no data.pkl in it); unpack it if it holds a model."
        )
    root = pickled[0].partition("/")[0]
    if f"{root}/constants.pkl" in entries:
        raise ModelError("It is a TorchScript program, not weights; get the model's checkpoint.")
    order = entries.get(f"{root}/byteorder")
    if order is not None and file.read(order.offset, min(order.size, 16)) != b"little":
        raise ModelError("Its numbers are big-endian; save it again on a little-endian machine.")
    entry = entries[pickled[0]]
    if entry.size > pickles.MAX_STREAM:
        raise ModelError(
            f"Its data.pkl has {entry.size} bytes, more than {pickles.MAX_STREAM}; it is damaged or hostile."
        )
    storages: dict[str, Storage] = {}
    tree, end = load(file.read(entry.offset, entry.size), rules(storages))
    if end != entry.size:
        raise ModelError("Its data.pkl goes on after its end; the file is damaged or hostile, get it again.")

    def place(storage: Storage) -> int:
        data = entries.get(f"{root}/data/{storage.key}")
        nbytes = storage.numel * ITEM_SIZES[storage.dtype_name]
        if data is None:
            raise ModelError(
                f"The storage {storage.key[:40]!r} is missing from the archive; the file is damaged, get it again."
            )
        if data.size != nbytes:
            raise ModelError(
                f"The storage {storage.key[:40]!r} has {data.size} bytes where {nbytes} are described; get it again."
            )
        return data.offset

    return _source(file, "ckpt", tree, {key: place(storage) for key, storage in storages.items()}.__getitem__)


def read_directory(file: WeightFile) -> dict[str, ArchiveEntry]:
    """Returns the entries of a zip archive by name. Raises ModelError for anything but plain, separate, stored entries."""
    start, size, count = _find_directory(file)
    if size > _MAX_DIRECTORY or count > _MAX_ENTRIES:
        raise ModelError(
            f"The archive lists {count} entries in {size} bytes, more than any model; it is damaged or hostile."
        )
    directory = file.read(start, size)
    entries: dict[str, ArchiveEntry] = {}
    for entry in _directory_entries(directory, count):
        if entry.name in entries:
            raise ModelError(f"The archive names {entry.name[:80]!r} twice; it is damaged or hostile.")
        entries[entry.name] = entry
    located = {name: _locate(file, entry) for name, entry in entries.items()}
    _check_overlap(list(located.values()), start)
    return located


def _find_directory(file: WeightFile) -> tuple[int, int, int]:
    """Returns offset, size and number of entries of the central directory (zip64 when the plain record says so)."""
    tail_start = max(0, file.size - 65_557)
    tail = file.read(tail_start, file.size - tail_start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise ModelError("The archive has no directory at its end: it is truncated, get it again.")
    count, size, start = struct.unpack_from("<HII", tail, at + 10)
    locator = tail_start + at - 20
    if locator >= 0 and (count == 0xFFFF or size == 0xFFFFFFFF or start == 0xFFFFFFFF):
        signature, _, record, _ = struct.unpack("<4sIQI", file.read(locator, 20))
        if signature == b"PK\x06\x07":
            signature, *_, count, size, start = struct.unpack("<4sQHHIIQQQQ", file.read(record, 56))
            if signature != b"PK\x06\x06":
                raise ModelError("The archive's directory is malformed; get the file again.")
    if start + size > file.size:
        raise ModelError("The archive's directory lies outside the file: it is truncated or damaged, get it again.")
    return start, size, count


def _directory_entries(directory: bytes, count: int) -> Iterator[ArchiveEntry]:
    position = 0
    for _ in range(count):
        if len(directory) - position < 46 or directory[position : position + 4] != b"PK\x01\x02":
            raise ModelError("The archive's directory is malformed; get the file again.")
        flags, method = struct.unpack_from("<HH", directory, position + 8)
        packed, size, name_length, extra_length, comment_length = struct.unpack_from("<IIHHH", directory, position + 20)
        (header,) = struct.unpack_from("<I", directory, position + 42)
        after = position + 46 + name_length
        name = _entry_name(directory[position + 46 : after])
        packed, size, header = _wide(directory[after : after + extra_length], packed, size, header)
        if flags & 0x41:
            raise ModelError(f"The archive's entry {name[:80]!r} is encrypted; torch writes no such files.")
        if method != 0 or packed != size:
            raise ModelError(f"The archive's entry {name[:80]!r} is compressed, which torch never does; save it again.")
        yield ArchiveEntry(name, header, size)
        position = after + extra_length + comment_length


def _entry_name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError("The archive has an entry whose name is no text; it is damaged or hostile.") from None
    if not name or name.startswith("/") or "\\" in name or "\0" in name or ":" in name[:2] or ".." in name.split("/"):
        raise ModelError(f"The archive has an entry named {name[:80]!r}, which leads outside of it; refused.")
    return name


def _wide(extra: bytes, packed: int, size: int, header: int) -> tuple[int, int, int]:
    """The zip64 extra field replaces, in this order, the fields that are all ones."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - position - 4) // 8}Q", extra, position + 4))
            size = next(wide, size) if size == 0xFFFFFFFF else size
            packed = next(wide, packed) if packed == 0xFFFFFFFF else packed
            header = next(wide, header) if header == 0xFFFFFFFF else header
        position += 4 + length
    return packed, size, header


def _locate(file: WeightFile, entry: ArchiveEntry) -> ArchiveEntry:
    local = file.read(entry.header, 30)
    name_length, extra_length = struct.unpack_from("<HH", local, 26)
    name = entry.name.encode()
    if local[:4] != b"PK\x03\x04" or name_length != len(name) or file.read(entry.header + 30, name_length) != name:
        raise ModelError(
            f"The archive's entry {entry.name[:80]!r} is not where its directory says; get the file again."
        )
    return ArchiveEntry(entry.name, entry.header, entry.size, entry.header + 30 + name_length + extra_length)


def _check_overlap(entries: list[ArchiveEntry], directory: int) -> None:
    end, previous = 0, ""
    for entry in sorted(entries, key=lambda entry: entry.header):
        if entry.header < end:
            raise ModelError(f"The archive's entries {previous[:60]!r} and {entry.name[:60]!r} overlap; it is hostile.")
        end, previous = entry.offset + entry.size, entry.name
    if end > directory:
        raise ModelError(f"The archive's entry {previous[:80]!r} runs into the directory: it is damaged, get it again.")


# The legacy sequence of pickles


def open_legacy(file: WeightFile, rules_for: RulesFor = torch_rules) -> TensorSource:
    """Opens a checkpoint written before torch 1.6: magic, protocol, system, object, list of storages, then their bytes."""
    stream = file.map
    storages: dict[str, Storage] = {}
    rules, costs = rules_for(storages), Costs()
    magic, position = load(stream, rules, 0, costs)
    if magic != _LEGACY_MAGIC:
        raise ModelError("It is a Python pickle, but not one torch wrote; it holds no weights.")
    protocol, position = load(stream, rules, position, costs)
    system, position = load(stream, rules, position, costs)
    if protocol != _LEGACY_PROTOCOL or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ModelError("Its torch format is unknown or big-endian; save it again with a current torch.")
    tree, position = load(stream, rules, position, costs)
    order, position = load(stream, rules, position, costs)
    offsets = _storage_offsets(file, storages, order, position)
    return _source(file, "ckpt", tree, offsets.__getitem__)


def _storage_offsets(file: WeightFile, storages: dict[str, Storage], order: Any, position: int) -> dict[str, int]:
    """Returns where each storage begins: they follow one another, each after its count of elements."""
    names = [key for key in order if isinstance(key, str)] if isinstance(order, list) else []
    if not isinstance(order, list) or not len(order) == len(names) == len(set(names)) or set(names) != set(storages):
        raise ModelError("The file's list of storages does not match its tensors; it is damaged, get it again.")
    offsets: dict[str, int] = {}
    for key in names:
        storage = storages[key]
        (numel,) = struct.unpack("<q", file.read(position, 8))
        if numel != storage.numel:
            raise ModelError(f"The storage {key[:40]!r} has {numel} elements, not {storage.numel}; get the file again.")
        offsets[key] = position + 8
        position += 8 + numel * ITEM_SIZES[storage.dtype_name]
        if position > file.size:
            raise ModelError(
                f"The file is truncated: {file.size} of at least {position} bytes are there; get it again."
            )
    return offsets


# From the unpickled object to named tensors


def _source(file: WeightFile, container: str, tree: Any, place: Callable[[str], int]) -> TensorSource:
    plain = _Resolver(file, place).resolve(tree)
    tensors: dict[str, LazyTensor] = {}
    _Names(tensors).add(_unwrap(plain), "", 0)
    if not tensors and isinstance(plain, Inert):
        raise ModelError(f"It is a whole pickled {str(plain.kind)[:80]}, not its weights; save its state_dict instead.")
    return TensorSource(file.path, container, tensors, tree=plain)


class _Resolver:
    """Replaces stored tensors by lazy ones through dictionaries, lists and stubs; shared parts are visited once."""

    def __init__(self, file: WeightFile, place: Callable[[str], int]) -> None:
        self.file = file
        self.place = place
        self.done: dict[int, Any] = {}
        self.values_held: list[Any] = []

    def resolve(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, StoredTensor):
            return self._tensor(value)
        if not isinstance(value, (dict, list, tuple, Inert)):
            return value
        if id(value) in self.done:
            return self.done[id(value)]
        if depth > _MAX_DEPTH:
            return None
        self.values_held.append(value)  # keeps the id taken
        if isinstance(value, dict):
            result: Any = {}
            self.done[id(value)] = result
            result.update((key, self.resolve(item, depth + 1)) for key, item in value.items())
        elif isinstance(value, Inert):
            result = Inert(value.kind)
            self.done[id(value)] = result
            result.args = tuple(self.resolve(item, depth + 1) for item in value.args)
            result.state = self.resolve(value.state, depth + 1)
        elif isinstance(value, list):  # entered before its items: it may hold itself, and more than once
            result = self.done[id(value)] = []
            result.extend(self.resolve(item, depth + 1) for item in value)
        else:
            result = self.done[id(value)] = tuple(self.resolve(item, depth + 1) for item in value)
        return result

    def _tensor(self, stored: StoredTensor) -> LazyTensor:
        offset = self.place(stored.storage.key) + stored.offset * ITEM_SIZES[stored.dtype_name]
        stride = None if _is_contiguous(stored.shape, stored.stride) else stored.stride
        return LazyTensor("", stored.shape, stored.dtype_name, self.file, offset, stride)


def _is_contiguous(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    expected = 1
    for extent, step in zip(reversed(shape), reversed(stride), strict=True):
        if extent != 1 and step != expected:
            return False
        expected *= extent
    return True


def _unwrap(tree: Any) -> Any:
    """Lightning keeps the weights under `state_dict`, some tools wrap that again."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(tree, dict) or not isinstance(tree.get("state_dict"), dict):
            break
        tree = tree["state_dict"]
    return tree


class _Names:
    """Named tensors out of nested dictionaries, names joined with dots. What is looked at and what is named is counted: parts
    that a file has once can be in its contents many times."""

    def __init__(self, tensors: dict[str, LazyTensor]) -> None:
        self.tensors = tensors
        self.looked = self.characters = 0

    def add(self, value: Any, prefix: str, depth: int) -> None:
        self.looked += 1 + (len(value) if isinstance(value, dict) else 0)
        self.characters += len(prefix)
        if self.looked > _MAX_NODES or self.characters > _MAX_NAMES or depth > _MAX_DEPTH:
            raise ModelError("The file nests its contents beyond any model; it is damaged or hostile.")
        if len(prefix) > MAX_NAME:
            raise ModelError(
                f"The file has a name of {len(prefix)} characters, {prefix[:80]!r}...; it is damaged or hostile."
            )
        if isinstance(value, LazyTensor):
            if prefix in self.tensors:
                raise ModelError(f"The file names {prefix[:80]!r} twice; it is damaged or hostile.")
            self.tensors[prefix] = replace(value, name=prefix)
        elif isinstance(value, Inert):
            parameters = value.state.get("_parameters") if isinstance(value.state, dict) else None
            self.add(parameters, prefix, depth + 1)  # a ParameterDict, as textual inversions use
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, (LazyTensor, dict, Inert)) and isinstance(key, (str, int)):
                    self.add(item, self._join(prefix, str(key)), depth + 1)

    def _join(self, prefix: str, key: str) -> str:
        # A long key is in memory once, its copies would not be: the name is refused by its first characters.
        return f"{prefix}.{key[: MAX_NAME + 1]}" if prefix else key[: MAX_NAME + 1]
