"""What the engines of converted bundles have in common: what was settled at conversion, and calls of a fixed batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdedge.backends.engine import LoraUse, ModelFacts
from sdedge.backends.manifest import Manifest
from sdedge.errors import ModelError, Remedy


def recorded_facts(manifest: Manifest) -> ModelFacts:
    """The model's facts as the conversion wrote them. Raises ModelError for those of another version."""
    try:
        return ModelFacts.from_json(manifest.facts)
    except (TypeError, KeyError) as error:
        raise ModelError(
            f"The bundle {manifest.name} is from another version ({error}); convert the model again."
        ) from error


def refuse_loras(name: str, loras: Sequence[LoraUse]) -> None:
    """Raises ModelError where there are any."""
    if loras:
        raise ModelError(
            f"The converted bundle {name} cannot take the LoRA {loras[0].path.stem}: its weights are fixed; "
            f"{Remedy.CONVERT_WITH_LORA}, or use the model it was made from.",
            remedy=Remedy.CONVERT_WITH_LORA,
        )


def fill(rows: Tensor, size: int) -> Tensor:
    """At most `size` rows (n, …) -> (size, …), the last one repeated."""
    missing = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows
