"""What it takes to draw a picture again: its settings as a request, what is missing, and what cannot be honoured. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge import catalog
from sdedge.engines.open import default_model
from sdedge.errors import InvalidRequest, Remedy
from sdedge.images import metadata
from sdedge.images.metadata_enlarged import with_enlargements
from sdedge.images.metadata_fields import Metadata, Unhonoured, untaken
from sdedge.images.opening import opened
from sdedge.library.needed_files import MissingFile, NeededFiles, find_files
from sdedge.request import Request
from sdedge.request_fields import MAX_SIDE, depends_on
from sdedge.text.tags import left_out

_PICTURES = {
    "image": f"It was drawn from another picture, which is not in the file; {Remedy.GIVE_IMAGE}.",
    "mask": f"It was drawn with a mask, which is not in the file; {Remedy.GIVE_MASK}.",
}


@dataclass(frozen=True)
class ReproductionPlan:
    """How a picture is drawn again. `request` is None for a file without settings, or one that cannot be opened, of which
    `fault` says why; `source` is the program that drew it."""

    path: Path
    source: str = ""
    request: Request | None = None
    missing: tuple[MissingFile, ...] = ()
    unhonoured: tuple[Unhonoured, ...] = ()
    notices: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_complete(self) -> bool:
        """Returns whether everything that the picture was drawn with is here."""
        return self.request is not None and not self.missing


def plan(path: Path, chosen: Mapping[str, Any] | None = None) -> ReproductionPlan:
    """Reads a picture and finds what it needs; `chosen` are request fields that a person sets in place of its own.

    Never raises for what is in the file.
    """
    try:
        recorded = metadata.read(path)
        with opened(path) as image:
            size = image.size
    except InvalidRequest as error:
        return ReproductionPlan(path, fault=str(error))
    if not recorded.source:
        fault = " ".join((f"{path} carries no settings that can be read.", *recorded.notes))
        return ReproductionPlan(path, fault=fault if recorded.notes else f"{path} carries no settings.")
    recorded = with_enlargements(recorded, size)
    chosen = dict(chosen or {})
    needed = find_files(recorded, chosen)
    unhonoured = [each for each in recorded.unhonoured if each.field not in chosen and each.field not in _PICTURES]
    _ask_for_pictures(needed, {each.field for each in recorded.unhonoured}, chosen)
    _say_what_is_unsaid(needed, recorded, size)
    needed.fields.setdefault("model", default_model())
    request = _request(needed, chosen)
    drawn = request.width, request.height
    if None not in drawn and drawn != size and not (request.outpaint or request.image or request.passes):
        reason = f"The file has {size[0]}x{size[1]} pixels, so that it was changed after this size was drawn."
        needed.unhonoured.append(Unhonoured("size", f"{drawn[0]}x{drawn[1]}", reason))
    return ReproductionPlan(
        path, recorded.source, request, tuple(needed.missing), (*unhonoured, *needed.unhonoured),
        tuple(dict.fromkeys((*recorded.notes, *needed.notices))),
    )  # fmt: skip


def _say_what_is_unsaid(needed: NeededFiles, recorded: Metadata, size: tuple[int, int]) -> None:
    """Lists what the picture depends on and its text does not say, and the tags of its prompt that do not do what they say.

    Where the text has no size, the file's own is drawn.
    """
    fields, said = needed.fields, needed.fields.keys() | {each.field for each in recorded.unhonoured}
    for name in ("seed", "steps", "guidance", "sampler"):
        if name not in said and recorded.source != "sdedge":
            instead = "one is chosen by chance" if name == "seed" else "the usual one is used"
            needed.unhonoured.append(Unhonoured(name, "", f"The picture does not say its {name}; {instead}."))
    if not {"width", "height", "size", "image", "outpaint"} & said and all(
        side % 8 == 0 and 64 <= side <= MAX_SIDE for side in size
    ):
        fields["width"], fields["height"] = size
        needed.unhonoured.append(Unhonoured("size", "", "The picture does not say its size; the file's own is drawn."))
    texts = (str(fields.get(name) or "") for name in ("prompt", "negative"))
    needed.unhonoured += [Unhonoured("prompt", "", sentence) for sentence in left_out(*texts)]


def _ask_for_pictures(needed: NeededFiles, lost: set[str], chosen: Mapping[str, Any]) -> None:
    """Lists the picture and mask that it was drawn from as missing where nobody gives them: no path in a file is opened."""
    for name, reason in _PICTURES.items():
        if name in chosen:
            continue
        if (path := needed.fields.pop(name, None)) is not None or name in lost:
            needed.lack(name, str(path or ""), "", reason)
    if "image" not in chosen and needed.fields.get("outpaint") is not None:
        del needed.fields["outpaint"]


def _request(needed: NeededFiles, chosen: Mapping[str, Any]) -> Request:
    """Returns the settings as a request; what no request takes is left out and listed. Raises InvalidRequest for chosen ones."""
    fields = dict(needed.fields)
    for name in [name for name in fields if name != "image" and "image" not in fields and depends_on(name, "image")]:
        if name not in chosen:
            del fields[name]
    while True:
        try:
            return _drawable(Request(**fields), needed)
        except InvalidRequest as error:
            if error.field in chosen or error.field not in fields:
                raise
            needed.unhonoured.append(Unhonoured(error.field, str(fields.pop(error.field))[:1000], str(error)))


def _drawable(request: Request, needed: NeededFiles) -> Request:
    """Returns the request in numerics that take its sampler and schedule, where those of its program do not."""
    if request.eta is not None and "eta" not in catalog.SAMPLERS[request.sampler].options:
        reason = f"The sampler {request.sampler} has no eta here."
        needed.unhonoured.append(Unhonoured("eta", f"{request.eta:g}", reason))
        request = request.replace(eta=None)
    if _is_taken(request, request.preset):
        return request
    pair = f"{request.sampler} with {request.schedule or 'its schedule'}"
    reason = f"The numerics of {catalog.PRESETS[request.preset].label} do not take {pair}; ours are used."
    needed.unhonoured.append(Unhonoured("preset", request.preset, reason))
    request = request.replace(preset=catalog.DEFAULT_PRESET)
    if request.schedule is None or _is_taken(request, catalog.DEFAULT_PRESET):
        return request
    reason = untaken(request.sampler, request.schedule)
    needed.unhonoured.append(Unhonoured("schedule", request.schedule, reason))
    return request.replace(schedule=None)


def _is_taken(request: Request, preset: str) -> bool:
    """Returns whether a preset has the request's sampler with its schedule."""
    valid = catalog.schedules_of(request.sampler, preset)
    return bool(valid) and (request.schedule is None or request.schedule in valid)
