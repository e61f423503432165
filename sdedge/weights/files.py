"""Files of weights, opened lazily: a name, a shape and a place in the file for every tensor, and no bytes until asked.

`open_tensors` knows the containers by their first bytes, never by the file's extension: safetensors, torch's zip and
its legacy pickle, and the index of a sharded model. Nothing here imports torch until a tensor is read.
"""

from __future__ import annotations

import math
import mmap
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError
from sdedge.files import open_regular, read_at_most
from sdedge.json_values import read_json
from sdedge.weights.headers import DTYPES, MAX_HEADER, parse_header

if TYPE_CHECKING:
    import torch

_PIECE = 1 << 19  # bytes converted at a time: fits the cache
_SENT = 32 << 20  # bytes sent to MPS at a time: each is a copy and a conversion of the GPU
_INDEX_LIMIT = 16 << 20
_MAX_SHARD_NAME = 255  # bytes, what common file systems take
_MAX_SHARDS = 200  # v1 in the smallest shards that diffusers writes has fewer
ALIGNMENT = 64  # bytes: what torch's CPU allocator gives, and a cache line

ITEM_SIZES = dict(DTYPES.values())

# First bytes of files people mistake for checkpoints.
_UNSUPPORTED = (
    (b"version https://git-lfs", "a Git LFS pointer, not the weights; run `git lfs pull` or download the file itself"),
    (b"<!DOCTYPE", "a web page, not weights; the download was probably refused, try again signed in"),
    (b"<!doctype", "a web page, not weights; the download was probably refused, try again signed in"),
    (b"<html", "a web page, not weights; the download was probably refused, try again signed in"),
    (b"GGUF", "a GGUF file; use the .safetensors or .ckpt it was made from"),
    (b"\x89HDF", "an HDF5 (Keras) file; use a .safetensors or .ckpt of the model"),
    (b"\x1f\x8b", "gzip-compressed; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x89PNG", "a PNG picture; textual inversions in pictures are not models"),
    (b"\x08\x03\x12", "an ONNX file; use a .safetensors or .ckpt of the model"),
    (b"\x08\x07\x12", "an ONNX file; use a .safetensors or .ckpt of the model"),
)  # fmt: skip


class WeightFile:
    """An open file of weights. Reads go by position; `map` is for tensors that share the file's pages.

    The file stays usable when its path is deleted or replaced by a rename. `read_into` notices a file that was
    truncated since; a shared map cannot (the process gets SIGBUS), see `checkpoint.load_into`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = self._open()
            self.size = self._file.seek(0, 2)
        except OSError as error:
            raise ModelError(f"Cannot open {self.path}: {error.strerror or error}; check the path.") from None
        except ValueError:  # a NUL or half a character
            raise ModelError(
                f"Cannot open {str(self.path)[:200]!r}: no file can have such a name; check the path."
            ) from None
        self._lock = threading.Lock()
        self._map: mmap.mmap | None = None

    def _open(self) -> Any:
        return open_regular(self.path).detach()  # type: ignore[attr-defined]  # unbuffered, and lives as long as its tensors

    def read_into(self, buffer: Any, offset: int) -> None:
        """Fills a writable buffer from `offset`. Raises ModelError when the file ends before."""
        view = memoryview(buffer).cast("B")
        done = 0
        try:
            with self._lock:
                self._file.seek(offset)
                while done < len(view):
                    count = self._file.readinto(view[done:])
                    if not count:
                        raise ModelError(
                            f"{self.path.name} ends at byte {offset + done}, inside its data; get it again."
                        )
                    done += count
        except OSError as error:
            raise ModelError(f"Cannot read {self.path}: {error.strerror or error}; check the disk.") from None

    def read(self, offset: int, size: int) -> bytes:
        if size < 0 or offset < 0 or offset + size > self.size:
            raise ModelError(f"{self.path.name} ends before byte {offset + size}; it is truncated, get it again.")
        buffer = bytearray(size)
        self.read_into(buffer, offset)
        return bytes(buffer)

    def status(self) -> os.stat_result:
        """Returns what the system knows of the open file, whatever is at its path by now."""
        return os.fstat(self._file.fileno())

    @property
    def map(self) -> mmap.mmap:
        """The whole file, private and copy-on-write: writing to a tensor that views it never reaches the file."""
        if self._map is None:
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        return self._map

    def release(self, offset: int, size: int) -> None:
        """Gives mapped pages back to the system; they are read again when touched."""
        if self._map is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        begin = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
        end = (offset + size) // mmap.PAGESIZE * mmap.PAGESIZE
        if end > begin:
            self._map.madvise(mmap.MADV_DONTNEED, begin, end - begin)


@dataclass(frozen=True, slots=True)
class LazyTensor:
    """A tensor that is still in its file.

    `name` is the name in the file, for messages. `offset` is where its first element is, in bytes; `stride` is in
    elements, None when contiguous.
    """

    name: str
    shape: tuple[int, ...]
    dtype_name: str
    file: WeightFile
    offset: int
    stride: tuple[int, ...] | None = None

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return getattr(torch, self.dtype_name)

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.numel * ITEM_SIZES[self.dtype_name]

    @property
    def span(self) -> int:
        """Bytes from the first element to the end of the last one."""
        if self.stride is None or self.numel == 0:
            return self.nbytes
        last = sum((extent - 1) * step for extent, step in zip(self.shape, self.stride, strict=True))
        return (last + 1) * ITEM_SIZES[self.dtype_name]

    @property
    def aligned(self) -> bool:
        """Whether a view of the file is aligned as torch aligns its own tensors, so that the same kernels run on it."""
        return self.offset % ALIGNMENT == 0 and self.stride is None

    def read(self) -> torch.Tensor:
        """Returns the tensor as a view of the file's map: no bytes are copied, pages come in as they are touched.

        A copy where the file keeps it unaligned (the legacy pickle does).
        """
        import torch

        size = ITEM_SIZES[self.dtype_name]
        if self.numel == 0:
            return torch.empty(self.shape, dtype=self.dtype)
        if self.offset % size:
            return self.copy()
        flat = torch.frombuffer(self.file.map, dtype=self.dtype, count=self.span // size, offset=self.offset)
        return flat.view(self.shape) if self.stride is None else flat.as_strided(self.shape, self.stride)

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        """Returns the tensor in memory of its own, contiguous. At most 2 MB more than the result are used on the way.

        Read, not mapped: on Linux that is several times faster than copying out of a map, and a file that was
        truncated meanwhile raises ModelError instead of killing the process.
        """
        import torch

        dtype = dtype or self.dtype
        if self.numel == 0:
            return torch.empty(self.shape, dtype=dtype, device=device)
        if self.stride is not None:
            flat = torch.empty(self.span // ITEM_SIZES[self.dtype_name], dtype=self.dtype)
            self.file.read_into(bytes_of(flat), self.offset)
            return flat.as_strided(self.shape, self.stride).to(device, dtype).contiguous()
        result = torch.empty(self.shape, dtype=dtype, device=device)
        self.fill(result)
        return result

    def fill(self, target: torch.Tensor) -> None:
        """Writes the tensor into another of its shape, contiguous and of any dtype, with at most 2 MB besides; to MPS with at
        most 32 MB here and there, in the file's own format, which the GPU converts."""
        import torch

        if self.stride is not None:
            target.copy_(self.copy())
        elif target.device.type == "cpu" and target.dtype == self.dtype:
            self.file.read_into(bytes_of(target), self.offset)
        elif target.device.type == "mps":
            flat, size = target.view(-1), ITEM_SIZES[self.dtype_name]
            step = _SENT // size
            piece = torch.empty(min(step, self.numel), dtype=self.dtype)
            for start in range(0, self.numel, step):
                part = piece[: min(step, self.numel - start)]
                self.file.read_into(bytes_of(part), self.offset + start * size)
                flat[start : start + len(part)].copy_(part.to(target.device))
        else:
            flat, size = target.view(-1), ITEM_SIZES[self.dtype_name]
            step = max(1, _PIECE // size)
            piece = torch.empty(min(step, self.numel), dtype=self.dtype)
            # From one half precision to another torch goes value by value, unless by way of float32.
            wide = torch.empty(len(piece)) if size == target.itemsize == 2 else None
            for start in range(0, self.numel, step):
                part = piece[: min(step, self.numel - start)]
                self.file.read_into(bytes_of(part), self.offset + start * size)
                part = part if wide is None else wide[: len(part)].copy_(part)
                flat[start : start + len(part)].copy_(part)

    def release(self) -> None:
        """Drops the mapped pages of this tensor (after `read`)."""
        self.file.release(self.offset, self.span)

    def reshaped(self, shape: tuple[int, ...]) -> LazyTensor:
        """Returns the same bytes under another shape with the same count."""
        if math.prod(shape) != self.numel or self.stride is not None:
            raise ModelError(f"{self.name} has the shape {list(self.shape)}, which cannot become {list(shape)}.")
        return replace(self, shape=shape)


def bytes_of(tensor: torch.Tensor) -> Any:
    """Returns the memory of a contiguous CPU tensor, as an array of bytes to read into or write from."""
    import torch

    return tensor.view(-1).view(torch.uint8).numpy()


class TensorSource(Mapping[str, LazyTensor]):
    """The tensors of one file (or of the shards of one model) by name.

    `container` says what the file is; `metadata` is the safetensors header's; `tree` is, for pickles, the whole
    object with everything that is not a tensor (numbers, texts, inert stubs), for those who read embeddings.
    """

    def __init__(
        self, path: Path, container: str, tensors: dict[str, LazyTensor],
        metadata: dict[str, str] | None = None, tree: Any = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.container = container
        self.metadata = metadata or {}
        self.tree = tree
        self._tensors = tensors

    def __getitem__(self, name: str) -> LazyTensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def open_tensors(path: str | Path, root: Path | None = None, modules: bool = False) -> TensorSource:
    """Opens a file of weights: `.safetensors`, `.ckpt`, `.pt`, `.bin` in either pickle era, or a shard index `.json`, whose
    shards stay inside `root` (by default the folder of the index).

    With `modules` a pickle may hold whole networks, which become inert records in the source's `tree`. Nothing in the file is
    executed and no tensor is read. Raises ModelError saying what is wrong with the file.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise ModelError(f"{path} is a folder; name a file of weights.")
    if path.name.endswith(".json"):
        return _open_shards(path, root or path.parent)
    file = WeightFile(path)
    head = file.read(0, min(64, file.size))
    try:
        if head[:4] == b"PK\x03\x04":
            from sdedge.weights.archives import open_zip
            from sdedge.weights.pickle_names import module_rules, torch_rules

            return open_zip(file, module_rules if modules else torch_rules)
        if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
            from sdedge.weights.archives import open_legacy
            from sdedge.weights.pickle_names import module_rules, torch_rules

            return open_legacy(file, module_rules if modules else torch_rules)
        if len(head) >= 9 and head[8:9] == b"{":
            return _open_safetensors(file)
    except ModelError as error:
        raise ModelError(f"Cannot load {path}: {_lowered(str(error))}") from None
    raise ModelError(f"Cannot load {path}: {_describe(file, head)}.")


def _open_safetensors(file: WeightFile) -> TensorSource:
    length = int.from_bytes(file.read(0, 8), "little")
    if length > MAX_HEADER:
        raise ModelError(
            f"The header claims {length} bytes, more than {MAX_HEADER}; the file is damaged, get it again."
        )
    if 8 + length > file.size:
        raise ModelError(f"The file is truncated inside its header ({file.size} of {8 + length} bytes); get it again.")
    header = parse_header(file.read(8, length), file.size - 8 - length)
    start = 8 + length
    tensors = {
        name: LazyTensor(name, entry.shape, DTYPES[entry.dtype][0], file, start + entry.begin)
        for name, entry in header.entries.items()
    }
    return TensorSource(file.path, "safetensors", tensors, header.metadata)


def _open_shards(index: Path, root: Path) -> TensorSource:
    """Opens a sharded model: `{"weight_map": {tensor: file}}`, files beside the index."""
    record = read_json(read_small(index, _INDEX_LIMIT), str(index), _INDEX_LIMIT, remedy="get the model again")
    wanted = record.get("weight_map") if isinstance(record, dict) else None
    if not isinstance(wanted, dict) or not all(isinstance(shard, str) for shard in wanted.values()):
        raise ModelError(f"{index} is not a shard index (no weight_map in it); get the model again.")
    names = sorted(set(wanted.values()))
    if len(names) > _MAX_SHARDS:
        raise ModelError(f"{index} names {len(names)} files, more than {_MAX_SHARDS}; get the model again.")
    shards: dict[str, TensorSource] = {}
    for shard in names:
        odd = "\\" in shard or "\0" in shard or len(shard.encode()) > _MAX_SHARD_NAME
        if Path(shard).name != shard or shard in ("", ".", "..") or odd:
            raise ModelError(f"{index} names the shard {shard[:80]!r} outside its own folder; refused.")
        if shard.endswith(".json"):
            raise ModelError(
                f"{index} names the shard {shard[:80]!r}, which is an index, not weights; get the model again."
            )
        check_inside(root, index.with_name(shard))
        shards[shard] = open_tensors(index.with_name(shard))
    missing = [name for name, shard in wanted.items() if name not in shards[shard]]
    if missing:
        raise ModelError(
            f"{index.name} names {len(missing)} tensors its shards lack, first {missing[0][:80]!r}; get it again."
        )
    return TensorSource(index, "sharded", {name: shards[shard][name] for name, shard in wanted.items()})


def read_small(path: Path, limit: int) -> bytes:
    """Returns the bytes of a regular file, one more than `limit` at most. Raises ModelError when there is no such file."""
    try:
        return read_at_most(path, limit)
    except OSError as error:
        raise ModelError(
            f"Cannot read {path}: {error.strerror or error}; the model is incomplete, get it again."
        ) from None


def check_inside(root: Path, path: Path) -> None:
    """Raise ModelError when `path` leads out of the model folder `root` by symbolic links. They may lead to the blobs of a
    Hugging Face cache, of which its snapshots (and local copies, once) are made."""
    try:
        target, inside = path.resolve(), root.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{str(path)[:200]!r} cannot be followed ({type(error).__name__}); get the model again."
        ) from None
    blob = target.parent.name == "blobs" and target.parent.parent.name.startswith("models--")
    if not blob and not target.is_relative_to(inside):
        raise ModelError(f"{path} is a link that leads out of the model's folder; put the file itself there.")


def _describe(file: WeightFile, head: bytes) -> str:
    if not head:
        return "the file is empty; get it again"
    if not any(head):
        return "the file is all zeros at its start; the download did not finish, get it again"
    for magic, what in _UNSUPPORTED:
        if head.startswith(magic):
            return f"it is {what}"
    if file.size > 262 and file.read(257, 5) == b"ustar":
        return "it is a tar archive (or torch's format before 2017); save it again with a current torch"
    return "it is neither safetensors nor a torch checkpoint; check that it is the right file and complete"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
