"""Boxes that are drawn again, in the text of the web UI's extension ADetailer, both ways, and by their flags."""

from __future__ import annotations

import json

import pytest

from sdedge.boxes import Boxes
from sdedge.errors import InvalidRequest
from sdedge.images import metadata_a1111
from sdedge.images.metadata import parse_parameters
from sdedge.pass_parts import read_parts
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request

BEFORE = "a cat\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 5, Size: 512x512, "


def _read(settings):
    return parse_parameters(f"{BEFORE}{settings}, Version: v1.10.1")


def test_what_the_extension_writes_is_read():
    recorded = _read(
        'ADetailer model: face_yolov8n.pt, ADetailer prompt: "a face, [SEP] smiling", ADetailer confidence: 0.5, '
        "ADetailer dilate erode: 8, ADetailer mask blur: 6, ADetailer denoising strength: 0.35, "
        "ADetailer inpaint only masked: True, ADetailer inpaint padding: 48, ADetailer use separate steps: True, "
        "ADetailer steps: 28, ADetailer sampler: Euler, ADetailer x offset: 3, ADetailer mask only top k largest: 2, "
        "ADetailer model 2nd: hand_yolov8n.pt, ADetailer confidence 2nd: 0.3, ADetailer version: 24.9.0"
    )
    changes = Changes(prompt="a face, [SEP] smiling", strength=0.35, steps=28)  # a sampler counts where it is said to
    face = Pass(changes, boxes=Boxes("face_yolov8n.pt", 0.5, most=2, dilate=8, right=3, blur=6.0, padding=48))
    hand = Pass(Changes(strength=0.4), boxes=Boxes("hand_yolov8n.pt", 0.3))
    assert recorded.fields["passes"] == (face, hand)
    assert not [item for item in recorded.unhonoured if "ADetailer" in item.field] and not recorded.notes


def test_what_cannot_be_carried_over_is_said():
    recorded = _read("ADetailer model: mediapipe_face_full, ADetailer confidence: 0.3, ADetailer odd: 1")
    assert "passes" not in recorded.fields
    assert {"ADetailer model", "ADetailer confidence", "ADetailer odd"} <= {each.field for each in recorded.unhonoured}
    recorded = _read(
        "ADetailer model: face_yolov8n.pt, ADetailer ControlNet model: x, ADetailer inpaint only masked: False"
    )
    assert {each.field for each in recorded.unhonoured} == {
        "ADetailer ControlNet model",
        "ADetailer inpaint only masked",
    }
    recorded = _read("ADetailer model: face_yolov8n.pt, ADetailer confidence: 7, ADetailer model 2nd: None")
    assert "passes" not in recorded.fields and "ADetailer confidence" in {each.field for each in recorded.unhonoured}


def test_what_is_written_is_read_again_beside_hires_fix():
    hires = Pass(Changes(strength=0.6, steps=10), Enlargement("latent", 2.0))
    face = Pass(
        Changes(
            strength=0.4, prompt="a face", negative="", guidance=5.0, sampler="dpmpp_2m", schedule="karras", steps=12
        ),
        boxes=Boxes("face_yolov8n", 0.4, ("face", "eye"), 1, -3, 2, 1, 5.5, 16),
    )
    hand = Pass(Changes(strength=0.25), boxes=Boxes("hand_yolov8n"))
    request = Request("a cat", steps=20, seed=1, width=512, height=512, passes=(hires, face, hand))
    text = metadata_a1111.write(request, {})
    assert "ADetailer model: face_yolov8n, " in text and "ADetailer model 2nd: hand_yolov8n" in text
    recorded = parse_parameters(text)
    assert recorded.fields["passes"] == request.passes
    assert "strength" not in recorded.fields
    without = Request("a cat", steps=20, seed=1, passes=(hand,))
    recorded = parse_parameters(metadata_a1111.write(without, {}))
    assert recorded.fields["passes"] == (hand,)


def test_flags_make_a_pass_after_the_others_and_change_it():
    hires = Pass(Changes(strength=0.6), Enlargement("latent", 2.0))
    base = Request("a cat", passes=(hires,))
    parts = {"detail": "face_yolov8n", "detail_only": "face, eye", "detail_steps": "9", "detail_right": "-2"}
    request = base.overlaid(passes=read_parts(parts))
    expected = Pass(Changes(strength=0.4, steps=9), boxes=Boxes("face_yolov8n", only=("face", "eye"), right=-2))
    assert request.passes == (hires, expected)
    assert request.overlaid(passes=read_parts({"detail_strength": "0.2"})).passes[1].changes["strength"] == 0.2
    assert request.overlaid(passes=read_parts({"detail": "none"})).passes == (hires,)
    with pytest.raises(
        InvalidRequest, match="detail_steps is given without a detector; give detail, such as face_yolov8n"
    ):
        base.overlaid(passes=read_parts({"detail_steps": "9"}))


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ('{"boxes": {"confidence": 1}}', "give an object with the detector"),
        ('{"boxes": {"model": "face", "colour": 1}}', "Boxes have no 'colour'"),
        ('{"boxes": {"model": "face", "blur": "x"}}', "In the boxes of a pass: .*blur"),
        ('{"boxes": {"model": "face", "only": "eye"}}', "give a list of names"),
        ('{"boxes": {"model": 3}}', "model|passes"),
    ],
)  # fmt: skip
def test_bad_boxes_are_refused_in_a_sentence(record, sentence):
    from sdedge.request_fields import FIELDS

    with pytest.raises(InvalidRequest, match=sentence):
        FIELDS["passes"].type.parse("passes", record)
    good = FIELDS["passes"].type.parse("passes", '{"boxes": {"model": "face", "only": ["eye"], "most": 2}}')
    assert json.loads(FIELDS["passes"].type.format(good)) == [
        {"boxes": {"model": "face", "only": ["eye"], "most": 2}, "changes": {"strength": 0.4}}
    ]
