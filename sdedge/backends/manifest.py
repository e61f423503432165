"""`manifest.json`: what a converted bundle holds. Written by the converters, read by engines, library and app. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from sdedge.errors import ModelError
from sdedge.files import atomic_write

NAME = "manifest.json"
VERSION = 1
KINDS = ("coreml", "graph")


@dataclass(frozen=True)
class Port:
    """One input or output of a component. A dimension that may vary is None."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Component:
    """One network of a bundle; `file` is relative to the bundle, `sha256` that of its files."""

    file: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    bytes: int
    sha256: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    """What was measured: PSNR in dB against the float32 model, op counts, activation bytes."""


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
    components: Mapping[str, Component]
    sizes: tuple[tuple[int, int], ...]
    recipe: Mapping[str, Any]
    source: Mapping[str, Any]
    facts: Mapping[str, Any]
    figures: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """The manifest of a bundle. Raises ModelError for one that is missing, damaged or from another version."""
        path = Path(folder) / NAME
        try:
            record = json.loads(path.read_text("utf-8"))
            version, kind = record.pop("version"), record["kind"]
            if version != VERSION or kind not in KINDS:
                raise ModelError(
                    f"The bundle {folder} has format {version} of kind {kind!r}, and this version of sdedge reads {VERSION} "
                    f"of {' and '.join(KINDS)}; convert the model again."
                )
            known = {name: record[name] for name in (f.name for f in fields(cls)) if name in record}
            parts = {name: parse_component(part) for name, part in known["components"].items()}
            return cls(**{**known, "components": parts, "sizes": tuple((w, h) for w, h in known["sizes"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"The bundle {folder} has no usable {NAME} ({error}); convert the model again.") from error

    def write(self, folder: str | Path) -> None:
        """Raises OutputError."""
        text = json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False)
        with atomic_write(Path(folder) / NAME) as file:
            file.write(text.encode())


def is_bundle(path: str | Path) -> bool:
    """Whether a folder is a converted bundle."""
    return (Path(path) / NAME).is_file()


def parse_component(record: Mapping[str, Any]) -> Component:
    """A component from its JSON record. Raises KeyError or TypeError for anything else."""

    def ports(side: str) -> dict[str, Port]:
        return {name: Port(tuple(port["shape"]), port["dtype"]) for name, port in record[side].items()}

    return Component(**{**record, "inputs": ports("inputs"), "outputs": ports("outputs")})
