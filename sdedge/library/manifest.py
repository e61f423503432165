"""`manifest.json`: what a converted bundle holds. Written by the converters, read by engines, library and app. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from sdedge.errors import ModelError
from sdedge.files import atomic_write, inside, read_at_most
from sdedge.json_values import read_json

NAME = "manifest.json"
VERSION = 1
KINDS = ("coreml", "graph")
LARGEST_FILE = 2**22
LARGEST_SIDE = 2**14
"""Of a picture in pixels."""
_TEXT = 4096


@dataclass(frozen=True)
class Port:
    """One input or output of a component. A dimension that may vary is None."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class BundleComponent:
    """One network of a bundle; `file` is relative to the bundle, `sha256` that of its files."""

    file: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    bytes: int
    sha256: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    """What was measured: PSNR in dB against the float32 model, op counts, activation bytes."""
    latent_factor: float | None = None
    """Latents are divided by this before a decoder, and an encoder's multiplied by it; None is the model's own factor."""


@dataclass(frozen=True)
class Manifest:
    """A bundle of converted networks.

    kind        "coreml" (.mlpackage folders) or "graph" (torch.export programs)
    components  "text_encoder", "unet" (or "unet_chunk1" and "unet_chunk2"), "vae_encoder", "vae_decoder", "safety_checker"
    sizes       (width, height) in pixels it draws; for a graph with dynamic sizes the smallest and the largest
    recipe      every choice that shaped it, so that the same one is not made twice
    source      the checkpoint: name and hash
    facts       ModelFacts.to_json()
    figures     measured on the whole: the picture's PSNR, seconds, peak memory
    """

    kind: str
    name: str
    components: Mapping[str, BundleComponent]
    sizes: tuple[tuple[int, int], ...]
    recipe: Mapping[str, Any]
    source: Mapping[str, Any]
    facts: Mapping[str, Any]
    figures: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Returns the manifest of a bundle. Raises ModelError for one that is missing, damaged or from another version.

        Every value has its type, and every component's file lies inside the folder. What `recipe`, `source`, `facts` and
        `figures` hold is for those to check who read it.
        """
        try:
            record = _read_json(Path(folder))
        except (OSError, ValueError, ModelError) as error:
            raise ModelError(
                f"The bundle {folder} has no usable {NAME} ({_reason(error)}); convert the model again."
            ) from error
        try:
            return cls.from_json(record, Path(folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"The bundle {folder} has no usable {NAME} ({error!s:.200}); convert the model again."
            ) from error

    @classmethod
    def from_json(cls, record: Any, folder: Path) -> Self:
        """Raises ModelError for another version, ValueError, KeyError or TypeError for anything else."""
        version, kind = record.pop("version"), record["kind"]
        if not isinstance(version, int) or version != VERSION or kind not in KINDS:
            raise ModelError(
                f"The bundle {folder} has format {version!r:.40} of kind {kind!r:.40}, and this version of sdedge reads "
                f"{VERSION} of {' and '.join(KINDS)}; update sdedge, or convert the model again."
            )
        known = {name: record[name] for name in (f.name for f in fields(cls)) if name in record}
        parts = {_text(name): parse_component(part) for name, part in known["components"].items()}
        for part in parts.values():
            inside(folder, part.file)
        for name in ("recipe", "source", "facts", "figures", "versions"):
            _need(isinstance(known.get(name, {}), dict), f"its {name} are no object")
        _need(
            all(isinstance(version, str) for version in known.get("versions", {}).values()), "its versions are no texts"
        )
        sizes = tuple((_side(w), _side(h)) for w, h in known["sizes"])
        _need(0 < len(sizes) <= 1024, "it names no sizes, or too many")
        return cls(**{**known, "name": _text(known["name"]), "components": parts, "sizes": sizes})

    def write(self, folder: str | Path) -> None:
        """Raises OutputError."""
        text = json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False)
        with atomic_write(Path(folder) / NAME) as file:
            file.write(text.encode())


def is_bundle(path: str | Path) -> bool:
    """Returns whether a folder is a converted bundle."""
    return (Path(path) / NAME).is_file()


def parse_component(record: Mapping[str, Any]) -> BundleComponent:
    """Returns a component from its JSON record. Raises ValueError, KeyError or TypeError for anything else."""

    def ports(side: str) -> dict[str, Port]:
        return {_text(name): Port(_dims(port["shape"]), _text(port["dtype"])) for name, port in record[side].items()}

    part = BundleComponent(**{**record, "inputs": ports("inputs"), "outputs": ports("outputs")})
    _need(bool(_text(part.file)) and isinstance(part.sha256, str), "a component has no file or hash")
    _need(is_count(part.bytes, 2**63) and isinstance(part.figures, dict), "a component has no size or figures")
    factor = part.latent_factor
    number = isinstance(factor, int | float) and not isinstance(factor, bool) and 0 < factor < math.inf
    _need(factor is None or number, f"{factor!r:.80} is no latent_factor")
    return part


def is_count(value: Any, most: int) -> bool:
    """Returns whether a value of JSON is a whole number from 0 to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _read_json(folder: Path) -> Any:
    """Raises OSError, ModelError and ValueError."""
    data = read_at_most(inside(folder, NAME), LARGEST_FILE)
    record = read_json(data, "It", LARGEST_FILE, remedy="convert the model again")
    _need(isinstance(record, dict), "it is no object")
    return record


def _reason(error: Exception) -> str:
    """Why a file cannot be read, without the remedy, which its reader gives."""
    return str(error).partition(";")[0][:200]


def _need(truth: bool, why: str) -> None:
    if not truth:
        raise ValueError(why)


def _text(value: Any) -> str:
    _need(isinstance(value, str) and len(value) <= _TEXT, f"{value!r:.80} is no text")
    return str(value)


def _side(value: Any) -> int:
    _need(is_count(value, LARGEST_SIDE) and value > 0, f"{value!r:.80} is no side of a picture")
    return int(value)


def _dims(shape: Any) -> tuple[int | None, ...]:
    _need(isinstance(shape, list) and len(shape) <= 16, f"{shape!r:.80} is no shape")
    _need(all(dim is None or is_count(dim, 2**31) for dim in shape), f"{shape!r:.80} is no shape")
    return tuple(shape)
