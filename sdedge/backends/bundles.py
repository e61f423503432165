"""What the engines of converted bundles have in common: what was settled at conversion, and calls of a fixed batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sdedge.backends.engine import LoraUse, ModelFacts
from sdedge.backends.manifest import Manifest
from sdedge.errors import ModelError, Remedy

Size = tuple[int, int]


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


def nearest_of(sizes: Sequence[Size], wanted: Size, given: tuple[int | None, int | None] = (None, None)) -> Size:
    """The size of nearest proportions, then of nearest area, among those with the sides that are given.

    The wanted one where there is none such, which the engine then refuses by name.
    """

    def apart(size: Size) -> tuple[float, float]:
        across, down = math.log(size[0] / wanted[0]), math.log(size[1] / wanted[1])
        return round(abs(across - down), 9), abs(across + down)

    fitting = [size for size in sizes if all(side in (None, own) for side, own in zip(given, size, strict=True))]
    return min(fitting, key=apart, default=wanted)


def nearest_within(least: int, most: int, unit: int, wanted: Size, given: tuple[int | None, int | None] = (None, None)) -> Size:
    """The wanted size scaled into a range of sides and rounded to multiples of `unit`; sides that are given stay."""
    scale = min(max(least / min(wanted), 1.0), most / max(wanted))

    def side(length: int, own: int | None) -> int:
        return own or min(max(round(length * (1.0 if any(given) else scale) / unit) * unit, least), most)

    return side(wanted[0], given[0]), side(wanted[1], given[1])


def fill(rows: Tensor, size: int) -> Tensor:
    """At most `size` rows (n, …) -> (size, …), the last one repeated."""
    missing = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows
