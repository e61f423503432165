"""Networks whose weights stay in their file: a layer's are read just before it runs and go right after.

A thread reads ahead by the order of the pass before, so that reading and computing overlap, and no more than the largest layer
takes is there at once. What took work to make is kept in a temporary file, whose pages are mapped while
their layer runs and let go right after. From the model's own file weights are read into one buffer that is used in turn,
because a mapping cannot tell when that file is cut.
"""

from __future__ import annotations

import itertools
import mmap
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sdedge.engines.torch.cpu import packing
from sdedge.engines.torch.cpu.fused_unet import PackedConv2d, PackedLinear
from sdedge.engines.torch.cpu.packed_file import POPULATE_READ, PackedFile
from sdedge.files import reserve
from sdedge.machine.threads import compute_alone
from sdedge.models.layers import GEGLU
from sdedge.models.unet import UNet
from sdedge.places import scratch_folder
from sdedge.weights.files import ALIGNMENT, WeightFile, bytes_of
from sdedge.weights.loading import load_into
from sdedge.weights.parts import fill_tensor, is_stored

PATIENCE = 2
"""How many layers may be called before one that was expected first."""

RESERVED = 256 << 20
"""Bytes of the disk that a scratch file takes at a time."""

STREAMED = (nn.Conv2d, nn.Linear, GEGLU)
"""Layers that are read as one. Their vectors (biases) and all norms are small and stay."""

Finish = Callable[[str, Any], None]
StoredOf = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, "CachedWeight"]]
"""Returns what the cache has of a network's layers, by their paths, and of its tensors."""
Source = Any  # what answers shape, dtype and copy: LazyTensor, MergedTensor, JoinedTensor, TensorHalf


def stream(
    module: nn.Module, tensors: Mapping[str, Source], dtype: torch.dtype, device: torch.device,
    order: Sequence[str] = (), finish: Finish | None = None, keep: bool = True,
    stored: StoredOf | None = None,
) -> nn.Module:  # fmt: skip
    """Fills a module that is on the meta device so that its weights come from their file whenever a layer is called.

    `order` names the layers in the order of the first pass, as far as it is known, so that it is read ahead too.
    `finish(path, layer)` packs the weight of a fused layer, as `onednn.load` has it done.

    `stored` tells of weights that an earlier start packed, which are mapped from the cache. Others of another dtype, or for
    layers that take them packed, are made once and kept in an unnamed temporary file; with `keep=False`, for a network that
    runs once, they are made again at every pass.
    Raises ModelError as `load_into` does.
    """
    layers = _layers(module)
    streamed = {f"{path}.{name}" for path, names in layers.items() for name in names}
    load_into(module, tensors, dtype, device, mapped=False, skip=streamed)
    sources = {path: {name: tensors[f"{path}.{name}"] for name in names} for path, names in layers.items()}
    largest = max(sum(_bytes(source, dtype) for source in weights.values()) for weights in sources.values())
    for name in streamed:
        _place(module, name, torch.empty(tensors[name].shape, dtype=dtype, device="meta"))
    finish = finish if packing.available() else None
    if finish is not None:  # which may change what a layer does: it must be known before it is called
        for path, layer in module.named_modules():
            if isinstance(layer, PackedConv2d | PackedLinear):
                finish(path, layer)
    reader = Reader(dtype, device, largest, finish, keep)
    there = stored(dict(module.named_modules()), tensors) if stored and finish else {}
    for path, weights in sources.items():
        weights |= {name: there[f"{path}.{name}"] for name in weights if f"{path}.{name}" in there}
        reader.attach(path, module.get_submodule(path), weights)
    reader.expect([module.get_submodule(path) for path in order if path in sources])
    return module


def call_order(unet: Any) -> list[str]:
    """Returns the paths of a UNet's layers in the order its forward calls them, or of one that has a part of its walk; of any
    other network's in the order it has them."""
    if not hasattr(unet, "layers"):
        return list(_layers(unet))
    paths = ["time_embedding", *(path for bound in unet.layers for path in bound.layer.paths)]
    paths += ["conv_out"] if isinstance(unet, UNet) else []
    names = {module: name for name, module in unet.named_modules()}
    return [
        names[layer] for path in paths for layer in unet.get_submodule(path).modules() if isinstance(layer, STREAMED)
    ]


def _layers(module: nn.Module) -> dict[str, list[str]]:
    """Returns for the path of every streamed layer the names of its matrices and kernels, relative to it."""
    layers: dict[str, list[str]] = {}
    for path, layer in module.named_modules():
        inside = any(path.startswith(f"{outer}.") for outer in layers)
        if isinstance(layer, STREAMED) and not inside:
            layers[path] = [name for name, parameter in layer.named_parameters() if parameter.ndim > 1]
    return layers


def _bytes(source: Source, dtype: torch.dtype) -> int:
    size = torch.Size(source.shape).numel() * dtype.itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass
class Reading:
    """A layer whose weights are being read, and their place in the buffer; `passed` others were called before it."""

    layer: nn.Module
    start: int
    stop: int
    weights: Future[dict[str, Tensor]]
    buffered: bool
    passed: int = 0


class Reader:
    """Puts weights on layers as they are called, and reads the next ones meanwhile into a buffer of `size` bytes."""

    def __init__(
        self, dtype: torch.dtype, device: torch.device, size: int, finish: Finish | None = None, keep: bool = True
    ) -> None:
        self._dtype, self._device, self._size, self._finish, self._keeps = dtype, device, size, finish, keep
        # Two threads that use MPS at once abort inside Metal (pytorch #197805): there the drawing thread moves weights.
        self._moves_ahead = device.type != "mps"
        self._memory: mmap.mmap | None = mmap.mmap(-1, size)
        self._buffer = torch.frombuffer(self._memory, dtype=torch.uint8)
        self._paths: dict[nn.Module, str] = {}
        self._sources: dict[nn.Module, dict[str, Source]] = {}
        self._after: dict[nn.Module, nn.Module] = {}
        """The layer that was called after each, last time."""
        self._current: Reading | None = None
        self._coming: deque[Reading] = deque()
        self._scratch: Scratch | None = None
        self._thread = ThreadPoolExecutor(1, "weights", initializer=compute_alone)

    def attach(self, path: str, layer: nn.Module, sources: Mapping[str, Source]) -> None:
        """Streams these weights of a layer: name relative to it -> where they are."""
        self._paths[layer], self._sources[layer] = path, dict(sources)
        layer.register_forward_pre_hook(self._before)
        layer.register_forward_hook(self._done)

    def expect(self, order: Sequence[nn.Module]) -> None:
        """Layers are called in this order, until they are not."""
        self._after = dict(itertools.pairwise(order))

    def _before(self, layer: nn.Module, arguments: Any) -> None:
        if self._current is not None:
            self._after[self._current.layer] = layer
        self._current = self._take(layer) or self._start(layer, None)
        assert self._current is not None
        for name, tensor in self._current.weights.result().items():
            _place(layer, name, tensor.to(self._device))
        while (following := self._next()) is not None and (
            reading := self._start(following, self._current)
        ) is not None:
            self._coming.append(reading)
        self._empty_buffer()

    def _empty_buffer(self) -> None:
        """Gives the buffer's memory back for good, once every layer is mapped instead."""
        using = [reading for reading in (self._current, *self._coming) if reading and reading.buffered]
        if self._memory is not None and not using and not any(map(self._is_buffered, self._sources)):
            if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
                self._memory.madvise(mmap.MADV_DONTNEED)
            self._memory = None

    def _is_buffered(self, layer: nn.Module) -> bool:
        return not all(
            isinstance(source, CachedWeight) or (isinstance(source, ScratchWeight) and source.map)
            for source in self._sources[layer].values()
        )

    def _take(self, layer: nn.Module) -> Reading | None:
        """Returns the layer's reading, if it was begun.

        Those that should have come before it may still come, but not for long.
        """
        reading = next((coming for coming in self._coming if coming.layer is layer), None)
        for coming in [*self._coming]:
            if coming is reading:
                self._coming.remove(coming)
                break
            coming.passed += 1
            if reading is None or coming.passed > PATIENCE:
                self._coming.remove(coming)
                self._abandon(coming)
        return reading

    def _done(self, layer: nn.Module, arguments: Any, result: Any) -> None:
        for name, source in self._sources[layer].items():
            _place(layer, name, torch.empty(source.shape, dtype=self._dtype, device="meta"))
        self._let_go(layer)

    def _let_go(self, layer: nn.Module) -> None:
        for source in self._sources[layer].values():
            if isinstance(source, ScratchWeight | CachedWeight):
                source.let_go()

    def _abandon(self, reading: Reading) -> None:
        """Forgets a reading that is not wanted; its place is free when this returns."""
        if not reading.weights.cancel():
            reading.weights.exception()
        self._let_go(reading.layer)

    def _next(self) -> nn.Module | None:
        """Returns the layer to read after those being read."""
        last = self._coming[-1] if self._coming else self._current
        following = self._after.get(last.layer) if last else None
        busy = [reading.layer for reading in (self._current, *self._coming) if reading]
        return None if following in busy else following

    def _start(self, layer: nn.Module, current: Reading | None) -> Reading | None:
        """Begins to read a layer into the buffer behind the last one, or at its beginning; None where there is no room."""
        size = sum(_bytes(source, self._dtype) for source in self._sources[layer].values())
        taken = [reading for reading in (current, *self._coming) if reading]
        start = taken[-1].stop if taken else 0
        if start + size > self._size:
            start = 0
        if any(start < reading.stop and reading.start < start + size for reading in taken):
            return None
        buffered = self._is_buffered(layer)
        return Reading(layer, start, start + size, self._thread.submit(self._read, layer, start), buffered)

    @torch.inference_mode()
    def _read(self, layer: nn.Module, start: int) -> dict[str, Tensor]:
        weights = {}
        for name, source in [*self._sources[layer].items()]:
            size = _bytes(source, self._dtype)
            space = self._buffer[start : start + size]
            if isinstance(source, ScratchWeight | CachedWeight):
                weights[name] = source.read(space)
            else:
                weights[name] = self._first(layer, name, source, space)
            if self._moves_ahead:
                weights[name] = weights[name].to(self._device)
            start += size
        return weights

    def _first(self, layer: nn.Module, name: str, source: Source, space: Tensor) -> Tensor:
        """Returns a weight from the model's file, and as the layer takes it from now on."""
        size = torch.Size(source.shape).numel() * self._dtype.itemsize
        weight = space[:size].view(self._dtype).view(source.shape)
        fill_tensor(source, weight)
        memory, form = space[:size], None
        path = name.rpartition(".")[0]
        taker = layer.get_submodule(path)
        if self._finish is not None and isinstance(taker, PackedConv2d | PackedLinear):
            _place(layer, name, weight)
            self._finish(f"{self._paths[layer]}.{path}" if path else self._paths[layer], taker)
            packed, packed_form = packing.bytes_of(taker.weight)
            if len(packed) > len(space):  # a few very small layers grow, and stay
                del self._sources[layer][name]
                return taker.weight
            memory, form = space[: len(packed)].copy_(packed), packed_form
            weight = packing.weight_over(memory, form)
            _place(layer, name, weight)  # or the packed one would stay until the layer is called
        if self._keeps and (form is not None or not is_stored(source, self._dtype)):
            self._scratch = self._scratch or Scratch()
            self._sources[layer][name] = self._scratch.keep(memory, form, source, self._dtype)
        return weight


@dataclass(frozen=True)
class CachedWeight:
    """A weight that an earlier start packed, in a file of the cache."""

    name: str
    shape: tuple[int, ...]
    file: PackedFile

    def read(self, space: Tensor) -> Tensor:
        """Returns the weight over the file's pages; `space` is left alone."""
        self.file.read_ahead(self.name)
        return self.file.tensor(self.name)[0]

    def let_go(self) -> None:
        self.file.let_go(self.name)


@dataclass(frozen=True)
class ScratchWeight:
    """A weight in the scratch file, in its layer's own order where it has a form; `map` is its part of the file on Linux."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    file: WeightFile
    offset: int
    size: int
    form: packing.Form | None
    map: mmap.mmap | None

    def read(self, space: Tensor) -> Tensor:
        """Returns the weight, in the first bytes of `space` where it is not mapped."""
        if self.map is not None:
            with suppress(OSError):  # from Linux 5.14 on; before, pages come as they are touched
                self.map.madvise(POPULATE_READ)
            memory = torch.frombuffer(self.map, dtype=torch.uint8)
        else:
            memory = space[: self.size]
            self.file.read_into(bytes_of(memory), self.offset)
        return packing.weight_over(memory, self.form) if self.form else memory.view(self.dtype).view(self.shape)

    def let_go(self) -> None:
        if self.map is not None:
            self.map.madvise(mmap.MADV_DONTNEED)


class Scratch(WeightFile):
    """An unnamed temporary file of weights that took work to make: converted, packed, or with LoRAs in them."""

    def __init__(self) -> None:
        self._folder = scratch_folder()
        super().__init__(str(self._folder))
        self._reserved = 0

    def _open(self) -> Any:
        return tempfile.TemporaryFile(dir=self._folder, buffering=0)

    def keep(self, memory: Tensor, form: packing.Form | None, source: Source, dtype: torch.dtype) -> Source:
        """Returns a weight's bytes as one of this file; its source where the disk has no room, so that it is made again each
        time.
        """
        left, start = memoryview(bytes_of(memory)), -(-self.size // mmap.PAGESIZE) * mmap.PAGESIZE
        try:
            while start + len(left) > self._reserved:
                reserve(self._file, self._reserved, RESERVED)
                self._reserved += RESERVED
            self._file.seek(start)
            while left:
                left = left[self._file.write(left) :]
            self.size = self._file.tell()
            size = len(memory)
            part = mmap.mmap(self._file.fileno(), size, offset=start) if sys.platform == "linux" else None
        except OSError:
            return source
        return ScratchWeight(source.name, tuple(source.shape), dtype, self, start, size, form, part)


def _place(layer: nn.Module, name: str, tensor: Tensor) -> None:
    path, _, leaf = name.rpartition(".")
    layer.get_submodule(path)._parameters[leaf] = nn.Parameter(tensor, requires_grad=False)
