"""What the engines of converted bundles have in common: what was settled at conversion, and calls of a fixed batch."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdedge.engines.protocol import LoraUse, ModelFacts
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.files import inside
from sdedge.library.manifest import LARGEST_SIDE, Manifest, is_count

ENTRIES = 10_000
"""Files and folders of one bundle."""

Size = tuple[int, int]


def recorded_facts(manifest: Manifest) -> ModelFacts:
    """Returns the model's facts as the conversion wrote them.

    Raises ModelError for those of another version or of other types.
    """
    try:
        _check_facts(manifest.facts)
        return ModelFacts.from_json(manifest.facts)
    except (TypeError, KeyError, ValueError, AttributeError, InvalidRequest) as error:
        raise ModelError(
            f"The bundle {manifest.name} is damaged or from another version ({str(error).rstrip('.'):.200}); "
            "convert the model again."
        ) from error


def _check_facts(facts: Mapping[str, Any]) -> None:
    schedule, betas = facts["schedule"], facts["schedule"]["trained_betas"]
    wrong = [
        *(name for name in ("width", "height") if not _count(facts[name], LARGEST_SIDE) > 0),
        *(name for name in ("downscale", "in_channels", "latent_channels") if not _count(facts[name], 64) > 0),
        *(name for name in ("guidance", "scaling_factor") if not _is_finite(facts[name])),
        *(name for name in ("beta_start", "beta_end") if not _is_finite(schedule[name])),
        *(name for name in ("rescale_betas_zero_snr", "set_alpha_to_one") if not isinstance(schedule[name], bool)),
        *(name for name in ("num_train_timesteps",) if not _count(schedule[name], 100_000) > 1),
        *(name for name in ("steps_offset",) if _count(schedule[name], 100_000) < 0),
        *(name for name in ("timestep_spacing",) if not isinstance(schedule[name], str)),
    ]
    if (
        not isinstance(facts["name"], str)
        or not _count(facts["context_width"], 2**16) > 0
        or not facts["scaling_factor"]
    ):
        wrong.append("name, context_width or scaling_factor")
    if not (betas is None or (1 < len(betas) == schedule["num_train_timesteps"] and all(map(_is_finite, betas)))):
        wrong.append("trained_betas")
    rows = facts["preview"]
    if len(rows) != facts["latent_channels"] + 1 or not all(
        len(row) == 3 and all(map(_is_finite, row)) for row in rows
    ):
        wrong.append("preview")
    if not isinstance(facts["has_safety_checker"], bool) or not all(isinstance(line, str) for line in facts["report"]):
        wrong.append("has_safety_checker or report")
    if wrong:
        raise ValueError(f"its {wrong[0]} cannot be")


def _count(value: Any, most: int) -> int:
    return int(value) if is_count(value, most) else -1


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6 and math.isfinite(value)


def check_tree(folder: Path, manifest: Manifest) -> None:
    """Raises ModelError where a link in a bundle leads out of it, or where something in it is neither file nor folder."""
    pending, seen = [folder, *(folder / part.file for part in manifest.components.values())], 0
    while pending:
        place = pending.pop()
        for entry in _entries(place):
            seen += 1
            if seen > ENTRIES:
                raise ModelError(f"{folder} holds more than {ENTRIES} files; it is no bundle, convert the model again.")
            if entry.is_symlink():
                inside(folder, Path(entry.path).relative_to(folder).as_posix())
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and place != folder:
                pending.append(Path(entry.path))
            elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
                raise ModelError(
                    f"{entry.path} is neither a file nor a folder; take the model from a source you trust."
                )


def _entries(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except OSError:
        return []  # what is missing, or is a file, is told where it is read


def refuse_loras(name: str, loras: Sequence[LoraUse]) -> None:
    """Raises ModelError where there are any."""
    if loras:
        raise ModelError(
            f"The converted bundle {name} cannot take the LoRA {loras[0].path.stem}: its weights are fixed; "
            f"{Remedy.CONVERT_WITH_LORA}, or use the model it was made from.",
            remedy=Remedy.CONVERT_WITH_LORA,
        )


def nearest_of(sizes: Sequence[Size], wanted: Size, fixed: tuple[int | None, int | None] = (None, None)) -> Size:
    """Returns the size of nearest proportions, then of nearest area, among those with the sides that are fixed.

    The wanted one where there is none such, which the engine then refuses by name.
    """

    def apart(size: Size) -> tuple[float, float]:
        across, down = math.log(size[0] / wanted[0]), math.log(size[1] / wanted[1])
        return round(abs(across - down), 9), abs(across + down)

    fitting = [size for size in sizes if all(side in (None, own) for side, own in zip(fixed, size, strict=True))]
    return min(fitting, key=apart, default=wanted)


def nearest_within(
    least: int, most: int, unit: int, wanted: Size, fixed: tuple[int | None, int | None] = (None, None)
) -> Size:
    """Returns the wanted size scaled into a range of sides and rounded to multiples of `unit`; sides that are fixed stay."""
    scale = min(max(least / min(wanted), 1.0), most / max(wanted))

    def side(length: int, own: int | None) -> int:
        return own or min(max(round(length * (1.0 if any(fixed) else scale) / unit) * unit, least), most)

    return side(wanted[0], fixed[0]), side(wanted[1], fixed[1])


def fill_batch(rows: Tensor, size: int) -> Tensor:
    """Fills at most `size` rows (n, …) up to (size, …), the last one repeated."""
    missing = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows
