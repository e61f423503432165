"""The request: everything that determines one picture, and nothing else. No torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

from sdedge import catalog
from sdedge import sampler_options as options
from sdedge.catalog import MaskedContent, NoiseSource, Preset, Speed
from sdedge.controls import Control
from sdedge.errors import InvalidRequest
from sdedge.guides import GuideChoice
from sdedge.json_values import read_json
from sdedge.passes import Pass
from sdedge.regions import Region, check_prompts
from sdedge.request_fields import FIELDS, SEEDS, default
from sdedge.sampler_options import Options
from sdedge.text.clean import clean, shown
from sdedge.windows import Windows


class Task(StrEnum):
    """What a request asks for, by what it starts from."""

    TXT2IMG = "txt2img"
    IMG2IMG = "img2img"
    INPAINT = "inpaint"


@dataclass(frozen=True)
class Request:
    """One picture. Fields that are None are filled in by the pipeline from the model, the preset or chance.

    Validates itself: `Request(...)` raises InvalidRequest with a sentence naming the value and the valid ones, and with the
    field at fault as data. Types, ranges and defaults stand in `sdedge.request_fields`, a row for each line here.
    """

    prompt: str = default("prompt")
    negative: str = default("negative")
    model: str = default("model")
    vae: str | None = default("vae")
    """Model or file whose VAE replaces the model's own."""
    width: int | None = default("width")
    """Pixels, a multiple of 8; None is the model's native size."""
    height: int | None = default("height")
    steps: int = default("steps")
    guidance: float | None = default("guidance")
    """Classifier-free guidance scale; 1 turns it off; None is what suits the model."""
    sampler: str = default("sampler")
    schedule: str | None = default("schedule")
    """None is what suits the sampler."""
    sigmas: tuple[float, ...] | None = default("sigmas")
    """Noise levels chosen by hand, falling; they replace steps and schedule."""
    timesteps: tuple[float, ...] | None = default("timesteps")
    """Or the timesteps of the levels, falling."""
    eta: float | None = default("eta")
    options: Options = default("options")
    """The sampler's own by name, as `catalog.SAMPLERS` lists them; eta among them becomes the field of that name."""
    preset: Preset = default("preset")
    """Whose numerics to follow: sdedge, a1111, diffusers, compvis, apple."""
    speed: Speed = default("speed")
    """exact, or with which losses to save time: fast, fastest."""
    seed: int | None = default("seed")
    """None is chance, and so is -1, the word for it elsewhere."""
    noise: NoiseSource | None = default("noise")
    """Which generator draws: torch, numpy, philox; None is the preset's."""
    variation_seed: int | None = default("variation_seed")
    """The next picture of a series takes the next one; None is the seed after `seed`."""
    variation_strength: float = default("variation_strength")
    """How far the initial noise is turned towards that of the variation seed, 0 to 1."""
    clip_skip: int = default("clip_skip")
    """1 uses the last layer of the text encoder, 2 the one before (A1111's counting)."""
    image_guidance: float | None = default("image_guidance")
    """How strongly an InstructPix2Pix model keeps to the picture; None is what suits the model."""
    guidance_rescale: float = default("guidance_rescale")
    guidance_interval: tuple[float, float] | None = default("guidance_interval")
    """Guide only while sigma is within (low, high)."""
    guides: tuple[GuideChoice, ...] = default("guides")
    """What guides beside classifier-free guidance, or changes it: PAG, APG, FreeU."""
    image: str | None = default("image")
    """Path of the picture to start from. An open size then follows its proportions."""
    strength: float = default("strength")
    """How much of `image` is drawn anew, 0 to 1."""
    mask: str | None = default("mask")
    """Path of a mask of the picture's shape; white is drawn anew."""
    soft_mask: bool = default("soft_mask")
    """Take the mask's grey for how strongly it is drawn anew, in place of cutting it at half brightness."""
    mask_blur: float = default("mask_blur")
    """Pixels of the picture over which the drawing fades in, inwards from the mask's edge."""
    match_colours: bool = default("match_colours")
    """Bring the drawing's colours to those of the picture around the mask."""
    masked_content: MaskedContent = default("masked_content")
    mask_only: bool = default("mask_only")
    """Draw the masked region alone at full size and paste it back."""
    mask_padding: int = default("mask_padding")
    """Pixels of surroundings that such a region takes in on every side."""
    outpaint: tuple[int, int, int, int] | None = default("outpaint")
    """Pixels added at the left, top, right and bottom."""
    controls: tuple[Control, ...] = default("controls")
    """Hints that say what goes where, each with its control model."""
    passes: tuple[Pass, ...] = default("passes")
    """What is done with the picture afterwards: hires fix, and whatever else draws it again."""
    regions: tuple[Region, ...] = default("regions")
    """Areas of the picture with prompts of their own."""
    windows: Windows | None = default("windows")
    """Draw in windows that overlap, so that the picture may be far larger than the model's own size."""
    tiling: bool = default("tiling")
    """Let every edge continue on the opposite side, so that the picture repeats without a seam."""
    safety: bool | None = default("safety")
    """Run the model's safety checker; None does where the model ships one."""
    watermark: bool = default("watermark")
    """Put CompVis's invisible watermark into the finished pixels."""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, FIELDS[field.name].check(getattr(self, field.name)))
        _check_levels(self)
        _check_image(self)
        _check_windows(self)
        check_prompts(self.prompt, self.regions)
        _settle_options(self)
        for each in self.passes:
            self.changed(each)

    @property
    def task(self) -> Task:
        """Returns what is asked for, by what is set."""
        if self.image is None:
            return Task.TXT2IMG
        return Task.INPAINT if self.mask is not None or self.outpaint is not None else Task.IMG2IMG

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with other values, validated again. Options that another sampler does not take go with the old one."""
        if changes.get("sampler", self.sampler) != self.sampler and changes["sampler"] in catalog.SAMPLERS:
            changes.setdefault("options", options.fitting(changes["sampler"], self.options))
        return dataclasses.replace(self, **changes)

    def overlaid(self, **changes: Any) -> Self:
        """Returns a copy with other values, where those of a field of many parts, such as the options, are laid over its own."""
        parts = {name: changes.pop(name) for name in list(changes) if name in FIELDS and FIELDS[name].type.repeated}
        below = self.replace(**changes)
        return below.replace(**{n: FIELDS[n].type.lay(getattr(below, n), value) for n, value in parts.items()})

    def changed(self, each: Pass) -> Self:
        """Returns the request of a pass, without passes of its own. Raises InvalidRequest, naming the pass."""
        changes: dict[str, Any] = dict(each.changes)
        if each.boxes is not None:  # each is drawn by itself, without what is about the whole picture
            changes |= {"controls": (), "regions": (), "masked_content": MaskedContent.ORIGINAL}
        if changes.get("sampler", self.sampler) != self.sampler:
            changes.setdefault("schedule", None)  # the sampler's own, until the pipeline chooses one
        if changes.keys() & {"steps", "schedule"}:  # in place of levels chosen by hand
            changes |= {"sigmas": None, "timesteps": None}
        try:
            return self.replace(passes=(), **changes)
        except InvalidRequest as error:
            raise InvalidRequest(f"In a pass: {error}", field="passes") from error

    def numbered(self, index: int) -> Self:
        """Returns picture `index` of a series: the next seed, or with variations the next variation of the same one.

        An open seed counts as 0, so choose one first.
        """
        seed = self.seed or 0
        if not self.variation_strength:
            return self.replace(seed=(seed + index) % SEEDS)
        first = seed + 1 if self.variation_seed is None else self.variation_seed
        return self.replace(seed=seed, variation_seed=(first + index) % SEEDS)

    def to_json(self) -> str:
        """Returns compact JSON of the fields that differ from their defaults, plus the ones a picture always depends on."""
        rows = [FIELDS[field.name] for field in fields(self)]
        record = {
            row.name: None if value is None else row.type.to_json(value)
            for row in rows
            if (value := getattr(self, row.name)) != row.default or row.always_recorded
        }
        text = json.dumps(record, ensure_ascii=False)
        # A path may hold bytes that are no UTF-8, as half surrogates; escaped, databases and pipes take them.
        return text if text.isascii() or clean(text) == text else json.dumps(record)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` writes. Raises InvalidRequest for text that is not a request."""
        record = read_json(
            text, "The request", error=InvalidRequest, remedy="pass an object of request fields", keep_halves=True,
            unique_keys=True,
        )  # fmt: skip
        if not isinstance(record, dict):
            raise InvalidRequest(f"The request is a JSON {type(record).__name__}; pass an object of request fields.")
        return cls.from_dict(record)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Builds a request from parsed JSON. Raises InvalidRequest for unknown fields."""
        names = {field.name for field in fields(cls)}
        if unknown := sorted(set(record) - names):
            raise InvalidRequest(
                f"Unknown request field {shown(unknown[0])}; the fields are {', '.join(sorted(names))}."
            )
        return cls(**{name: FIELDS[name].type.from_json(value) for name, value in record.items()})


@dataclass(frozen=True)
class Resolved(Request):
    """A request in which every open choice is made, as the pipeline draws it and the file records it."""

    width: int = 512
    height: int = 512
    guidance: float = 7.5
    seed: int = 0
    noise: NoiseSource = NoiseSource.TORCH


def _check_levels(request: Request) -> None:
    if request.sigmas is not None and request.timesteps is not None:
        raise InvalidRequest("Both sigmas and timesteps are given; give one of them.", field="timesteps")


def _check_image(request: Request) -> None:
    """Raises InvalidRequest for what needs a picture where there is none."""
    if request.image is not None:
        return
    if request.mask is not None:
        raise InvalidRequest(
            f"The mask {shown(request.mask)} has no picture to apply to; give an image too.", field="mask"
        )
    if request.outpaint is not None:
        raise InvalidRequest(
            f"There is no picture to outpaint by {shown(request.outpaint)}; give an image too.", field="outpaint"
        )


def _check_windows(request: Request) -> None:
    """Raises InvalidRequest for windows of a picture whose edges continue on the other side, which no window sees."""
    if request.windows is not None and request.tiling:
        raise InvalidRequest(
            "A picture that repeats without a seam cannot be drawn in windows, which see one edge each; leave out one of both.",
            field="windows",
        )


def _settle_options(request: Request) -> None:
    """Holds options in the sampler's own types, and an eta among them as the field it is."""
    own = options.check(request.sampler, request.options)
    if "eta" in own:
        if request.eta not in (None, own["eta"]):
            raise InvalidRequest(
                f"eta is given twice, as {request.eta} and as {own['eta']}; give it once.", field="eta"
            )
        object.__setattr__(request, "eta", own["eta"])
    object.__setattr__(request, "options", Options({name: value for name, value in own.items() if name != "eta"}))
