"""Every choice of a Core ML conversion. No coremltools, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, Remedy
from sdedge.library.bundle_controls import CONTROLNET

ATTENTIONS = ("original", "split-einsum", "split-einsum-v2")
COMPUTE_UNITS = ("all", "cpu-and-ne", "cpu-and-gpu", "cpu-only")
TARGETS = ("macOS13", "macOS14", "macOS15")
COMPONENTS = ("text_encoder", "unet", "controlled_unet", "vae_decoder", "vae_encoder", "safety_checker")
COMPRESSIONS = ("none", "8bit", "6bit", "4bit", "2bit", "int8", "4bit-grouped", "int4")
NEWER = ("4bit-grouped", "int4")
"""Compressions that only macOS 15 knows."""
SUSPECT = NEWER
"""Compressions that the Neural Engine is suspected to get wrong, until a report from a Mac says otherwise: palettes of groups
gave wrong values on an M5 Pro (coreai-torch #93), and some for this target are not loaded (coremltools #2688, #2716)."""
CONVERTER = 4
"""Raised whenever the same choices give another program, so that packages of an older converter are made anew."""
UNIT = 64
"""Pixels: eight per latent cell, halved three times."""


@dataclass(frozen=True)
class PackageRecipe:
    """What a bundle is made with. Raises InvalidRequest for what cannot be made.

    sizes          (width, height) in pixels; of several, one package has a function for each, on one set of weights
    attention      how attention is written: "original" suits GPUs, the split ones the Neural Engine
    compute_units  which the bundle is meant for; None is what suits the attention
    batch          latents per call of the UNet: 2 takes both halves of guidance at once
    compress       the scheme for kernels of text encoder and UNet: "none", "8bit", ..., or "mixed-50" to keep 50 dB
    components     which to make; None is every one the model has
    loras          (file, weight) fused into the weights
    controlnets    installed ControlNets by name, or paths of files; with any there is a controlled UNet
    """

    sizes: tuple[tuple[int, int], ...]
    attention: str = "split-einsum"
    target: str = "macOS13"
    compute_units: str | None = None
    batch: int = 2
    compress: str = "none"
    chunk: bool = False
    components: tuple[str, ...] | None = None
    loras: tuple[tuple[Path, float], ...] = ()
    controlnets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for size in self.sizes:
            _check_size(size)
        if len(self.sizes) > 1 and self.target != "macOS15":
            raise InvalidRequest(
                f"Several sizes in one package need {Remedy.TARGET_MACOS15}; {self.target} does not know them.",
                remedy=Remedy.TARGET_MACOS15,
            )
        _choose("attention", self.attention, ATTENTIONS)
        _choose("target", self.target, TARGETS)
        _check_compression(self.compress, self.target)
        if self.compute_units is not None:
            _choose("compute units", self.compute_units, COMPUTE_UNITS)
        for name in self.components or ():
            _choose("component", name, COMPONENTS)
        if self.batch not in (1, 2):
            raise InvalidRequest(f"The UNet's batch cannot be {self.batch}; choose 1 or 2.")

    @property
    def units(self) -> str:
        """The compute units that suit: the Neural Engine for split attention, the GPU for the original one."""
        return self.compute_units or ("cpu-and-gpu" if self.attention == "original" else "cpu-and-ne")

    @property
    def suspect(self) -> bool:
        """Whether it is compressed in a way that the Neural Engine it is meant for is suspected to get wrong."""
        return self.compress in SUSPECT and self.units in ("all", "cpu-and-ne")

    def to_json(self) -> dict[str, Any]:
        """Returns the record for the manifest."""
        return {
            "sizes": [list(size) for size in self.sizes],
            "attention": self.attention,
            "target": self.target,
            "compute_units": self.units,
            "batch": self.batch,
            "compress": self.compress,
            "chunk": self.chunk,
            "loras": [[path.name, weight] for path, weight in self.loras],
        }

    def of(self, component: str, source: Mapping[str, Any], control: str = "") -> dict[str, Any]:
        """Returns the choices that shape one component; where they are equal, so is the package.

        `control` is the hash of a ControlNet's file.
        """
        shared = {
            "converter": CONVERTER,
            "attention": self.attention,
            "target": self.target,
            "source": source["sha256"],
        }
        if component != "text_encoder" and component != "safety_checker":
            shared |= {"sizes": [list(size) for size in self.sizes]}
        if component == "text_encoder":
            shared |= {"compress": self.compress, "loras": source["loras"]}
        if component.startswith(("unet", "controlled_unet")):
            shared |= {"compress": self.compress, "loras": source["loras"], "batch": self.batch, "chunk": self.chunk}
        if component.startswith(CONTROLNET):
            shared |= {"compress": self.compress, "batch": self.batch, "control": control}
        return shared


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width % UNIT or height % UNIT or min(size) < UNIT:
        near = "x".join(str(max(UNIT, round(side / UNIT) * UNIT)) for side in size)
        raise InvalidRequest(
            f"The size {width}x{height} cannot be converted: both sides must be multiples of {UNIT}; try {near}."
        )


def _choose(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidRequest(f"Unknown {what} {value!r}; choose one of {', '.join(known)}.")


def mixed_target(compression: str) -> float | None:
    """Returns the PSNR in dB that a mixed recipe shall keep: 50 of "mixed-50"; None for other names."""
    name, _, decibels = compression.partition("-")
    return float(decibels) if name == "mixed" and decibels.replace(".", "", 1).isdecimal() else None


def _check_compression(name: str, target: str) -> None:
    if name not in COMPRESSIONS and mixed_target(name) is None:
        known = ", ".join(COMPRESSIONS)
        raise InvalidRequest(f"Unknown compression {name!r}; choose one of {known}, or mixed-50 to keep 50 dB.")
    if name in NEWER and target != "macOS15":
        raise InvalidRequest(
            f"The compression {name} needs {Remedy.TARGET_MACOS15}; {target} does not know it.",
            remedy=Remedy.TARGET_MACOS15,
        )
