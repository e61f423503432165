"""Passes: what is done with a picture after it is drawn, as a request holds it. No torch.

A pass draws the picture again: enlarged first or not, with other values in some of the request's fields. Hires fix is one pass;
a strength of 0 leaves it at enlarging.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sdedge.boxes import STRENGTH, Boxes, boxes_from_json, checked_boxes
from sdedge.errors import InvalidRequest
from sdedge.field_types import Float, PathOrName
from sdedge.sampler_options import Options
from sdedge.text.clean import shown

FIELD = "passes"
MAX_PASSES = 8
MAX_SCALE = 16
MAX_TARGET = 2**15  # pixels of a side
CHANGEABLE = (
    "prompt", "negative", "clip_skip", "steps", "guidance", "sampler", "schedule", "options", "eta", "strength", "speed",
    "guidance_rescale", "guidance_interval",
)  # fmt: skip
"""Fields of a request that a pass may change."""


@dataclass(frozen=True)
class Enlarger:
    """A way to enlarge that needs no model: `label` is the web UI's name, `is_latent` says that it works on latents."""

    name: str
    label: str
    is_latent: bool = False


ENLARGERS: dict[str, Enlarger] = {
    row.name: row
    for row in (
        Enlarger("latent", "Latent", True),
        Enlarger("latent-antialiased", "Latent (antialiased)", True),
        Enlarger("latent-bicubic", "Latent (bicubic)", True),
        Enlarger("latent-bicubic-antialiased", "Latent (bicubic antialiased)", True),
        Enlarger("latent-nearest", "Latent (nearest)", True),
        Enlarger("latent-nearest-exact", "Latent (nearest-exact)", True),
        Enlarger("lanczos", "Lanczos"),
        Enlarger("nearest", "Nearest"),
    )
}
"""Enlargers by name. Any other name is that of an upscaler's file, which `generation.enlarge` looks up."""


class Changes(Options):
    """Values of a request's fields by name, which do not change."""

    def __reduce__(self) -> tuple[type[Changes], tuple[dict[str, Any]]]:
        return Changes, (dict(self),)


class Settings(dict[str, Any]):
    """What is to be laid over the passes of a request, in place of passes."""

    def over(self, passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
        """Returns the passes with these settings. Raises InvalidRequest."""
        raise NotImplementedError


@dataclass(frozen=True)
class Enlargement:
    """How a picture is enlarged.

    by     an enlarger's name, or that of an upscaler
    scale  of both sides
    size   width and height in pixels in place of a scale; one of them 0 follows the other
    """

    by: str = "latent"
    scale: float = 2.0
    size: tuple[int, int] | None = None

    @property
    def in_words(self) -> str:
        """Returns how it enlarges, as in "2 times by lanczos"."""
        to = f"{self.scale:g} times" if self.size is None else f"to {self.size[0]}x{self.size[1]}"
        return f"{to} by {self.by}"

    @property
    def is_latent(self) -> bool:
        """Returns whether latents are enlarged, not pixels."""
        return self.by in ENLARGERS and ENLARGERS[self.by].is_latent

    def target(self, size: tuple[int, int]) -> tuple[int, int]:
        """Returns the width and height in pixels that a picture of a size gets. Raises InvalidRequest for too many."""
        W, H = size
        width, height = self.size or (int(W * self.scale), int(H * self.scale))
        width, height = width or max(1, W * height // H), height or max(1, H * width // W)
        if max(width, height) > MAX_TARGET:
            raise InvalidRequest(
                f"{W}x{H} would be enlarged to {width}x{height}, beyond {MAX_TARGET} pixels a side; choose a smaller scale.",
                field=FIELD,
            )
        return width, height


@dataclass(frozen=True)
class Pass:
    """One more pass over a picture.

    changes  fields of the request that have other values in it
    enlarge  how the picture is enlarged first; None leaves its size
    boxes    what is drawn again, where it is not the whole picture
    """

    changes: Changes = Changes()
    enlarge: Enlargement | None = None
    boxes: Boxes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", Changes(self.changes))

    @property
    def in_words(self) -> str:
        """Returns what it does, as in "enlarged 2 times by latent (strength 0.5)"."""
        changes = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.changes.items())
        drawn = "drawn again" if self.boxes is None else f"what {self.boxes.model} finds drawn again"
        done = drawn if self.enlarge is None else f"enlarged {self.enlarge.in_words}"
        done += f", {drawn}" if self.enlarge is not None and self.boxes is not None else ""
        return f"{done} ({changes})" if changes else done


def drawn_sizes(passes: tuple[Pass, ...], size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yields the sizes (width, height) in pixels at which passes draw anew a picture that is of a size before them.

    Raises InvalidRequest for too many pixels.
    """
    for each in passes:
        size = size if each.enlarge is None else each.enlarge.target(size)
        if each.changes.get("strength") != 0 and each.boxes is None:  # boxes are drawn at the size of the first
            yield size


def checked_pass(each: Pass) -> Pass:
    """Returns a pass in its own types; its changes are checked with their request. Raises InvalidRequest for what is wrong."""
    for name in each.changes:
        if name not in CHANGEABLE:
            raise InvalidRequest(
                f"A pass does not change {shown(name)}; it changes {', '.join(CHANGEABLE)}.", field=FIELD
            )
    if each.boxes is not None:
        changes = Changes({"strength": STRENGTH, **each.changes})
        each = replace(each, changes=changes, boxes=checked_boxes(each.boxes))
    enlarge = each.enlarge
    if enlarge is None:
        return each
    if type(enlarge) is not Enlargement:
        raise InvalidRequest(f"A pass enlarges by {shown(enlarge)}; give its scale or its size.", field=FIELD)
    return replace(each, enlarge=_checked_enlargement(enlarge))


def _checked_enlargement(enlarge: Enlargement) -> Enlargement:
    by = PathOrName(empty="The upscaler has no name; choose one of " + ", ".join(ENLARGERS) + ".").check(
        FIELD, enlarge.by
    )
    if type(enlarge.scale) not in (int, float) or not 1 <= enlarge.scale <= MAX_SCALE:
        raise InvalidRequest(
            f"The scale {shown(enlarge.scale)} is out of range; enlarge by 1 to {MAX_SCALE} times, usually 1.5 or 2.",
            field=FIELD,
        )
    size = enlarge.size
    if size is not None:
        numbers = type(size) is tuple and len(size) == 2 and all(type(side) is int for side in size)
        if not numbers or not all(0 <= side <= MAX_TARGET for side in size) or not any(size):
            written = "x".join(map(str, size)) if numbers else shown(size)
            raise InvalidRequest(
                f"The size to enlarge to is {written}; give width and height in pixels up to {MAX_TARGET}, 0 for one that "
                "follows the other.",
                field=FIELD,
            )
    return Enlargement(enlarger_name(by), Float(1, MAX_SCALE).check(FIELD, enlarge.scale), size)


def enlarger_name(text: str) -> str:
    """Returns our name of an enlarger that the web UI calls by its label; another name as it is."""
    labels = {row.label.lower(): row.name for row in ENLARGERS.values()}
    return labels.get(text.strip().lower(), text)


def pass_from_json(record: Mapping[str, Any]) -> Pass:
    """Returns the pass of an object in JSON; its changes are still JSON's values. Raises InvalidRequest for unknown names."""
    _refuse_unknown(record, ("changes", "enlarge", "boxes"), "A pass")
    changes, enlarge = record.get("changes", {}), record.get("enlarge")
    if not isinstance(changes, Mapping):
        raise InvalidRequest(
            f"The changes of a pass are {shown(changes)}; give an object of request fields.", field=FIELD
        )
    boxes = None if record.get("boxes") is None else boxes_from_json(record["boxes"])
    if enlarge is None:
        return Pass(Changes(changes), boxes=boxes)
    if not isinstance(enlarge, Mapping):
        raise InvalidRequest(f"A pass enlarges by {shown(enlarge)}; give an object with scale or size.", field=FIELD)
    _refuse_unknown(enlarge, tuple(each.name for each in fields(Enlargement)), "Enlarging")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in enlarge.items()
    }
    return Pass(Changes(changes), Enlargement(**values), boxes)


def enlargement_to_json(enlarge: Enlargement) -> dict[str, Any]:
    """Returns what JSON holds of an enlargement: its name, and scale or size."""
    size = enlarge.size
    return {"by": enlarge.by, **({"scale": enlarge.scale} if size is None else {"size": list(size)})}


def _refuse_unknown(record: Mapping[str, Any], names: tuple[str, ...], what: str) -> None:
    if unknown := [name for name in record if name not in names]:
        raise InvalidRequest(f"{what} has no {shown(unknown[0])}; it has {', '.join(names)}.", field=FIELD)
