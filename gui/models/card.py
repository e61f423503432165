"""What the window needs to know of a model before it is drawn with, read from its files without their weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gui.shell.advice import for_the_window
from sdedge.engines.open import find_tokenizer, locate
from sdedge.errors import ModelError, SdedgeError
from sdedge.json_values import read_json_file
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.library.models import EMBEDDED, Library
from sdedge.text.tokenizer import Tokenizer

GUIDANCE = 7.5  # of a model that does not say


@dataclass(frozen=True)
class ModelCard:
    """`side` is the native size in pixels, `sizes` the only ones a converted model draws, if it is one."""

    name: str
    side: int
    guidance: float = GUIDANCE
    inpainting: bool = False
    safety: bool = False
    sizes: tuple[tuple[int, int], ...] = ()
    tokenizer: Tokenizer | None = None
    fault: str = ""
    """Why tokens cannot be counted."""


def read_card(name: str) -> ModelCard:
    """May take a second for a large file. Raises ModelError when there is no such model or it is damaged."""
    path = locate(name)
    tokenizer, fault = None, ""
    try:
        tokenizer = find_tokenizer(name)
    except ModelError as error:
        fault = for_the_window(str(error))
    if is_bundle(path):
        bundle = Manifest.read(path)
        facts: dict[str, Any] = dict(bundle.facts)
        sizes = bundle.sizes if bundle.kind == "coreml" else ()
        return ModelCard(
            name, int(facts["width"]), float(facts.get("guidance", GUIDANCE)), facts.get("in_channels") == 9,
            bool(facts.get("has_safety_checker")), sizes, tokenizer, fault,
        )  # fmt: skip
    from sdedge.weights.checkpoint import open_checkpoint

    checkpoint = open_checkpoint(path)
    factor = 2 ** (len(checkpoint.configs["vae"].get("block_out_channels", (1,) * 4)) - 1)
    side = int(checkpoint.configs["unet"].get("sample_size", 64)) * factor
    return ModelCard(
        name, side, _hinted_guidance(path), checkpoint.in_channels == 9, checkpoint.safety_checker is not None,
        (), tokenizer, fault,
    )  # fmt: skip


def installed_models() -> list[str]:
    """Names to choose from: the embedded model first, then the library's."""
    library = Library()
    try:
        return [EMBEDDED, *(model.name for model in library.models() if model.role != "vae" and model.name != EMBEDDED)]
    finally:
        library.close()


def _hinted_guidance(path: Path) -> float:
    try:
        return float(read_json_file(path / "sdedge.json").get("guidance", GUIDANCE))
    except (SdedgeError, ValueError, TypeError, AttributeError):
        return GUIDANCE
