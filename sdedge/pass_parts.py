"""Settings of passes that have names of their own: at the command line, in JSON and CSV, in grids and in the web UI's text.

`--hires 2 --hires-steps 10` sets two parts of one pass. Each kind of pass is a `Role`; its parts are rows here. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sdedge.boxes import RANGES, STRENGTH, Boxes
from sdedge.errors import InvalidRequest
from sdedge.field_rows import CommandLine, Group
from sdedge.field_types import FieldType, Float, PathOrName
from sdedge.passes import ENLARGERS, MAX_SCALE, Changes, Enlargement, Pass, Settings, enlarger_name
from sdedge.request_fields import FIELDS, no_effect, parse_size

HIRES_STRENGTH = 0.7
"""The web UI's."""


@dataclass(frozen=True)
class Role:
    """A kind of pass: `fits` tells it among a request's, `new` is what one begins as, and `makers` are parts that ask for one.

    `example` is a value of the first of these, `off` those that ask for none; a new one `is_last` or comes first. Its options
    are listed in `group`.
    """

    name: str
    fits: Callable[[Pass], bool]
    new: Pass
    makers: tuple[str, ...]
    group: Group
    example: str = "2"
    off: tuple[Any, ...] = (0,)
    is_last: bool = False


def is_hires(each: Pass) -> bool:
    """Returns whether a pass is hires fix: enlarged, then drawn anew."""
    return each.enlarge is not None and each.boxes is None and each.changes.get("strength") != 0


HIRES = Role(
    "hires fix", is_hires, Pass(Changes(strength=HIRES_STRENGTH), Enlargement()), ("hires", "hires_size"), Group.LARGER
)


DETAIL = Role(
    "a detector", lambda each: each.boxes is not None, Pass(Changes(strength=STRENGTH), boxes=Boxes("none")), ("detail",),
    Group.DETAIL, "face_yolov8n", ("none", "None", "off", ""), True,
)  # fmt: skip


@dataclass(frozen=True)
class TargetSize(FieldType):
    """Width and height in pixels; one of them 0 follows the other."""

    annotation: ClassVar[Any] = tuple[int, int]
    expected: ClassVar[str] = "a size"
    example: str = "1024x1024"

    def check(self, name: str, value: Any) -> Any:
        return value

    def from_json(self, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def parse(self, name: str, text: str) -> tuple[int, int]:
        return parse_size(text)

    def format(self, value: tuple[int, int]) -> str:
        return f"{value[0]}x{value[1]}"


@dataclass(frozen=True)
class NameList(FieldType):
    """Names between commas."""

    annotation: ClassVar[Any] = tuple[str, ...]
    expected: ClassVar[str] = "names between commas"
    example: str = "face,hand"

    def check(self, name: str, value: Any) -> Any:
        return value

    def from_json(self, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def parse(self, name: str, text: str) -> tuple[str, ...]:
        return tuple(filter(None, (part.strip() for part in text.split(","))))

    def format(self, value: tuple[str, ...]) -> str:
        return ",".join(value)


@dataclass(frozen=True)
class EnlargerName(PathOrName):
    """An enlarger by its name or the web UI's label, or the name of an upscaler."""

    empty: str = "The upscaler has no name; choose one such as latent or lanczos."

    def parse(self, name: str, text: str) -> str:
        return enlarger_name(text)

    def format(self, value: str) -> str:
        return ENLARGERS[value].label if value in ENLARGERS else value


@dataclass(frozen=True)
class PassPart:
    """One setting of a kind of pass.

    place    "changes", "enlarge" or "boxes", and the name there
    key      in the web UI's text; "" where it has none of its own
    aliases  other names in JSON and CSV, such as the web UI's API has

    Beside any of `replaced_by` it has no effect.
    """

    name: str
    role: Role
    type: FieldType
    place: tuple[str, str]
    command: CommandLine
    key: str = ""
    aliases: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()

    def read(self, text: str) -> dict[str, Any]:
        """Returns the parts that a text sets: a sampler's may name a schedule. "Use same sampler" and 0 steps set it to the
        first pass's. Raises InvalidRequest.
        """
        text = text.strip()
        if self.place[0] == "changes" and (
            text.lower().startswith("use same") or (self.field == "steps" and text == "0")
        ):
            return {self.name: None}
        spread = self.type.spread(self.name, text)
        return {name if name == self.name else BY_PLACE[self.role.name, name].name: v for name, v in spread.items()}

    @property
    def group(self) -> Group:
        """Returns where its option is listed."""
        return self.role.group

    @property
    def field(self) -> str:
        """Returns the name of what it sets: a field of the request, of the enlargement or of the boxes."""
        return self.place[1]

    def value_in(self, each: Pass) -> Any:
        """Returns what a pass has of it, None where it has none."""
        if self.place[0] == "boxes":
            return getattr(each.boxes, self.field, None)
        return each.changes.get(self.field) if self.place[0] == "changes" else getattr(each.enlarge, self.field, None)

    def put(self, each: Pass, value: Any) -> Pass:
        """Returns a pass with another value of it; None is the request's own."""
        if self.place[0] == "changes":
            changes = {name: old for name, old in each.changes.items() if name != self.field}
            return replace(each, changes=Changes(changes if value is None else {**changes, self.field: value}))
        if self.place[0] == "boxes":
            return replace(each, boxes=replace(each.boxes or Boxes("none"), **{self.field: value}))
        enlarge = each.enlarge or Enlargement()
        others = {"size": None} if self.field == "scale" else {}
        return replace(each, enlarge=replace(enlarge, **{**others, self.field: value}))


def _row(name: str) -> FieldType:
    return FIELDS[name].type


# fmt: off
_PARTS = (
    PassPart("hires", HIRES, Float(0, MAX_SCALE, "2"), ("enlarge", "scale"),
             CommandLine(("--hires",), "Enlarge it so many times and draw it anew from there; 0 is off.", "SCALE"),
             "Hires upscale", ("hires_upscale", "hr_scale"), replaced_by=("hires_size",)),
    PassPart("hires_size", HIRES, TargetSize(), ("enlarge", "size"),
             CommandLine(("--hires-size",), "Or the size to enlarge it to.", "WxH"), "Hires resize", ("hires_resize",)),
    PassPart("hires_upscaler", HIRES, EnlargerName(), ("enlarge", "by"),
             CommandLine(("--hires-upscaler",), "What enlarges it: latent, lanczos, …", "NAME", "latent"), "Hires upscaler",
             ("hr_upscaler",)),
    PassPart("hires_steps", HIRES, _row("steps"), ("changes", "steps"),
             CommandLine(("--hires-steps",), "Steps of hires fix, all of which are run.", "N", "--steps"), "Hires steps",
             ("hr_second_pass_steps",)),
    PassPart("hires_strength", HIRES, _row("strength"), ("changes", "strength"),
             CommandLine(("--hires-strength",), "How much hires fix draws anew.", "NUMBER", str(HIRES_STRENGTH))),
    PassPart("hires_guidance", HIRES, _row("guidance"), ("changes", "guidance"),
             CommandLine(("--hires-guidance",), "Guidance of hires fix.", "NUMBER", "--guidance"), "Hires CFG Scale",
             ("hr_cfg",)),
    PassPart("hires_sampler", HIRES, _row("sampler"), ("changes", "sampler"),
             CommandLine(("--hires-sampler",), "Sampler of hires fix.", "NAME", "--sampler"), "Hires sampler",
             ("hr_sampler_name",)),
    PassPart("hires_schedule", HIRES, _row("schedule"), ("changes", "schedule"),
             CommandLine(("--hires-schedule",), "Schedule of hires fix.", "NAME", "--schedule"), "Hires schedule type",
             ("hr_scheduler",)),
    PassPart("hires_prompt", HIRES, _row("prompt"), ("changes", "prompt"),
             CommandLine(("--hires-prompt",), "Prompt of hires fix.", "TEXT", "the prompt"), "Hires prompt", ("hr_prompt",)),
    PassPart("hires_negative", HIRES, _row("negative"), ("changes", "negative"),
             CommandLine(("--hires-negative",), "Negative prompt of hires fix.", "TEXT", "--negative"),
             "Hires negative prompt", ("hires_negative_prompt", "hr_negative_prompt")),
    PassPart("detail", DETAIL, PathOrName(), ("boxes", "model"),
             CommandLine(("--detail",), "Draw again what a detector finds, such as face_yolov8n; none is off.", "DETECTOR"),
             aliases=("ad_model",)),
    PassPart("detail_confidence", DETAIL, RANGES["confidence"], ("boxes", "confidence"),
             CommandLine(("--detail-confidence",), "How sure the detector must be.", "NUMBER", "0.3"),
             aliases=("ad_confidence",)),
    PassPart("detail_only", DETAIL, NameList(), ("boxes", "only"),
             CommandLine(("--detail-only",), "Classes to draw again, between commas.", "NAMES", "all"),
             aliases=("ad_model_classes",)),
    PassPart("detail_most", DETAIL, RANGES["most"], ("boxes", "most"),
             CommandLine(("--detail-most",), "So many of the largest; 0 is all.", "N", "0"), aliases=("ad_mask_k",)),
    PassPart("detail_strength", DETAIL, _row("strength"), ("changes", "strength"),
             CommandLine(("--detail-strength",), "How much of each is drawn anew.", "NUMBER", str(STRENGTH)),
             aliases=("ad_denoising_strength",)),
    PassPart("detail_prompt", DETAIL, _row("prompt"), ("changes", "prompt"),
             CommandLine(("--detail-prompt",), "Prompt of the boxes, [SEP] between them.", "TEXT", "the prompt"),
             aliases=("ad_prompt",)),
    PassPart("detail_negative", DETAIL, _row("negative"), ("changes", "negative"),
             CommandLine(("--detail-negative",), "Negative prompt of the boxes.", "TEXT", "--negative"),
             aliases=("ad_negative_prompt",)),
    PassPart("detail_steps", DETAIL, _row("steps"), ("changes", "steps"),
             CommandLine(("--detail-steps",), "Steps of each box.", "N", "--steps"), aliases=("ad_steps",)),
    PassPart("detail_guidance", DETAIL, _row("guidance"), ("changes", "guidance"),
             CommandLine(("--detail-guidance",), "Guidance of the boxes.", "NUMBER", "--guidance"), aliases=("ad_cfg_scale",)),
    PassPart("detail_sampler", DETAIL, _row("sampler"), ("changes", "sampler"),
             CommandLine(("--detail-sampler",), "Sampler of the boxes.", "NAME", "--sampler"), aliases=("ad_sampler",)),
    PassPart("detail_schedule", DETAIL, _row("schedule"), ("changes", "schedule"),
             CommandLine(("--detail-schedule",), "Schedule of the boxes.", "NAME", "--schedule"), aliases=("ad_scheduler",)),
    PassPart("detail_dilate", DETAIL, RANGES["dilate"], ("boxes", "dilate"),
             CommandLine(("--detail-dilate",), "How much boxes grow; below 0 they shrink.", "PIXELS", "4"),
             aliases=("ad_dilate_erode",)),
    PassPart("detail_right", DETAIL, RANGES["right"], ("boxes", "right"),
             CommandLine(("--detail-right",), "How far boxes are moved to the right.", "PIXELS", "0"), aliases=("ad_x_offset",)),
    PassPart("detail_up", DETAIL, RANGES["up"], ("boxes", "up"),
             CommandLine(("--detail-up",), "How far boxes are moved up.", "PIXELS", "0"), aliases=("ad_y_offset",)),
    PassPart("detail_blur", DETAIL, RANGES["blur"], ("boxes", "blur"),
             CommandLine(("--detail-blur",), "Soft edge of boxes.", "PIXELS", "4"), aliases=("ad_mask_blur",)),
    PassPart("detail_padding", DETAIL, RANGES["padding"], ("boxes", "padding"),
             CommandLine(("--detail-padding",), "Surroundings drawn with a box.", "PIXELS", "32"),
             aliases=("ad_inpaint_only_masked_padding",)),
)
# fmt: on
PARTS: dict[str, PassPart] = {row.name: row for row in _PARTS}
PART_ALIASES: dict[str, str] = {alias: row.name for row in _PARTS for alias in row.aliases}
BY_PLACE: dict[tuple[str, str], PassPart] = {(row.role.name, row.field): row for row in _PARTS}


class PartSettings(Settings):
    """Values of parts by name, to be laid over the passes of a request: in the order of `PARTS`, so that a size counts beside a
    scale."""

    def over(self, passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
        """Returns the passes with these values. Raises InvalidRequest for parts of a pass that there is none of."""
        for role in {PARTS[name].role.name: PARTS[name].role for name in self}.values():
            passes = self._laid(role, passes)
        return passes

    def _laid(self, role: Role, passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
        own = {name: self[name] for name, part in PARTS.items() if name in self and part.role is role}
        at = next((i for i, each in enumerate(passes) if role.fits(each)), None)
        if role.makers[0] in own and own[role.makers[0]] in role.off:
            return tuple(each for each in passes if not role.fits(each))
        if at is None:
            if not own.keys() & set(role.makers):
                raise InvalidRequest(
                    f"{next(iter(own))} is given without {role.name}; give {role.makers[0]}, such as {role.example}, too.",
                    field="passes",
                )
            passes = (*passes, role.new) if role.is_last else (role.new, *passes)
            at = len(passes) - 1 if role.is_last else 0
        each = passes[at]
        for name, value in own.items():
            each = PARTS[name].put(each, value)
        return (*passes[:at], each, *passes[at + 1 :])


def read_parts(texts: Mapping[str, Any]) -> PartSettings:
    """Returns the values of parts that are given as text, or as values already. Raises InvalidRequest."""
    values: dict[str, Any] = {}
    for name, value in texts.items():
        part = PARTS[name]
        read = part.read(value) if isinstance(value, str) else {name: part.type.from_json(value)}
        values |= {key: each for key, each in read.items() if key == name or key not in texts}
    return PartSettings(values)


def parts_without_effect(names: Collection[str]) -> list[str]:
    """Returns a sentence on each part among the `names` of those that are set, in whose place another of them counts."""
    return [
        no_effect(name, "beside", beside)
        for name, part in PARTS.items()
        if name in names and (beside := [each for each in part.replaced_by if each in names])
    ]


def part_name(key: str) -> str | None:
    """Returns the part of a name in JSON or CSV, None where it is none."""
    name = re.sub(r"[\s-]+", "_", key.strip().lower())
    name = PART_ALIASES.get(name, name)
    return name if name in PARTS else None
