"""Draws pictures again and says how near they came."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

import sdedge
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.evaluation.reproduction_plan import ReproductionPlan
from sdedge.evaluation.similarity import psnr, ssim
from sdedge.events import Event
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.images import metadata
from sdedge.images.metadata_fields import Unhonoured
from sdedge.images.opening import opened
from sdedge.images.output import Output
from sdedge.request import Request

AT_LEAST = (
    40.0  # dB of a picture that counts as drawn again: eight-bit pixels differ by about two at most places or less
)
SMALLEST = 11  # pixels of a side, for a structural similarity


class Outcome(StrEnum):
    """How it went for one picture."""

    IDENTICAL = "identical"
    REPRODUCED = "reproduced"
    DIFFERENT = "different"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    PLANNED = "planned"


DRAWN_AGAIN = (Outcome.IDENTICAL, Outcome.REPRODUCED, Outcome.PLANNED)
UNDRAWN = (Outcome.MISSING, Outcome.UNREADABLE, Outcome.FAILED)


@dataclass(frozen=True)
class Reproduction:
    """One picture, drawn again or not: how near it came in dB and in structural similarity, and where it was kept."""

    plan: ReproductionPlan
    outcome: Outcome
    psnr: float | None = None
    ssim: float | None = None
    unhonoured: tuple[Unhonoured, ...] = ()
    notices: tuple[str, ...] = ()
    fault: str = ""
    drawn: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the same as JSON takes it; of equal pictures `psnr` is null, as it is infinite."""
        request = self.plan.request
        return {
            "picture": str(self.plan.path),
            "made_by": self.plan.source,
            "outcome": str(self.outcome),
            "psnr": None if self.psnr is None or math.isinf(self.psnr) else round(self.psnr, 2),
            "ssim": None if self.ssim is None else round(self.ssim, 5),
            "not_honoured": [asdict(setting) for setting in self.unhonoured],
            "missing": [asdict(file) for file in self.plan.missing],
            "notices": list(self.notices),
            "fault": self.fault,
            "request": None if request is None else json.loads(request.to_json()),
            "drawn": None if self.drawn is None else str(self.drawn),
        }


def undrawn(plan: ReproductionPlan, outcome: Outcome, fault: str = "") -> Reproduction:
    """Returns the result for a picture that is not drawn."""
    return Reproduction(plan, outcome, unhonoured=plan.unhonoured, notices=plan.notices, fault=fault or plan.fault)


def reproduce(
    plan: ReproductionPlan, pipeline: Pipeline, tell: Callable[[Event], None], at_least: float = AT_LEAST,
    anyway: bool = False, output: Output | None = None,
) -> Reproduction:  # fmt: skip
    """Draws a planned picture again and grades it; `anyway` also where something is missing, and `output` keeps what is drawn.

    What fails is told in the result, so that other pictures go on. Raises OutputError for what cannot be written.
    """
    if plan.request is None:
        return undrawn(plan, Outcome.UNREADABLE)
    if plan.missing and not (anyway and "model" not in {file.role for file in plan.missing}):
        return undrawn(plan, Outcome.MISSING)
    try:
        original = _Original.read(plan.path)
    except InvalidRequest as error:  # its settings are whole, and its pixels are not
        return undrawn(plan, Outcome.UNREADABLE, str(error))
    try:
        picture, engine = _draw(pipeline, plan.request, tell)
    except (SdedgeError, OSError) as error:
        return undrawn(plan, Outcome.FAILED, str(error))
    drawn = None if output is None else output.write(picture.pixels, picture.request, picture.facts, 1)
    return _graded(plan, original, picture, engine, at_least, drawn)


@dataclass(frozen=True)
class _Original:
    """The pixels of a picture's file, uint8 (H, W, 3), and whether its format loses any."""

    pixels: np.ndarray
    is_lossy: bool

    @classmethod
    def read(cls, path: Path) -> _Original:
        """Reads a picture's pixels. Raises InvalidRequest for a file that is damaged or gone."""
        with opened(path) as image:
            return cls(np.asarray(image.convert("RGB")), image.format != "PNG")


def _draw(pipeline: Pipeline, request: Request, tell: Callable[[Event], None]) -> tuple[Picture, str]:
    for event in pipeline.images(request):
        if isinstance(event, Picture):
            return event, str(event.facts.get("engine", ""))
        tell(event)
    raise InvalidRequest("Nothing was drawn.")


def _graded(
    plan: ReproductionPlan, file: _Original, picture: Picture, engine: str, at_least: float, drawn: Path | None
) -> Reproduction:
    original = file.pixels
    unhonoured = [*plan.unhonoured, *_circumstances(plan, engine)]
    if file.is_lossy:
        reason = "The file is compressed with losses, so that nothing can equal it exactly."
        unhonoured.append(Unhonoured("format", plan.path.suffix.lstrip("."), reason))
    if picture.pixels.shape != original.shape:
        reason = (
            f"The file has {original.shape[1]}x{original.shape[0]} pixels, so that it was changed after it was drawn."
        )
        if not any(each.field == "size" for each in unhonoured):
            size = f"{picture.pixels.shape[1]}x{picture.pixels.shape[0]}"
            unhonoured.append(Unhonoured("size", size, reason))
        return Reproduction(plan, Outcome.DIFFERENT, None, None, tuple(unhonoured), plan.notices, reason, drawn)
    decibels = psnr(picture.pixels, original)
    similarity = ssim(picture.pixels, original) if min(original.shape[:2]) >= SMALLEST else None
    near = Outcome.REPRODUCED if decibels >= at_least else Outcome.DIFFERENT
    outcome = Outcome.IDENTICAL if math.isinf(decibels) else near
    return Reproduction(plan, outcome, decibels, similarity, tuple(unhonoured), plan.notices, "", drawn)


def _circumstances(plan: ReproductionPlan, engine: str) -> list[Unhonoured]:
    """Returns what a picture of ours says of its engine and version, where it was drawn by others."""
    recorded = metadata.read(plan.path)
    if recorded.source != "sdedge":
        return []
    now = {"engine": engine, "version": sdedge.__version__}
    said = {name: recorded.details.get(name) for name in now}
    return [
        Unhonoured(name, value, f"The picture's {name} is {value}; here it is {now[name]}, whose rounding may differ.")
        for name, value in said.items()
        if isinstance(value, str) and value != now[name]
    ]
