"""The form without a window: typing, faults, seeds, restoring, and the Request it comes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.form.model import FormModel
from gui.models.card import ModelCard, read_card
from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.request import Request

NUMBERS = ("width", "height", "steps", "guidance", "count", "batch", "clip_skip", "strength", "mask_blur", "seed")


@given(name=st.sampled_from(NUMBERS), text=st.text() | st.integers().map(str) | st.floats().map(str))
def test_whatever_is_typed_is_taken_or_kept_with_a_sentence(name, text):
    form = FormModel()
    form.steps = 33
    form.type(name, text)
    if name in form.faults:
        assert form.text(name) == text and form.faults[name].endswith(".")
        with pytest.raises(InvalidRequest):
            form.wanted()
    else:
        form.wanted()
    assert form.steps == 33 or name == "steps"


def test_a_fault_goes_when_the_field_is_put_right_and_nothing_else_changes():
    form = FormModel()
    form.type("guidance", "1e9")
    form.type("steps", "-4")
    assert set(form.problems()) == {"guidance", "steps"} and form.guidance is None and form.steps == 20
    form.type("steps", "12")
    assert set(form.problems()) == {"guidance"} and form.steps == 12
    form.put(guidance=3.0)
    assert not form.problems() and form.text("guidance") == "3"


def test_a_whole_size_may_be_typed_into_either_side():
    form = FormModel()
    form.type("height", "512 × 768")
    assert (form.width, form.height) == (512, 768)
    form.type("width", "512x700")
    assert (form.width, form.height) == (512, 768) and "multiple of 8" in form.faults["width"]


def test_an_empty_size_is_the_models_own():
    form = FormModel()
    form.type("width", "512x768")
    form.type("width", "")
    form.type("height", "")
    assert form.wanted().request.width is None and form.size is None
    form.card = ModelCard("x", 448)
    assert form.size == (448, 448)


def test_a_seed_that_is_not_kept_changes_with_every_picture_and_is_shown():
    form = FormModel()
    first = form.wanted().request.seed
    assert form.seed == first and form.wanted().request.seed != first


def test_a_typed_seed_is_kept_until_chance_is_asked_for():
    form = FormModel()
    form.type("seed", "7")
    assert [form.wanted().request.seed for _ in range(2)] == [7, 7]
    form.type("seed", "0")
    assert form.wanted().request.seed == 0
    form.type("seed", "-1")
    assert not form.seed_locked and form.wanted().request.seed is not None


def test_restoring_a_picture_gives_its_request_back_whatever_it_sets():
    odd = {
        "prompt": "a", "negative": "b", "model": "m", "vae": "v", "width": 128, "height": 64, "steps": 3,
        "guidance": 2.0, "sampler": "ddim", "schedule": "leading", "eta": 0.5, "preset": "diffusers", "seed": 5,
        "noise": "philox", "variation_seed": 9, "variation_strength": 0.1, "clip_skip": 2, "guidance_rescale": 0.7,
        "image_guidance": 2.0,
        "guidance_interval": (0.1, 5.0), "tiling": True, "watermark": True, "mask_padding": 8, "safety": False,
    }  # fmt: skip
    request = Request(**odd)
    form = FormModel()
    form.restore(request)
    assert form.wanted().request == request


def test_restoring_can_be_undone_with_what_was_typed():
    form = FormModel()
    form.put(prompt="mine")
    form.type("steps", "many")
    before = form.snapshot()
    form.restore(Request(prompt="theirs", steps=4))
    form.revert(before)
    assert form.prompt == "mine" and form.text("steps") == "many" and "steps" in form.faults


def test_a_picture_that_has_vanished_is_said_at_its_field(tmp_path):
    form = FormModel()
    picture = tmp_path / "a.png"
    picture.touch()
    form.start_from(str(picture))
    assert form.task == "img2img" and not form.problems()
    picture.unlink()
    assert str(picture) in form.problems()["image"]


def test_settings_of_a_picture_to_start_from_count_only_with_one():
    form = FormModel()
    form.type("strength", "0.3")
    assert form.wanted().request.strength == Request().strength


def test_a_broken_tag_is_a_fault_of_the_prompt():
    form = FormModel()
    form.put(prompt="a house <lora:x:heavy>")
    assert "<lora:x:heavy>" in form.problems()["prompt"]


def test_every_choice_of_the_catalog_can_be_drawn_from_the_form():
    form = FormModel()
    for name, values in (("sampler", catalog.SAMPLERS), ("schedule", catalog.SCHEDULES), ("speed", catalog.SPEEDS)):
        for value in values:
            form.put(**{name: value})
            assert getattr(form.wanted().request, name) == value


def test_the_embedded_models_card_is_read_without_its_weights():
    card = read_card("pocket")
    assert (
        card.side > 0
        and card.guidance == 4.0
        and card.tokenizer is not None
        and card.in_channels == 4
        and card.bundle is None
    )


@pytest.mark.parametrize(
    "field, value",
    [
        ("steps", 0),
        ("width", 65),
        ("sampler", "none"),
        ("clip_skip", 13),
        ("prompt", "x" * 20_001),
        ("schedule", "none"),
    ],
)
def test_what_the_request_refuses_is_said_at_its_field(field, value):
    form = FormModel()
    setattr(form, field, value)
    assert set(form.problems()) == {field}


def test_options_of_a_picture_s_sampler_go_with_it_and_come_back():
    form = FormModel()
    form.restore(Request("a house", sampler="euler", options={"s_churn": 3, "s_noise": 1.1}, seed=1))
    assert form.wanted().request.options == {"s_churn": 3, "s_noise": 1.1}
    form.sampler = "euler_a"
    assert form.wanted().request.options == {"s_noise": 1.1}
    form.sampler = "euler"
    assert form.wanted().request.options == {"s_churn": 3, "s_noise": 1.1}


def test_options_of_the_sampler_are_typed_checked_and_drawn_with():
    form = FormModel()
    form.put(sampler="euler")
    form.type("option:s_churn", "12,5")
    assert form.options == {"s_churn": 12.5} and form.text("option:s_churn") == "12.5"
    form.type("option:s_noise", "9")
    assert "option:s_noise" in form.problems() and form.text("option:s_noise") == "9"
    form.put(sampler="heun")  # which takes the same
    assert form.options == {"s_churn": 12.5} and not form.problems()
    assert dict(form.wanted().request.options) == {"s_churn": 12.5}
    form.put(sampler="ddim")
    form.type("option:eta", "0.5")
    assert form.wanted().request.eta == 0.5 and not form.wanted().request.options
    form.type("option:eta", "")
    assert form.wanted().request.eta is None and form.options == {"s_churn": 12.5} and not form.own_options


def test_options_survive_the_draft_and_a_restored_picture():
    for request in (Request(sampler="ddim", eta=0.25, seed=1), Request(sampler="dpm_adaptive", options={"order": 2}, seed=1),
                    Request(sampler="unipc", options={"variant": "bh1", "order": 3}, seed=1)):  # fmt: skip
        form = FormModel()
        form.restore(Request.from_json(request.to_json()))
        assert form.draft() == request and not form.carried
