"""What packed weights are of, and what they depend on: the model's files, the form of the network, and what computes here."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from sdedge.engines.torch.cpu import compiled, fused_loading, fused_unet, int8_unet, packing, winograd
from sdedge.library.file_hashes import sampled_hash
from sdedge.machine.findings import processor
from sdedge.weights import parts
from sdedge.weights.files import LazyTensor, WeightFile

FORMAT = 1
_SWITCHES = ("ONEDNN_", "DNNL_", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "TORCH_")
"""Beginnings of the environment's variables that make torch and oneDNN compute another way."""
CHANGES = {
    "files": "the model's files have changed",
    "sdedge": "another version of sdedge made them",
    "torch": "another version of torch made them",
    "processor": "another processor made them",
    "settings": "they were made under other settings of oneDNN",
}


@dataclass(frozen=True)
class PackedKey:
    """What a file of packed weights has to match.

    identity  which weights they are: it names the file
    state     what they depend on: where it is another one, they are made again in the same place
    """

    identity: Mapping[str, Any]
    state: Mapping[str, Any]

    def change(self, record: Mapping[str, Any]) -> str:
        """Returns why what a file says of itself does not match; "" where it does."""
        if record.get("identity") != self.identity:
            return "they are of something else"
        state = record.get("state")
        if not isinstance(state, dict):
            return "they are damaged"
        return next((why for part, why in CHANGES.items() if state.get(part) != self.state[part]), "")


def packed_key(form: Mapping[str, Any], tensors: Mapping[str, LazyTensor]) -> PackedKey | None:
    """Returns the key of the weights that a network in some form makes of tensors. None where the files that they are in are no
    longer those at their paths. Raises OSError."""
    files = {id(tensor.file): tensor.file for tensor in tensors.values()}
    numbers = {which: number for number, which in enumerate(files)}
    places = [
        [name, numbers[id(tensor.file)], tensor.offset, tensor.dtype_name, tensor.shape, tensor.stride]
        for name, tensor in tensors.items()
    ]
    states = [_state_of(file) for file in files.values()]
    if None in states:
        return None
    paths = [os.path.realpath(file.path) for file in files.values()]
    identity = {**form, "paths": paths, "tensors": _digest(places), "threads": torch.get_num_threads()}
    return PackedKey(_as_json(identity), _as_json({"files": states, **_computing()}))


def _state_of(file: WeightFile) -> list[int | str] | None:
    """Returns what tells a file's content from another one's; None where its path leads to another file by now."""
    opened, there = file.status(), os.stat(file.path)
    if not os.path.samestat(opened, there):
        return None
    times = opened.st_size, opened.st_mtime_ns, opened.st_ctime_ns  # the last of which nobody can set back
    return [*times, sampled_hash(file.path, opened.st_size)]


def _computing() -> dict[str, Any]:
    """Returns what computes here, by whose kernels weights are packed."""
    switches = {name: value for name, value in sorted(os.environ.items()) if name.startswith(_SWITCHES)}
    return {
        "sdedge": [FORMAT, _code()],
        "torch": [version("torch"), _digest(torch.__config__.show())],
        "processor": [
            processor(), platform.machine(), _flags(), torch.backends.cpu.get_cpu_capability(), compiled.level(),
            compiled.float_level(), int8_unet.weight_steps(),
        ],
        "settings": [switches, torch.get_float32_matmul_precision()],
    }  # fmt: skip


@functools.cache
def _code() -> str:
    """Returns a digest of the code that packs, or of sdedge's version where its files are not there to be read."""
    try:
        modules = fused_loading, fused_unet, int8_unet, packing, parts, winograd
        sources = [Path(str(module.__file__)).read_bytes() for module in modules]
    except OSError:
        sources = [version("sdedge").encode()]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()


@functools.cache
def _flags() -> str:
    """Returns a digest of what a processor says it can; "" where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return _digest(next((line for line in lines if line.startswith(("flags", "Features"))), ""))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """Returns the value as it comes back out of a file."""
    result: dict[str, Any] = json.loads(json.dumps(value))
    return result


def plain_tensors(tensors: Iterable[Any]) -> bool:
    """Returns whether all are as they lie in their files, with nothing put in or worked out."""
    return all(type(tensor) is LazyTensor for tensor in tensors)
