"""Faces, hands and other things drawn again: what a detector finds is cut out, enlarged, denoised and put back, box by box.

As ADetailer does it: each box is inpainted by itself at the picture's own size, with a seed one higher than the one before, and
prompts that may differ from box to box ("[SEP]" between them; "[PROMPT]" is the picture's own, "[SKIP]" leaves a box alone).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from sdedge.boxes import FIELD, Boxes, grown, redrawn
from sdedge.engines.protocol import Engine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.events import Event, Loading, Notice
from sdedge.generation.detect import Detection, detect
from sdedge.generation.img2img import SourceImage
from sdedge.generation.prompts import PreparedRequest, adapt, new_notices
from sdedge.generation.sample import decode_pixels, sample
from sdedge.generation.start import begin
from sdedge.images import mask as masks
from sdedge.images.mask import Box
from sdedge.images.stitch import crop_around
from sdedge.library.detectors import find_detector
from sdedge.request import Resolved
from sdedge.request_fields import SEEDS
from sdedge.text.clean import shown
from sdedge.weights.detector import DetectorModel, load_detector, open_detector

_SEPARATOR = "[SEP]"
_SKIP = "[SKIP]"
_OWN = "[PROMPT]"


def check_boxes(boxes: Boxes) -> DetectorModel:
    """Opens the detector of a pass. Raises InvalidRequest for one that is not there or none, or finds other things."""
    try:
        model = open_detector(find_detector(boxes.model))
    except (InvalidRequest, ModelError) as error:
        raise InvalidRequest(str(error), field=FIELD, remedy=error.remedy) from error
    if unknown := [name for name in boxes.only if name not in model.classes]:
        raise InvalidRequest(
            f"The detector {model.name} finds no {shown(unknown[0])}; it finds {', '.join(model.classes[:20])}.",
            field=FIELD,
        )
    return model


def draw_boxes_again(
    engine: Engine,
    member: PreparedRequest,
    boxes: Boxes,
    pixels: np.ndarray,
    own: Resolved,
    previews: bool,
    noticed: set[str],
) -> Generator[Event, None, np.ndarray]:
    """Returns uint8 pixels (H, W, 3) in which what a detector finds is drawn again; others are the same bit for bit.

    `own` is the picture's request, whose prompts those of the pass may take in. Each box has the LoRAs of its own prompt. Notices
    that are among those `noticed` are not yielded again.
    """
    yield Loading("finding")
    model = check_boxes(boxes)
    detections = detected(pixels, model, boxes)
    yield Notice(_said(model, boxes, detections))
    for number, detection in enumerate(detections):
        text = nth_prompt(member.request.prompt, number, own.prompt)
        box = grown(detection.box, boxes, (pixels.shape[1], pixels.shape[0]))
        if text is None or box is None:
            continue
        request = member.request.replace(
            prompt=text,
            negative=nth_prompt(member.request.negative, number, own.negative) or "",
            seed=(member.request.seed + number) % SEEDS,
        )
        yield from new_notices(adapt(engine, [request]), noticed)
        pixels = yield from _redrawn(engine, replace(member, request=request), boxes, pixels, box, previews)
    return pixels


def detected(pixels: np.ndarray, model: DetectorModel, boxes: Boxes) -> list[Detection]:
    """Returns what is to be drawn again in a picture, the surest first."""
    detections = detect(load_detector(model), model.classes, pixels, boxes.confidence)
    return [detections[number] for number in redrawn([(each.name, each.box) for each in detections], boxes)]


def nth_prompt(prompt: str, number: int, own: str) -> str | None:
    """Returns the prompt of a box: the part of this number, or the last one; None for a box that is left alone.

    An empty part is the picture's own prompt.
    """
    parts = prompt.split(_SEPARATOR)
    part = parts[min(number, len(parts) - 1)].strip()
    if part == _SKIP:
        return None
    return part.replace(_OWN, own) if part else own


def box_prompts(prompt: str, own: str) -> list[str]:
    """Returns every prompt that a box may get."""
    texts = (nth_prompt(prompt, number, own) for number in range(prompt.count(_SEPARATOR) + 1))
    return [text for text in texts if text is not None]


def _redrawn(
    engine: Engine, member: PreparedRequest, boxes: Boxes, pixels: np.ndarray, box: Box, previews: bool
) -> Generator[Event, None, np.ndarray]:
    request = member.request
    mask = np.zeros(pixels.shape[:2], bool)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = True
    crop = crop_around(mask, (request.width, request.height), boxes.padding)
    source = SourceImage(pixels, crop, crop.cut(pixels), crop.cut_mask(mask), masks.feather(mask, boxes.blur))
    latent = yield from sample(engine, [member], begin(engine, [request], source), source, previews)
    yield Loading("decoding")
    return source.finish(decode_pixels(engine, request, latent))


def _said(model: DetectorModel, boxes: Boxes, detections: Sequence[Detection]) -> str:
    if not detections:
        return f"The detector {model.name} found nothing with a confidence of {boxes.confidence:g}; nothing is drawn again."
    things = ", ".join(f"{each.name} ({each.score:.2f})" for each in detections[:8])
    more = f" and {len(detections) - 8} more" if len(detections) > 8 else ""
    return f"The detector {model.name} found {things}{more}."
