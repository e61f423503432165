"""Regions of the web UI's Regional Prompter extension: columns or rows of a picture, with parts of the prompt. No torch.

    common ADDCOMM base ADDBASE left part BREAK right part           RP Ratios: "1,2", RP Matrix submode: Columns

Anything else that the extension does (grids of both, masks, regions of words) is listed as not honoured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate, pairwise

from sdedge.errors import InvalidRequest
from sdedge.images.metadata_fields import Draft, to_float
from sdedge.regions import MAX_REGIONS, Region, RegionMethod

PREFIX = "RP "
_COLUMNS, _ROWS = ("columns", "horizontal"), ("rows", "vertical")
_PARTS = re.compile(r"\b(?:ADDCOL|ADDROW|BREAK)\b")
_TAGS = re.compile(r"<[^<>]*>")
_NEAR = (
    "Its regions are drawn by ours, which blend in another way at their borders, so that the picture differs a little."
)


def put_regions(draft: Draft, settings: Mapping[str, str]) -> set[str]:
    """Sets the regions that the extension's settings and the prompt say, and returns the keys that are used up by it."""
    keys = {key for key in settings if key.startswith(PREFIX)}
    if not keys or settings.get("RP Active") == "False":
        return keys
    try:
        prompt, regions = _read(str(draft.fields.get("prompt") or ""), settings)
    except (InvalidRequest, ValueError, TypeError, OverflowError):
        return set()
    draft.fields["prompt"] = prompt
    draft.put("regions", regions)
    draft.leave_out("RP Calc Mode", settings.get("RP Calc Mode", "Attention"), _NEAR)
    if "ADD" in str(draft.fields.get("negative")) or "BREAK" in str(draft.fields.get("negative")):
        draft.leave_out("negative", "", "The negative prompt is not divided by regions; all of it acts everywhere.")
    return keys


def _read(prompt: str, settings: Mapping[str, str]) -> tuple[str, tuple[Region, ...]]:
    """Returns the prompt of the whole picture and the regions. Raises ValueError for what is no plain row of regions."""
    mode = settings.get("RP Divide mode", "Matrix").lower()
    direction = settings.get("RP Matrix submode", "Columns").lower() if mode == "matrix" else mode
    ratios = [to_float(text) for text in settings.get("RP Ratios", "1,1").split(",")]
    if (
        direction not in (*_COLUMNS, *_ROWS)
        or len(ratios) > MAX_REGIONS
        or not all(0 < ratio < 1e6 for ratio in ratios)
    ):
        raise ValueError(direction)
    tags = " ".join(_TAGS.findall(prompt))
    common, prompt = _before(_TAGS.sub("", prompt), "ADDCOMM")
    base, prompt = _before(prompt, "ADDBASE")
    parts = [part.strip(" ,\n") for part in _PARTS.split(prompt)]
    if settings.get("RP Use Common") == "True" and not common:
        common, *parts = parts
    if settings.get("RP Use Base") == "True" and not base:
        base, *parts = parts
    if len(parts) != len(ratios):
        raise ValueError(len(parts))
    base_ratio = to_float(settings.get("RP Base Ratios", "0.2").split(",")[0]) if base else 0.0
    ends = [end / sum(ratios) for end in accumulate(ratios, initial=0.0)]
    by = RegionMethod.PREDICTION if settings.get("RP Calc Mode") == "Latent" else RegionMethod.ATTENTION
    regions = tuple(
        Region(
            ", ".join(text for text in (common, part) if text),
            (start, 0.0, end, 1.0) if direction in _COLUMNS else (0.0, start, 1.0, end),
            base=base_ratio,
            by=by,
        )
        for part, (start, end) in zip(parts, pairwise(ends), strict=True)
    )
    everywhere = [common, base] if base else [common, *parts]
    return " ".join(text for text in (", ".join(filter(None, everywhere)), tags) if text), regions


def _before(prompt: str, word: str) -> tuple[str, str]:
    """Returns what stands before a word, and the rest; nothing, and all of it, without the word."""
    head, separator, tail = prompt.partition(word)
    return (head.strip(" ,\n"), tail) if separator else ("", prompt)
