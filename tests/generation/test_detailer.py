"""What a detector finds is drawn again, inside its boxes alone, each by its own prompt."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdedge.boxes import Boxes, grown
from sdedge.errors import InvalidRequest
from sdedge.events import Notice
from sdedge.generation import detailer
from sdedge.generation.detailer import nth_prompt
from sdedge.generation.detect import Detection
from sdedge.generation.pipeline import Picture
from sdedge.generation.start import begin
from sdedge.images import metadata
from sdedge.images.output import Output
from sdedge.library.safe_settings import safe_settings, unconfirmed_paths
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.regions import Region, RegionMethod
from sdedge.request import Request
from tests.detector_models import random_detector, save_as_ultralytics

from .conftest import SIDE, drawn


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    return save_as_ultralytics(random_detector(3), tmp_path_factory.mktemp("detectors") / "face_yolov8n.pt")


DETECTIONS = [Detection((8.0, 8.0, 24.0, 24.0), 0.9, "thing 0"), Detection((40.0, 40.0, 56.0, 60.0), 0.8, "thing 1")]


@pytest.fixture
def request_of(models, monkeypatch):
    monkeypatch.setattr(detailer, "detect", lambda network, classes, pixels, confidence: DETECTIONS)

    def make(*passes, **more):
        return Request("a red house", model=models[4], steps=2, width=SIDE, height=SIDE, seed=5, passes=passes, **more)

    return make


def _inside(box, shape):
    mask = np.zeros(shape[:2], bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def test_pixels_change_inside_the_boxes_alone(pipeline, request_of, face):
    (native,) = drawn(pipeline, request_of())
    boxes = Boxes(str(face))
    (picture,) = drawn(pipeline, request_of(Pass(Changes(strength=0.8), boxes=boxes)))
    changed = (picture.pixels != native.pixels).any(axis=2)
    first, second = (_inside(grown(each.box, boxes, (SIDE, SIDE)), changed.shape) for each in DETECTIONS)
    assert changed[first].any() and changed[second].any() and not changed[~(first | second)].any()
    only = Boxes(str(face), only=("thing 1",))
    (picture,) = drawn(pipeline, request_of(Pass(Changes(strength=0.8), boxes=only)))
    changed = (picture.pixels != native.pixels).any(axis=2)
    assert changed[second].any() and not changed[~second].any()


def test_each_box_is_an_inpainting_of_its_own(pipeline, request_of, face, tmp_path):
    """The second box is what a request draws that inpaints it alone in the picture with the first box drawn again."""
    boxes = Boxes(str(face), dilate=0, padding=8)
    again = Pass(Changes(strength=0.8, prompt="a cat [SEP] [PROMPT] at night", steps=3), boxes=boxes)
    (expected,) = drawn(pipeline, request_of())
    for number, (detection, prompt) in enumerate(zip(DETECTIONS, ("a cat", "a red house at night"), strict=True)):
        Image.fromarray(expected.pixels).save(tmp_path / "picture.png")
        Image.fromarray(_inside([int(side) for side in detection.box], (SIDE, SIDE))).save(tmp_path / "mask.png")
        masked = {"image": str(tmp_path / "picture.png"), "mask": str(tmp_path / "mask.png"), "mask_only": True}
        request = request_of(strength=0.8, mask_padding=8, **masked)
        (expected,) = drawn(pipeline, request.replace(prompt=prompt, steps=3, seed=5 + number))
    (picture,) = drawn(pipeline, request_of(again))
    assert np.array_equal(picture.pixels, expected.pixels)


def test_each_box_has_the_loras_of_its_own_prompt(pipeline, request_of, face, monkeypatch):
    adapted = []
    monkeypatch.setattr(
        detailer, "adapt", lambda engine, requests: (adapted.extend(each.prompt for each in requests), ("a note",))[1]
    )
    again = Pass(Changes(strength=0.5, prompt="[PROMPT], a face [SEP] a cat"), boxes=Boxes(str(face)))
    events = [*pipeline.images(request_of(again))]
    assert adapted == ["a red house, a face", "a cat"]
    assert [event.message for event in events if isinstance(event, Notice)].count("a note") == 1


def test_what_is_about_the_whole_picture_is_not_about_its_boxes(pipeline, request_of, face, files, monkeypatch):
    """Neither what goes under the picture's own mask, nor a LoRA in the prompt of a region."""
    masked = {"image": str(files / "photo.png"), "mask": str(files / "mask.png"), "masked_content": "nothing"}
    again = Pass(Changes(strength=0.5, prompt="a face"), boxes=Boxes(str(face)))
    (first, _), drawn_as = (request_of(again, **masked) for _ in range(2)), []
    monkeypatch.setattr(
        detailer,
        "begin",
        lambda engine, requests, source: (drawn_as.extend(requests), begin(engine, requests, source))[1],
    )
    drawn(pipeline, first)
    assert {request.masked_content for request in drawn_as} == {"original"}
    region = Region("a boat <lora:a:1>", by=RegionMethod.PREDICTION)
    request = Request("a house <lora:a:1>", regions=(region,), passes=(again,))
    assert request.changed(again).regions == () and request.regions == (region,)


def test_a_picture_that_is_enlarged_for_its_boxes_is_enlarged_as_pixels(pipeline, request_of, face):
    request = request_of(Pass(Changes(strength=0.5), Enlargement(scale=2.0), boxes=Boxes(str(face), most=1)))
    (picture,) = drawn(pipeline, request)
    assert picture.pixels.shape == (2 * SIDE, 2 * SIDE, 3)
    assert picture.request.passes[0].enlarge.by == "lanczos"


def test_an_empty_part_of_a_negative_prompt_is_the_pictures_own(pipeline, request_of, face, monkeypatch):
    """And so is [PROMPT] in one; the first box once had the parts of all boxes for its negative prompt."""
    drawn_as = []
    monkeypatch.setattr(
        detailer,
        "begin",
        lambda engine, requests, source: (drawn_as.extend(requests), begin(engine, requests, source))[1],
    )
    again = Pass(Changes(strength=0.5, negative="[SEP] [PROMPT], blurry"), boxes=Boxes(str(face)))
    drawn(pipeline, request_of(again, negative="trees"))
    assert [request.negative for request in drawn_as] == ["trees", "trees, blurry"]


@pytest.mark.slow
def test_what_was_found_is_said_and_nothing_found_leaves_the_picture(pipeline, request_of, face, monkeypatch):
    again = Pass(boxes=Boxes(str(face)))
    events = [*pipeline.images(request_of(again))]
    assert any(
        isinstance(event, Notice) and "found thing 0 (0.90), thing 1 (0.80)" in event.message for event in events
    )
    (native,) = drawn(pipeline, request_of())
    monkeypatch.setattr(detailer, "detect", lambda *arguments: [])
    events = [*pipeline.images(request_of(again))]
    (picture,) = [event for event in events if isinstance(event, Picture)]
    assert np.array_equal(picture.pixels, native.pixels)
    assert any(isinstance(event, Notice) and "found nothing" in event.message for event in events)


@pytest.mark.slow
def test_boxes_come_after_an_enlargement_and_are_drawn_at_the_first_size(pipeline, request_of, face):
    enlarge = Pass(Changes(strength=0.0), Enlargement("lanczos", 2.0))
    (large,) = drawn(pipeline, request_of(enlarge))
    (picture,) = drawn(pipeline, request_of(enlarge, Pass(Changes(strength=0.8), boxes=Boxes(str(face), most=1))))
    changed = (picture.pixels != large.pixels).any(axis=2)
    assert picture.pixels.shape == (2 * SIDE, 2 * SIDE, 3) and changed.any()
    assert not changed[~_inside(grown(DETECTIONS[1].box, Boxes("x"), (999, 999)), changed.shape)].any()


@pytest.mark.parametrize(
    ("boxes", "box"),
    [
        (Boxes("x", dilate=0), (10, 20, 30, 40)),
        (Boxes("x", dilate=4), (9, 19, 32, 42)),
        (Boxes("x", dilate=1), (10, 20, 30, 40)),
        (Boxes("x", dilate=-5), (12, 22, 28, 38)),
        (Boxes("x", dilate=-40), None),
        (Boxes("x", dilate=0, right=5, up=3), (15, 17, 35, 37)),
        (Boxes("x", dilate=0, right=-15), (0, 20, 15, 40)),
        (Boxes("x", dilate=0, right=-40), None),
    ],
)
def test_boxes_grow_shrink_and_move_and_stay_inside(boxes, box):
    assert grown((10.4, 20.9, 30.2, 40.0), boxes, (50, 60)) == box


def test_prompts_of_boxes():
    prompt = "a [SEP] [SKIP] [SEP]  [SEP] [PROMPT], closed"
    assert [nth_prompt(prompt, i, "own") for i in range(5)] == ["a", None, "own", "own, closed", "own, closed"]


@pytest.mark.parametrize(
    ("boxes", "sentence"),
    [
        (Boxes("no-such"), "There is no detector 'no-such'"),
        (Boxes(""), "detector has no name"),
        (Boxes("face", confidence=2.0), "from 0 to 1"),
        (Boxes("face", padding=-1), "padding"),
        (Boxes("face", only=("eye",)), "finds no 'eye'; it finds thing 0, thing 1"),
    ],
)
def test_bad_boxes_are_refused_before_a_step(pipeline, request_of, face, boxes, sentence):
    from dataclasses import replace

    with pytest.raises(InvalidRequest, match=sentence):
        boxes = replace(boxes, model=str(face)) if boxes.model == "face" else boxes
        drawn(pipeline, request_of(Pass(boxes=boxes)))


@pytest.mark.slow
def test_boxes_are_part_of_the_record_and_no_path_out_of_it_is_opened(pipeline, request_of, face, tmp_path):
    request = request_of(Pass(Changes(prompt="a cat"), boxes=Boxes(str(face), 0.5, ("thing 0",), right=3)))
    assert request.passes[0].changes["strength"] == 0.4
    assert Request.from_json(request.to_json()) == request
    (picture,) = drawn(pipeline, request)
    path = Output(tmp_path, file="a.png").write(picture.pixels, picture.request, picture.facts, 1)
    fields = metadata.read(path).fields
    assert fields["passes"] == request.passes
    assert str(face) in unconfirmed_paths(fields)["passes"]
    safe, notices = safe_settings(fields, lambda name: name)
    assert safe["passes"][0].boxes.model == "face_yolov8n" and any("detector" in notice for notice in notices)
