"""What a conversion will be: its target, sizes and compression as commands, and what it will take. No torch.

The estimates are rules of thumb from conversions of the embedded and of full-size random models; the view says "about".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gui.languages.texts import tr
from gui.models.items import Item
from sdedge.errors import InvalidRequest
from sdedge.places import data_folder
from sdedge.weights.checkpoint import open_checkpoint

ANE, GPU, GRAPH, INT8 = "ane", "gpu", "graph", "int8"
TARGETS = (ANE, GPU, GRAPH, INT8)
COMPRESSIONS = {"none": 16, "8bit": 8, "6bit": 6, "4bit": 4}
"""Name -> bits per weight of the text encoder and the UNet."""
UNIT, LARGEST = 64, 2048  # pixels

_PROCESS = 400e6  # bytes: Python and the converter's libraries
_PER_WEIGHT = 4 * 1.5  # bytes: the largest network in single precision, and half of it again on its way out
_SECONDS = 8.0  # that every conversion takes
_WEIGHTS_PER_SECOND = 4e6
_COMPARED_SECONDS, _WEIGHTS_COMPARED_PER_SECOND = (
    12.0,
    1e6,
)  # of the comparison, which runs the result without its device
_QUANTIZE_FACTOR = 4.0  # a dozen pictures are drawn
_PALETTE_FACTOR = 3.0  # k-means over every kernel
_CONTROLNET = 0.42  # of the UNet's weights: its way down, its middle and the convolutions it adds
_LONGEST = 60  # characters of the ControlNets in the result's name


@dataclass(frozen=True)
class ConversionPlan:
    """One conversion. `sizes` are (width, height) in pixels; a graph and an int8 copy draw any and have none."""

    model: Item
    target: str
    sizes: tuple[tuple[int, int], ...] = ()
    compression: str = "none"
    compare: bool = True
    """Whether the result is compared with the model once it is in the library."""
    side: int = 512
    """The model's own, in pixels."""
    controls: tuple[str, ...] = ()
    """The names of installed ControlNets that go along in a Core ML bundle."""

    @property
    def name(self) -> str:
        """What the result is called in the library."""
        size = (
            "x".join(map(str, self.sizes[0]))
            if len(self.sizes) == 1
            else f"{len(self.sizes)} sizes"
            if self.sizes
            else ""
        )
        bits = "" if self.compression == "none" else self.compression
        target = {ANE: "neural engine", GPU: "gpu", GRAPH: "mps", INT8: "int8"}[self.target]
        controls = " ".join(self.controls)[:_LONGEST].strip()
        parts = (self.model.name, target, size, bits, controls)
        return re.sub(r"[^\w .+-]", "", " ".join(part for part in parts if part))

    @property
    def folder(self) -> Path:
        return data_folder() / "converted" / self.name

    def convert(self) -> list[str]:
        """Returns the arguments of `sdedge` that make it."""
        source = self.model.name if self.model.embedded else str(self.model.path)
        if self.target == INT8:
            return ["models", "quantize", source, str(self.folder)]
        if self.target == GRAPH:
            return [
                "convert",
                "mps",
                source,
                "--out",
                str(self.folder),
                "--size",
                "..".join(map(str, graph_range(self.side))),
                "--json",
            ]
        sizes = ",".join(f"{width}x{height}" for width, height in self.sizes)
        newer = ["--target", "macOS15"] if len(self.sizes) > 1 else []
        attention = "split-einsum" if self.target == ANE else "original"
        controls = [f"--controlnet={name}" for name in self.controls]
        return [
            "convert", "coreml", source, "--out", str(self.folder), "--size", sizes, "--attention", attention,
            "--compress", self.compression, "--json", *newer, *controls,
        ]  # fmt: skip

    def verify(self) -> list[str] | None:
        """Returns the arguments that compare it with the model; an int8 copy was compared as it was made."""
        if self.target == INT8:
            return None
        source = self.model.name if self.model.embedded else str(self.model.path)
        return ["convert", "verify", str(self.folder), "--model", source, "--steps", "5", "--json"]

    def install(self) -> list[str]:
        """Returns the arguments that put it into the library, under the licence of the model."""
        licence = ["--license", self.model.licence, *(["--accept-license"] if self.model.accepted else [])]
        return ["models", "add", str(self.folder), "--link", "--name", self.name, "--json", *licence]


@dataclass(frozen=True)
class Estimate:
    """About what a conversion takes: bytes on disk, bytes of memory, seconds."""

    disk: float
    memory: float
    seconds: float


def graph_range(side: int) -> tuple[int, int]:
    """Returns the sizes that a graph is made for, from half the model's own side to twice: 256 to 1024 for v1's 512."""
    return max(UNIT, side // 2 // UNIT * UNIT), min(LARGEST, max(UNIT, 2 * side // UNIT * UNIT))


def count_weights(model: Path) -> dict[str, int]:
    """Returns the numbers of weights by network, from the headers of the files. Raises ModelError."""
    parts = open_checkpoint(model).components
    return {name: sum(tensor.numel for tensor in tensors.values()) for name, tensors in parts.items()}


def estimate(plan: ConversionPlan, weights: Mapping[str, int]) -> Estimate:
    """Returns what a conversion of a model with these numbers of weights takes."""
    narrow = sum(count for name, count in weights.items() if name in ("unet", "text_encoder"))
    half = sum(weights.values()) - narrow
    bits = COMPRESSIONS[plan.compression]
    if plan.target == INT8:  # the weights stay as they are, for devices without int8
        pictures = _QUANTIZE_FACTOR * weights.get("unet", 0) / _WEIGHTS_PER_SECOND
        return Estimate(sum(weights.values()) * 4, _PROCESS + _PER_WEIGHT * sum(weights.values()), _SECONDS + pictures)
    if plan.controls:  # with a UNet that takes them, beside the plain one
        narrow += round(weights.get("unet", 0) * (1 + _CONTROLNET * len(plan.controls)))
    disk = narrow * bits / 8 + half * 2
    factor = _PALETTE_FACTOR if bits < 16 else 1.0
    seconds = _SECONDS + factor * (narrow + half) / _WEIGHTS_PER_SECOND
    if plan.compare:
        seconds += _COMPARED_SECONDS + (narrow + half) / _WEIGHTS_COMPARED_PER_SECOND
    return Estimate(disk, _PROCESS + _PER_WEIGHT * max(weights.values()), seconds)


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Sizes as typed: "512, 512x768". Raises InvalidRequest with what is wrong."""
    sizes = []
    for word in filter(None, re.split(r"[,;\s]+", text.strip())):
        match = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", word, re.IGNORECASE)
        if match is None:
            raise InvalidRequest(tr("“{0}” is not a size; type 512x768, or 512 for a square.").format(word[:40]))
        size = int(match[1]), int(match[2] or match[1])
        if any(side % UNIT or not UNIT <= side <= LARGEST for side in size):
            text = tr("“{0}” cannot be drawn; choose multiples of {1} up to {2}, such as 512x768.")
            raise InvalidRequest(text.format(word, UNIT, LARGEST))
        sizes.append(size)
    if not sizes:
        raise InvalidRequest(tr("Type at least one size, such as 512."))
    return tuple(dict.fromkeys(sizes))
