"""The request: everything that determines one picture, and nothing else. No torch."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Self

from sdedge import catalog
from sdedge import sampler_options as options
from sdedge.errors import InvalidRequest
from sdedge.json_values import read_json
from sdedge.sampler_options import Options
from sdedge.text.clean import clean, shown

MAX_PROMPT = 20_000  # characters
MAX_SIDE = 4096  # pixels
MAX_STEPS = 1000
MAX_PATH, MAX_NAME = 4096, 255  # bytes of a path and of each part of one
MAX_LEVEL = 10**6  # of a sigma or timestep; a model's own are far lower
SEEDS = 2**64
MASKED_CONTENT = ("original", "fill", "noise", "nothing")


@dataclass(frozen=True)
class Request:
    """One picture. Fields that are None are filled in by the pipeline from the model, the preset or chance.

    Validates itself: `Request(...)` raises InvalidRequest with a sentence naming the value and the valid ones.
    """

    prompt: str = ""
    negative: str = ""
    model: str = "pocket"
    vae: str | None = None
    """Model or file whose VAE replaces the model's own."""
    width: int | None = None
    """Pixels, a multiple of 8; None is the model's native size."""
    height: int | None = None
    steps: int = 20
    guidance: float | None = None
    """Classifier-free guidance scale; 1 turns it off; None is what suits the model."""
    sampler: str = "dpmpp_2m"
    schedule: str | None = None
    """None is what suits the sampler."""
    sigmas: tuple[float, ...] | None = None
    """Noise levels chosen by hand, falling; they replace steps and schedule."""
    timesteps: tuple[float, ...] | None = None
    """Or the timesteps of the levels, falling."""
    eta: float | None = None
    options: Options = Options()
    """The sampler's own by name, as `catalog.SAMPLERS` lists them; eta among them becomes the field of that name."""
    preset: str = catalog.DEFAULT_PRESET
    """Whose numerics to follow: sdedge, a1111, diffusers, compvis, apple."""
    speed: str = catalog.DEFAULT_SPEED
    """exact, or with which losses to save time: fast, fastest."""
    seed: int | None = None
    """None is chance, and so is -1, the word for it elsewhere."""
    noise: str | None = None
    """Which generator draws: torch, numpy, philox; None is the preset's."""
    variation_seed: int | None = None
    """The next picture of a series takes the next one; None is the seed after `seed`."""
    variation_strength: float = 0.0
    """How far the initial noise is turned towards that of the variation seed, 0 to 1."""
    clip_skip: int = 1
    """1 uses the last layer of the text encoder, 2 the one before (A1111's counting)."""
    guidance_rescale: float = 0.0
    guidance_interval: tuple[float, float] | None = None
    """Guide only while sigma is within (low, high)."""
    image: str | None = None
    """Path of the picture to start from. An open size then follows its proportions."""
    strength: float = 0.75
    """How much of `image` is drawn anew, 0 to 1."""
    mask: str | None = None
    """Path of a mask of the picture's shape; white is drawn anew."""
    mask_blur: float = 4.0
    """Pixels of the picture over which the drawing fades in, inwards from the mask's edge."""
    masked_content: str = "original"
    mask_only: bool = False
    """Draw the masked region alone at full size and paste it back."""
    mask_padding: int = 32
    """Pixels of surroundings that such a region takes in on every side."""
    outpaint: tuple[int, int, int, int] | None = None
    """Pixels added at the left, top, right and bottom."""
    tiling: bool = False
    """Let every edge continue on the opposite side, so that the picture repeats without a seam."""
    safety: bool | None = None
    """Run the model's safety checker; None does where the model ships one."""
    watermark: bool = False
    """Put CompVis's invisible watermark into the finished pixels."""

    def __post_init__(self) -> None:
        _check_types(self)
        _tidy(self)
        _check_numbers(self)
        _check_paths(self)
        _check_names(self)
        _settle_options(self)

    @property
    def task(self) -> str:
        """txt2img, img2img or inpaint, from what is given."""
        if self.image is None:
            return "txt2img"
        return "inpaint" if self.mask is not None or self.outpaint is not None else "img2img"

    def replace(self, **changes: Any) -> Self:
        """A copy with other values, validated again. Options that another sampler does not take go with the old one."""
        if changes.get("sampler", self.sampler) != self.sampler and changes["sampler"] in catalog.SAMPLERS:
            changes.setdefault("options", options.fitting(changes["sampler"], self.options))
        return dataclasses.replace(self, **changes)

    def numbered(self, index: int) -> Self:
        """Picture `index` of a series: the next seed, or with variations the next variation of the same one.

        An open seed counts as 0, so choose one first.
        """
        seed = self.seed or 0
        if not self.variation_strength:
            return self.replace(seed=seed + index)
        first = seed + 1 if self.variation_seed is None else self.variation_seed
        return self.replace(seed=seed, variation_seed=(first + index) % SEEDS)

    def to_json(self) -> str:
        """Compact JSON of the fields that differ from their defaults, plus the ones a picture always depends on."""
        always = {"prompt", "model", "width", "height", "steps", "guidance", "sampler", "schedule", "preset", "seed"}
        record = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in always or getattr(self, field.name) != _DEFAULTS[field.name]
        }
        text = json.dumps(record, ensure_ascii=False)
        # A path may hold bytes that are no UTF-8, as half surrogates; escaped, databases and pipes take them.
        return text if text.isascii() or clean(text) == text else json.dumps(record)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises InvalidRequest for text that is not a request."""
        record = read_json(
            text, "The request", error=InvalidRequest, remedy="pass an object of request fields", keep_halves=True
        )
        if not isinstance(record, dict):
            raise InvalidRequest(f"The request is a JSON {type(record).__name__}; pass an object of request fields.")
        return cls.from_dict(record)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Build from parsed JSON. Raises InvalidRequest for unknown fields."""
        names = {field.name for field in fields(cls)}
        if unknown := sorted(set(record) - names):
            raise InvalidRequest(
                f"Unknown request field {shown(unknown[0])}; the fields are {', '.join(sorted(names))}."
            )
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        return cls(**values)


@dataclass(frozen=True)
class Resolved(Request):
    """A request in which every open choice is made, as the pipeline draws it and the file records it."""

    width: int = 512
    height: int = 512
    guidance: float = 7.5
    seed: int = 0
    noise: str = "torch"


_TYPES = typing.get_type_hints(Request)
_DEFAULTS = {field.name: field.default for field in fields(Request)}


def _check_types(request: Request) -> None:
    """Values come from JSON and from people, so annotations are enforced; whole floats become ints and back."""
    for field in fields(request):
        value, wanted = getattr(request, field.name), _TYPES[field.name]
        if field.name == "options" and isinstance(value, Mapping):
            continue  # checked against the sampler's own
        allowed = typing.get_args(wanted) if isinstance(wanted, types.UnionType) else (wanted,)
        plain = tuple(typing.get_origin(kind) or kind for kind in allowed)
        if float in plain and isinstance(value, int) and not isinstance(value, bool):
            object.__setattr__(request, field.name, float(value))
        elif type(value) not in plain:
            names = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in plain)
            raise InvalidRequest(
                f"{field.name} is {shown(value)}, which is not a valid value; give it {names}.", field=field.name
            )
        elif isinstance(value, tuple) and not all(type(v) in (int, float) for v in value):
            raise InvalidRequest(f"{field.name} is {shown(value)}; give it a list of numbers.", field=field.name)


def _tidy(request: Request) -> None:
    """Prompts are cleaned and a seed of -1 is left open, wherever the request comes from."""
    for name in ("prompt", "negative"):
        object.__setattr__(request, name, clean(getattr(request, name)))
    for name in ("seed", "variation_seed"):
        if getattr(request, name) == -1:
            object.__setattr__(request, name, None)


def _check_paths(request: Request) -> None:
    for name in ("model", "vae", "image", "mask"):
        path = getattr(request, name)
        if path is None:
            continue
        try:  # half surrogates of the lower kind stand for bytes that are no UTF-8
            fits = len(path) <= MAX_PATH and all(
                len(part.encode("utf-8", "surrogateescape")) <= MAX_NAME for part in re.split(r"[/\\]", path)
            )
        except UnicodeEncodeError:
            fits = False
        if not fits or "\0" in path:
            raise InvalidRequest(
                f"The {name} {shown(path)} is not a path or name that a system takes; choose another.", field=name
            )


def _check_numbers(request: Request) -> None:
    for name in ("prompt", "negative"):
        if len(getattr(request, name)) > MAX_PROMPT:
            length = len(getattr(request, name))
            raise InvalidRequest(
                f"The {name} has {length} characters; shorten it to {MAX_PROMPT} or fewer.", field=name
            )
    for name in ("width", "height"):
        _check_side(name, getattr(request, name))
    _check_range(request, "steps", 1, MAX_STEPS)
    _check_range(request, "guidance", 0, 100)
    _check_range(request, "eta", 0, 1)
    _check_range(request, "seed", 0, SEEDS - 1)
    _check_range(request, "variation_seed", 0, SEEDS - 1)
    _check_range(request, "variation_strength", 0, 1)
    _check_range(request, "clip_skip", 1, 12)
    _check_range(request, "guidance_rescale", 0, 1)
    _check_range(request, "strength", 0, 1)
    _check_range(request, "mask_blur", 0, 256)
    _check_range(request, "mask_padding", 0, MAX_SIDE)


def _check_side(name: str, side: int | None) -> None:
    if side is None:
        return
    if side < 64 or side > MAX_SIDE:
        raise InvalidRequest(
            f"The {name} {shown(side)} is out of range; choose a multiple of 8 from 64 to {MAX_SIDE}.", field=name
        )
    if side % 8:
        low = max(64, side // 8 * 8)
        raise InvalidRequest(f"The {name} {side} is not a multiple of 8; try {low} or {low + 8}.", field=name)


def _check_range(request: Request, name: str, low: float, high: float) -> None:
    value = getattr(request, name)
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise InvalidRequest(
            f"The {name.replace('_', ' ')} {shown(value)} is out of range; choose from {low} to {high}.", field=name
        )


def _check_names(request: Request) -> None:
    _check_choice("sampler", request.sampler, catalog.SAMPLERS)
    _check_choice("schedule", request.schedule, catalog.SCHEDULES)
    _check_choice("preset", request.preset, catalog.PRESETS)
    _check_choice("speed", request.speed, catalog.SPEEDS)
    _check_choice("noise", request.noise, catalog.NOISE_SOURCES)
    _check_choice("masked_content", request.masked_content, MASKED_CONTENT)
    if not request.model:
        raise InvalidRequest(
            "The model is empty; name an installed model or give the path of a folder or file.", field="model"
        )
    _check_painting(request)
    _check_levels("sigmas", request.sigmas)
    _check_levels("timesteps", request.timesteps)
    if request.sigmas is not None and request.timesteps is not None:
        raise InvalidRequest("Both sigmas and timesteps are given; give one of them.", field="timesteps")


def _check_levels(name: str, levels: Sequence[float] | None) -> None:
    if levels is None:
        return
    if not 1 <= len(levels) <= MAX_STEPS:
        raise InvalidRequest(f"There are {len(levels)} {name}; list 1 to {MAX_STEPS}.", field=name)
    if not all(0 <= level <= MAX_LEVEL for level in levels):  # NaN is not, either
        raise InvalidRequest(
            f"The {name} {_some(levels)} are out of range; list numbers from 0 to {MAX_LEVEL}.", field=name
        )
    if any(a <= b for a, b in pairwise(levels)):
        raise InvalidRequest(f"The {name} {_some(levels)} do not fall; list them from the noisiest to 0.", field=name)


def _some(levels: Sequence[float]) -> str:
    return ", ".join(f"{level:g}" for level in levels[:4]) + (" …" if len(levels) > 4 else "")


def _settle_options(request: Request) -> None:
    """Options in the sampler's own types, and an eta among them as the field it is."""
    given = options.check(request.sampler, request.options)
    if "eta" in given:
        if request.eta not in (None, given["eta"]):
            raise InvalidRequest(
                f"eta is given twice, as {request.eta} and as {given['eta']}; give it once.", field="eta"
            )
        object.__setattr__(request, "eta", given["eta"])
    object.__setattr__(request, "options", Options({name: value for name, value in given.items() if name != "eta"}))


def _check_painting(request: Request) -> None:
    if request.mask is not None and request.image is None:
        raise InvalidRequest(
            f"The mask {shown(request.mask)} has no picture to apply to; give an image too.", field="mask"
        )
    if (edges := request.outpaint) is None:
        return
    if request.image is None:
        raise InvalidRequest(f"There is no picture to outpaint by {shown(edges)}; give an image too.", field="outpaint")
    if len(edges) != 4 or not all(type(e) is int and 0 <= e <= MAX_SIDE for e in edges) or not any(edges):
        raise InvalidRequest(
            f"The outpaint edges {shown(edges)} are not valid; give left, top, right and bottom in pixels, "
            f"each 0 to {MAX_SIDE} and not all 0.",
            field="outpaint",
        )


def _check_choice(name: str, value: str | None, choices: typing.Iterable[str]) -> None:
    if value is not None and value not in (valid := tuple(choices)):
        raise InvalidRequest(f"Unknown {name} {shown(value)}; choose one of {', '.join(valid)}.", field=name)
