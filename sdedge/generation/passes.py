"""The passes after the first: the same again, changed. One picture at a time, whatever the batch of the first pass.

Between passes a picture is a `Drawing`: its latent where a network of latents drew it, pixels where they were put together. Each
pass enlarges it and, with a strength, denoises it from there as image to image does, on noise drawn anew at its size.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from sdedge.engines.protocol import Engine, ModelFacts
from sdedge.errors import InvalidRequest
from sdedge.events import Event, Loading
from sdedge.generation import out_of_memory
from sdedge.generation.control_predictor import check_spans, for_a_whole_picture
from sdedge.generation.detailer import box_prompts, check_boxes, draw_boxes_again
from sdedge.generation.enlarge import check_enlarger, enlarge_latent, enlarge_pixels
from sdedge.generation.img2img import SourceImage
from sdedge.generation.prompts import PreparedRequest, adapt, new_notices
from sdedge.generation.regions import check_regions
from sdedge.generation.requirements import refuse_unsupported
from sdedge.generation.sample import decode_pixels, make_plan, sample
from sdedge.generation.start import begin, encode_pixels
from sdedge.generation.upscale import check_size
from sdedge.images.source import Size, fit
from sdedge.images.stitch import Crop
from sdedge.library.adapters import look_up_lora
from sdedge.passes import FIELD, Changes, Pass
from sdedge.request import Request, Resolved
from sdedge.request_fields import MAX_SIDE
from sdedge.text.tags import extract_loras

UNIT = 8  # pixels; what is drawn has sides that are multiples of it


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture between passes: its latent (1, 4, h, w), or its pixels uint8 (H, W, 3) where it has none."""

    latent: Tensor | None = None
    pixels: np.ndarray | None = None


@dataclass(frozen=True)
class SettledPass:
    """A pass and the request that it draws: the picture's own with its changes, at the size that the picture then has.

    size  width and height in pixels of what leaves it; the request's, but where it is only enlarged
    """

    each: Pass
    request: Resolved
    size: Size

    @property
    def redraws(self) -> bool:
        """Returns whether it denoises: with a strength of 0 it only enlarges."""
        return self.request.strength > 0

    @property
    def is_latent(self) -> bool:
        """Returns whether it enlarges latents, so that no pixels are needed."""
        return self.each.enlarge is not None and self.each.enlarge.is_latent


def settled(request: Resolved, size: Size) -> Iterator[SettledPass]:
    """Yields a request's passes, the first of which finds a picture of a size (width, height) in pixels.

    Raises InvalidRequest for sizes that cannot be drawn.
    """
    for each in request.passes:
        changed = request.changed(each).replace(image=None, mask=None, outpaint=None)
        if each.enlarge is not None:
            size = each.enlarge.target(size)
        if each.boxes is not None:  # each is drawn at the picture's first size
            yield SettledPass(each, changed, size)
            continue
        if changed.strength > 0 or (each.enlarge is not None and each.enlarge.is_latent):
            size = _drawable(size)
            changed = changed.replace(width=size[0], height=size[1])
        yield SettledPass(each, changed, size)


def _drawable(size: Size) -> Size:
    width, height = (side // UNIT * UNIT for side in size)
    if not all(64 <= side <= MAX_SIDE for side in (width, height)):
        raise InvalidRequest(
            f"A pass would draw {width}x{height} anew, and sides of 64 to {MAX_SIDE} pixels are drawn; change its scale, or "
            "enlarge with a strength of 0.",
            field=FIELD,
        )
    return width, height


def resolve_passes(request: Request, facts: ModelFacts) -> tuple[Pass, ...]:
    """Returns a request's passes with the schedule chosen for each that has another sampler and says none.

    It is the request's, where that chooses one that the sampler takes, and else the sampler's own. A picture in which boxes are
    drawn again is enlarged as pixels. Raises InvalidRequest.
    """
    return tuple(_with_schedule(request, _enlarging_pixels(each), facts) for each in request.passes)


def _enlarging_pixels(each: Pass) -> Pass:
    if each.boxes is None or each.enlarge is None or not each.enlarge.is_latent:
        return each
    return replace(each, enlarge=replace(each.enlarge, by="lanczos"))


def _with_schedule(request: Request, each: Pass, facts: ModelFacts) -> Pass:
    has_own = each.changes.get("sampler", request.sampler) != request.sampler
    if not has_own or "schedule" in each.changes or request.sigmas or request.timesteps:
        return each
    if request.schedule is not None:
        with suppress(InvalidRequest):
            return _having(each, make_plan(request.changed(_having(each, request.schedule)), facts).schedule)
    return _having(each, make_plan(request.changed(_having(each, None)), facts).schedule)


def _having(each: Pass, schedule: str | None) -> Pass:
    changes: dict[str, Any] = {**each.changes, "schedule": schedule}
    return replace(each, changes=Changes(changes))


def check_passes(engine: Engine, request: Resolved, size: Size) -> None:
    """Raises InvalidRequest for passes over a picture of a size (width, height) in pixels that cannot be carried out, and
    OutOfMemory for pixels that there is no room for.

    Wildcards in the request's prompts are resolved; `check_loras` asks the same of the LoRAs of another picture's.
    """
    check_loras(request)
    for each in settled(request, size):
        if each.each.enlarge is not None:
            check_enlarger(each.each.enlarge.by)
            check_size(size, each.size)
        size = each.size
        if each.each.boxes is not None:
            check_boxes(each.each.boxes)
        if each.redraws:
            _check_drawn(engine, each)


def check_loras(request: Resolved) -> None:
    """Looks up now, and not after the passes before, the LoRAs of the passes of a request whose wildcards are resolved.

    Raises InvalidRequest for one that is not there.
    """
    names: set[str] = set()
    for each in request.passes:
        changed = request.changed(each)
        if changed.strength > 0:
            texts = (changed.prompt,) if each.boxes is None else box_prompts(changed.prompt, request.prompt)
            names.update(tag.name for text in texts for tag in extract_loras(text)[1])
    for name in sorted(names):
        look_up_lora(name)


def _check_drawn(engine: Engine, each: SettledPass) -> None:
    """Checks now, and not after the passes before, what a pass needs to denoise."""
    has_boxes = each.each.boxes is not None
    refuse_unsupported(engine, each.request)
    plan = make_plan(each.request, engine.facts, each.request.strength, all_steps=not has_boxes)
    if not has_boxes:
        engine.check_size(*each.size)
        check_regions(each.request, engine.facts.downscale)
        check_spans(each.request, len(plan.sigmas) - 1)


def largest(request: Resolved, size: Size, batch: int) -> tuple[int, int, int]:
    """Returns width, height and pictures at a time of the pass that takes most memory; `size` is of the first one's result."""
    drawn = [
        (request.width, request.height, batch),
        *((*each.size, 1) for each in settled(request, size) if each.redraws and each.each.boxes is None),
    ]
    return max(drawn, key=lambda job: job[0] * job[1] * job[2])


def run_passes(
    engine: Engine, prepared: PreparedRequest, drawing: Drawing, size: Size, previews: bool, noticed: set[str]
) -> Generator[Event, None, Drawing]:
    """Carries out the passes of one picture after its first and returns it as the last one leaves it.

    Notices that are among those `noticed` are not yielded again. When the memory runs out, a pass is repeated in a smaller mode.
    """
    for number, each in enumerate(settled(prepared.request, size), 2):
        member = replace(prepared, request=each.request, pass_number=number)
        if each.redraws and each.each.boxes is None:
            request, lines = for_a_whole_picture(engine, member.request)
            member = replace(member, request=request)
            yield from new_notices([*lines, *adapt(engine, [request])], noticed)
        for attempt in out_of_memory.attempts(engine):
            yield from attempt.notices
            with attempt:
                if each.each.boxes is None:
                    result = yield from _run(engine, member, each, drawing, previews)
                else:
                    result = yield from _run_boxes(engine, member, each, drawing, previews, prepared.request, noticed)
        drawing = result
    return drawing


def _run(
    engine: Engine, member: PreparedRequest, each: SettledPass, drawing: Drawing, previews: bool
) -> Generator[Event, None, Drawing]:
    """Carries out one pass over a whole picture."""
    if each.is_latent:
        assert each.each.enlarge is not None
        latent = drawing.latent
        if latent is None:
            assert drawing.pixels is not None
            latent = encode_pixels(engine, member.request, drawing.pixels)
        source = None
        if any(control.hint is None for control in member.request.controls):  # which read the picture
            source = _picture(fit((yield from pixels_of(engine, member.request, drawing)), each.size))
        cells = each.size[0] // engine.facts.downscale, each.size[1] // engine.facts.downscale
        return (
            yield from redraw(engine, member, source, previews, enlarge_latent(latent, each.each.enlarge.by, cells))
        )
    pixels = yield from _enlarged(engine, member, each, drawing)
    if not each.redraws:
        return Drawing(pixels=pixels)
    return (yield from redraw(engine, member, _picture(fit(pixels, each.size)), previews))


def _run_boxes(
    engine: Engine,
    member: PreparedRequest,
    each: SettledPass,
    drawing: Drawing,
    previews: bool,
    own: Resolved,
    noticed: set[str],
) -> Generator[Event, None, Drawing]:
    """Carries out one pass over the boxes in a picture whose own request is `own`."""
    pixels = yield from _enlarged(engine, member, each, drawing)
    if each.redraws and each.each.boxes is not None:
        pixels = yield from draw_boxes_again(engine, member, each.each.boxes, pixels, own, previews, noticed)
    return Drawing(pixels=pixels)


def _enlarged(
    engine: Engine, member: PreparedRequest, each: SettledPass, drawing: Drawing
) -> Generator[Event, None, np.ndarray]:
    """Returns the pixels of a picture, enlarged where the pass does that."""
    pixels = yield from pixels_of(engine, member.request, drawing)
    if each.each.enlarge is not None:
        yield Loading("enlarging")
        pixels = yield from enlarge_pixels(engine, each.each.enlarge.by, pixels, each.size)
    return pixels


def _picture(pixels: np.ndarray) -> SourceImage:
    """Returns a whole picture to start from."""
    size = pixels.shape[1], pixels.shape[0]
    return SourceImage(pixels, Crop((0, 0, *size), size), pixels)


def redraw(
    engine: Engine, member: PreparedRequest, source: SourceImage | None, previews: bool, drawn: Tensor | None = None
) -> Generator[Event, None, Drawing]:
    """Denoises a picture again, from pixels or from a latent (1, 4, h, w) that was `drawn`, by its request's strength."""
    start = replace(begin(engine, [member.request], source, drawn), all_steps=True)
    return Drawing((yield from sample(engine, [member], start, source, previews)))


def pixels_of(engine: Engine, request: Resolved, drawing: Drawing) -> Generator[Event, None, np.ndarray]:
    """Returns the pixels of a picture between passes, uint8 (H, W, 3)."""
    if drawing.pixels is not None:
        return drawing.pixels
    assert drawing.latent is not None
    yield Loading("decoding")
    return decode_pixels(engine, request, drawing.latent)
