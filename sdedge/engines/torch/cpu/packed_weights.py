"""The weights of a network as an earlier start packed them: taken from the cache where they are there, and else put there.

Only what lies in a model's own files is put there: a layer with a LoRA in it, or one whose weights are worked out otherwise, is
packed anew, and what has such a layer is never written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from sdedge.engines.torch.cpu import packed_cache, packing
from sdedge.engines.torch.cpu.packed_file import PackedFile, PackedWriter, Unusable
from sdedge.engines.torch.cpu.packed_key import PackedKey, packed_key, plain_tensors
from sdedge.engines.torch.cpu.streaming import CachedWeight
from sdedge.errors import Remedy
from sdedge.machine.memory_plan import spoken_size
from sdedge.weights.files import LazyTensor
from sdedge.weights.held import HeldTensor
from sdedge.weights.lora import MergedTensor
from sdedge.weights.parts import JoinedTensor, TensorHalf

BESIDE = ("scales", "zeros")
"""What a layer in int8 has beside its weight."""
_failed: set[str] = set()
"""Files that this process could not write, which it does not try again."""


class PackedWeights:
    """One network's weights in the cache: `put` takes them from there, `add` puts them there, one layer at a time."""

    def __init__(self, key: PackedKey, name: str, size: int, is_edited: bool) -> None:
        self.remarks: list[str] = []
        self.mapped = 0
        """Bytes that were placed out of the file, which the system may drop and read again."""
        self._key, self._name, self._size = key, name, size
        self._path = packed_cache.entry_path(name, key.identity)
        self._file = self._open()
        self._writer = None if self._file or is_edited else self._begin()

    def put(self, layers: Mapping[str, Any], sources: Mapping[str, Any]) -> set[str]:
        """Places what the file has on the layers whose sources are as they lie in the model's files; returns their paths."""
        if self._file is None:
            return set()
        plain = [path for path in layers if plain_tensors(_parts(sources[f"{path}.weight"]))]
        try:
            weights = {path: self._of_layer(self._file, path) for path in plain}
        except (Unusable, KeyError) as error:
            self._tell_again(error)
            self._file = None
            self._writer = self._begin() if len(plain) == len(layers) else None
            return set()
        for path, (tensors, memory) in weights.items():
            layers[path].weight = nn.Parameter(tensors.pop("weight"), requires_grad=False)
            layers[path].memory = memory  # which the weight lies in
            self.mapped += len(memory)
            for name, tensor in tensors.items():
                setattr(layers[path], name, tensor)
        return set(weights)

    def add(self, path: str, layer: Any) -> None:
        """Writes what became of a layer, where the network is to be kept."""
        if self._writer is None:
            return
        try:
            for name in ("weight", *(each for each in BESIDE if hasattr(layer, each))):
                self._writer.add(f"{path}.{name}", getattr(layer, name))
        except OSError as error:
            self._give_up(error)

    def in_place_of(self, tensors: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns tensors to fill a plain network with: those that the file has, converted, in place of the model's."""
        if self._file is None:
            return tensors
        try:
            stored = {name: HeldTensor(self._file.tensor(name)[0], name) for name in self._file.tensors}
        except Unusable as error:
            self._tell_again(error)
            self._file, self._writer = None, self._begin()
            return tensors
        self.mapped += sum(source.tensor.nbytes for source in stored.values())
        return {name: stored.get(name, tensor) for name, tensor in tensors.items()}

    def add_converted(self, network: nn.Module, tensors: Mapping[str, LazyTensor]) -> None:
        """Writes the tensors of a plain network that its model's files have in another number format."""
        if self._writer is None:
            return
        try:
            for name, tensor in network.state_dict().items():
                if not tensor.is_meta and tensors[name].dtype != tensor.dtype:
                    self._writer.add(name, tensor)
        except OSError as error:
            self._give_up(error)
        self.finish(tensors)

    def finish(self, tensors: Mapping[str, LazyTensor]) -> None:
        """Gives the file its name, unless the model's files have changed meanwhile. Weights that are not finite are not kept."""
        if self._writer is None:
            return
        try:
            if self._key == packed_key_of(self._key, tensors):
                self._writer.commit({"identity": self._key.identity, "state": self._key.state})
                self._writer = None
                self._stay_below(packed_cache.choice().limit)
        except OSError as error:
            self._give_up(error)

    def _stay_below(self, limit: int) -> None:
        """Removes the file again where it came out larger than was foretold and there is no room for that."""
        if not packed_cache.make_room(0, limit, packed_cache.LATELY):
            packed_cache.discard(self._path)
            self._refuse(f"with them there would be more than the {spoken_size(limit)} that may be kept")

    def close(self) -> None:
        """Leaves nothing half written behind."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def _open(self) -> PackedFile | None:
        try:
            file = PackedFile(self._path)
            if change := self._key.change(file.record):
                raise Unusable(change)
            self._check(file)
        except FileNotFoundError:
            return None
        except Unusable as error:
            self._tell_again(error)
            return None
        packed_cache.use(self._path)
        return file

    def _check(self, file: PackedFile) -> None:
        file.check()

    def _of_layer(self, file: PackedFile, path: str) -> tuple[dict[str, Tensor], Tensor]:
        weight, memory = file.tensor(f"{path}.weight")
        beside = {name: file.tensor(f"{path}.{name}")[0] for name in BESIDE if f"{path}.{name}" in file.tensors}
        return {"weight": weight, **beside}, memory

    def _begin(self) -> PackedWriter | None:
        limit = packed_cache.choice().limit
        if str(self._path) in _failed:
            return None
        try:
            if not packed_cache.make_room(self._size, limit, packed_cache.LATELY):
                others = " beside those that were used lately" if self._size <= limit else ""
                self._refuse(f"they take {spoken_size(self._size)}, and {spoken_size(limit)} may be kept{others}")
            elif not packed_cache.has_disk_for(self._size):
                self._refuse(f"they take {spoken_size(self._size)}, and the disk has no room for that")
            else:
                return PackedWriter(self._path, self._size)
        except OSError as error:
            self._give_up(error)
        return None

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._refuse(error.strerror or str(error))

    def _refuse(self, why: str) -> None:
        _failed.add(str(self._path))
        self.remarks.append(f"The packed weights of {self._name} were not kept: {why}; {Remedy.PACKED_ROOM}.")

    def _tell_again(self, error: Exception) -> None:
        packed_cache.discard(self._path)
        self.remarks.append(
            f"The packed weights of {self._name} in the cache cannot be used and are made again: {error}."
        )


class StreamedWeights(PackedWeights):
    """One network's weights in the cache, for layers that let them go after every call. Nothing is put there."""

    def __init__(self, key: PackedKey, name: str, size: int) -> None:
        super().__init__(key, name, size, is_edited=True)

    def sources(self, layers: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, CachedWeight]:
        """Returns what the file has of the layers whose tensors are as they lie in the model's files, by the tensors' names, and
        places what layers in int8 have beside their weight."""
        file = self._file
        if file is None:
            return {}
        paths = [path for path in layers if f"{path}.weight" in file.tensors]
        paths = [path for path in paths if plain_tensors(_parts(tensors[f"{path}.weight"]))]
        try:
            for path, name in itertools.product(paths, BESIDE):
                if f"{path}.{name}" in file.tensors:
                    setattr(layers[path], name, file.tensor(f"{path}.{name}")[0].clone())
        except Unusable as error:
            self._tell_again(error)
            return {}
        names = {f"{path}.weight": tuple(tensors[f"{path}.weight"].shape) for path in paths}
        return {name: CachedWeight(name, shape, file) for name, shape in names.items()}

    def _check(self, file: PackedFile) -> None:
        for name in file.checked():
            file.let_go(name)


def packed_key_of(key: PackedKey, tensors: Mapping[str, LazyTensor]) -> PackedKey | None:
    """Returns the key that the same form has by now. Raises OSError."""
    derived = ("paths", "tensors", "threads")
    return packed_key({name: value for name, value in key.identity.items() if name not in derived}, tensors)


@dataclass(frozen=True)
class Packing:
    """How a network is packed.

    form      what packing depends on: kind, number format, and whatever else
    label     for people
    itemsize  bytes of a number
    in_bytes  layers whose weights are bytes instead
    """

    form: Mapping[str, Any]
    label: str
    itemsize: int
    in_bytes: Collection[str] = ()

    def size(self, tensors: Mapping[str, Any]) -> int:
        """Returns about how many bytes the packed weights have."""
        return sum(
            math.prod(tensor.shape) * (1 if name.removesuffix(".weight") in self.in_bytes else self.itemsize)
            for name, tensor in tensors.items()
        )

    def key(self, tensors: Mapping[str, Any]) -> PackedKey | None:
        """Returns the key of what the model's own tensors become; None where they are not kept."""
        bases = {name: tensor.base if isinstance(tensor, MergedTensor) else tensor for name, tensor in tensors.items()}
        wanted = packed_cache.choice().keep and self.size(tensors) >= packed_cache.LEAST
        if not wanted or not plain_tensors(bases.values()) or not packing.available():
            return None
        try:
            return packed_key(self.form, bases)
        except OSError:
            return None


@contextmanager
def packed_weights(how: Packing, tensors: Mapping[str, Any]) -> Iterator[PackedWeights | None]:
    """Yields what is kept, or to be kept, of a network; None where nothing is. The tensors may have LoRAs in them."""
    key = how.key(tensors)
    is_edited = not plain_tensors(tensors.values())
    packed = None if key is None else PackedWeights(key, how.label, how.size(tensors), is_edited)
    try:
        yield packed
    finally:
        if packed is not None:
            packed.close()


def streamed_weights(how: Packing, tensors: Mapping[str, Any]) -> StreamedWeights | None:
    """Returns what is kept of a network whose layers let their weights go; None where nothing is, or may be."""
    key = how.key(tensors)
    return None if key is None else StreamedWeights(key, how.label, how.size(tensors))


def stored_bytes(how: Packing, tensors: Mapping[str, Any]) -> int:
    """Returns how many bytes of a network's weights the cache has, not checked yet; 0 where LoRAs are in them."""
    key = how.key(tensors) if plain_tensors(tensors.values()) else None
    if key is None:
        return 0
    try:
        file = PackedFile(packed_cache.entry_path(how.label, key.identity))
    except (FileNotFoundError, Unusable):
        return 0
    return 0 if key.change(file.record) else sum(stored.size for stored in file.tensors.values())


def question(size: int) -> str:
    """Returns what asks, once, whether packed weights of so many bytes may be kept; "" where it was asked or is settled."""
    if size < packed_cache.LEAST or not packing.available() or not packed_cache.mark_asked():
        return ""
    return (
        f"The weights were packed for this processor's kernels, as they are at every start; {Remedy.KEEP_PACKED}, about "
        f"{spoken_size(size)} for this model, and the next start takes them from there."
    )


def forget_failures() -> None:
    """Lets files that this process could not write be tried again."""
    _failed.clear()


def mapped_bytes(network: nn.Module) -> int:
    """Returns how many bytes of a network's weights are mapped from the cache, which the system may drop and read again."""
    return int(getattr(network, "mapped", 0))


def _parts(source: Any) -> tuple[Any, ...]:
    if isinstance(source, JoinedTensor):
        return source.parts
    return (source.tensor,) if isinstance(source, TensorHalf) else (source,)
