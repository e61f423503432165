"""What was done to a picture after it was drawn, as `sdedge upscale` and the web UI's extras record it: as passes. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sdedge.errors import InvalidRequest
from sdedge.images.carried import FACT
from sdedge.images.metadata_fields import Metadata, Unhonoured, to_float
from sdedge.passes import Changes, Enlargement, Pass, checked_pass, enlarger_name
from sdedge.text.clean import shown

SCALE, UPSCALER = "Postprocess upscale by", "Postprocess upscaler"
MAX_ENLARGEMENTS = 8


def with_enlargements(recorded: Metadata, size: tuple[int, int]) -> Metadata:
    """Returns the settings of a picture whose file has this size, with a last pass for each enlargement that they record.

    The last of them leads to the file's size. What cannot be repeated is listed as not honoured.
    """
    passes, lost = [], []
    for record in list(_recorded(recorded.details))[:MAX_ENLARGEMENTS]:
        try:
            passes.append(_pass_of(record))
        except (InvalidRequest, LookupError, ValueError, TypeError, OverflowError) as error:
            reason = f"The enlargement afterwards cannot be repeated: {shown(str(error))}."
            lost.append(Unhonoured(SCALE, str(record.get(SCALE, ""))[:80], reason))
    if not passes:
        return replace(recorded, unhonoured=(*recorded.unhonoured, *lost))
    last = passes[-1].enlarge or Enlargement()
    passes[-1] = replace(passes[-1], enlarge=replace(last, size=size))
    others = tuple(each for each in recorded.unhonoured if each.field not in (SCALE, UPSCALER))
    fields = {**recorded.fields, "passes": (*recorded.fields.get("passes", ()), *passes)}
    return replace(recorded, fields=fields, unhonoured=(*others, *lost))


def _recorded(details: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields what was done, in its order: a list among our facts, or two settings of the web UI's text."""
    done = details.get(FACT)
    for record in done if isinstance(done, list) else [details]:
        if isinstance(record, Mapping) and SCALE in record:
            yield record


def _pass_of(record: Mapping[str, Any]) -> Pass:
    """Returns a pass that only enlarges. Raises InvalidRequest, LookupError, ValueError, TypeError or OverflowError."""
    name = record[UPSCALER]
    if not isinstance(name, str):
        raise TypeError(f"the upscaler is {shown(name)}")
    return checked_pass(Pass(Changes(strength=0.0), Enlargement(enlarger_name(name), to_float(record[SCALE]))))
