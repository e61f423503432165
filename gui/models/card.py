"""What the window needs to know of a model before it is drawn with, read from its files without their weights. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gui.form.tokens import AdapterKind
from gui.shell.advice import for_the_window
from sdedge import catalog
from sdedge.engines.bundle_limits import (
    bundle_capabilities,
    check_bundle_controls,
    check_bundle_size,
    draws_size,
    longest_context,
    size_range,
)
from sdedge.engines.capability import Capability
from sdedge.engines.open import find_tokenizer, locate
from sdedge.errors import InvalidRequest, ModelError, SdedgeError
from sdedge.generation.requirements import unmet
from sdedge.json_values import read_json_file
from sdedge.library.bundle_controls import converted_controls
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.library.models import EMBEDDED, Library
from sdedge.request import Request
from sdedge.text.tokenizer import LENGTH, Tokenizer

GUIDANCE = 7.5  # of a model that does not say


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model: `side` is its native size in pixels, `bundle` the manifest of a converted one."""

    name: str
    side: int
    guidance: float = GUIDANCE
    in_channels: int = 4
    guidance_channels: int = 0
    can: frozenset[Capability] = frozenset(Capability)
    """What the engine of a converted model can do; everything, for one that is not converted."""
    bundle: Manifest | None = None
    tokenizer: Tokenizer | None = None
    fault: str = ""
    """Why tokens cannot be counted."""

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The sizes to offer, as (width, height) in pixels: a bundle's own, or the usual ones where it draws a range."""
        if self.bundle is None:
            return catalog.SIZES
        if self.bundle.kind == "coreml":
            return self.bundle.sizes
        least, most, _ = size_range(self.bundle)
        offered = [*((side, side) for side in (least, self.side, most)), *catalog.SIZES]
        return tuple(sorted({size for size in offered if draws_size(self.bundle, *size)}))

    @property
    def longest_prompt(self) -> int | None:
        """The most chunks of 75 tokens that a converted model takes; None where there is no end."""
        tokens = longest_context(self.bundle) if self.bundle is not None else None
        return max(1, tokens // LENGTH) if tokens is not None else None

    @property
    def controls(self) -> list[str] | None:
        """The names of the control models that a converted model draws with; None where it takes those that are installed."""
        if self.bundle is None or Capability.CONVERTED_CONTROLS not in self.can:
            return None
        try:
            return [*converted_controls(self.bundle)]
        except ModelError:  # which drawing it says
            return []

    @property
    def fixed_adapters(self) -> frozenset[AdapterKind]:
        """What a converted model takes none of in a prompt, wherever in it they come from."""
        if self.bundle is None:
            return frozenset()
        loras = set() if Capability.LORAS in self.can else {AdapterKind.LORA}
        embeddings = {AdapterKind.EMBEDDING} if self.bundle.kind == "coreml" else set()  # its text encoder takes ids
        return frozenset(loras | embeddings)

    def refusals(self, request: Request) -> dict[str, str]:
        """Returns everything in a request that the model is known to refuse, in words, by field."""
        refused: dict[str, str] = {}
        try:
            for need in unmet(request, self, self.can):
                refused.setdefault(need.field or "model", for_the_window(f"The model {self.name} {need.sentence}"))
            if self.bundle is not None:
                if Capability.CONVERTED_CONTROLS in self.can:
                    check_bundle_controls(self.bundle, [control.model for control in request.controls])
                check_bundle_size(self.bundle, request.width, request.height)
        except (InvalidRequest, ModelError) as error:
            refused.setdefault(error.field or "prompt", for_the_window(str(error)))
        return refused


def read_card(name: str) -> ModelCard:
    """Reads what is known of a model, which may take a second for a large file.

    Raises ModelError when there is no such model or it is damaged.
    """
    path = locate(name)
    tokenizer, fault = None, ""
    try:
        tokenizer = find_tokenizer(name)
    except ModelError as error:
        fault = for_the_window(str(error))
    return _bundle_card(name, path, tokenizer, fault) if is_bundle(path) else _card(name, path, tokenizer, fault)


def _bundle_card(name: str, path: Path, tokenizer: Tokenizer | None, fault: str) -> ModelCard:
    bundle = Manifest.read(path)
    try:
        side, guidance = int(bundle.facts["width"]), float(bundle.facts.get("guidance", GUIDANCE))
        channels, guided = int(bundle.facts["in_channels"]), int(bundle.facts.get("guidance_channels") or 0)
        int(bundle.facts["downscale"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"The bundle {path} is damaged ({error!s:.80}); convert the model again.") from error
    can = bundle_capabilities(bundle)
    return ModelCard(name, side, guidance, channels, guided, can, bundle, tokenizer, fault)


def _card(name: str, path: Path, tokenizer: Tokenizer | None, fault: str) -> ModelCard:
    from sdedge.weights.checkpoint import open_checkpoint

    checkpoint = open_checkpoint(path)
    factor = 2 ** (len(checkpoint.configs["vae"].get("block_out_channels", (1,) * 4)) - 1)
    side = int(checkpoint.configs["unet"].get("sample_size", 64)) * factor
    return ModelCard(name, side, _hinted_guidance(path), checkpoint.in_channels, tokenizer=tokenizer, fault=fault)


def installed_models() -> list[str]:
    """Returns names to choose from: the embedded model first, then the library's."""
    library = Library()
    try:
        return [
            EMBEDDED,
            *(model.name for model in library.models() if model.role == "model" and model.name != EMBEDDED),
        ]
    finally:
        library.close()


def _hinted_guidance(path: Path) -> float:
    try:
        return float(read_json_file(path / "sdedge.json").get("guidance", GUIDANCE))
    except (SdedgeError, ValueError, TypeError, AttributeError):
        return GUIDANCE
